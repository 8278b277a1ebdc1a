// PartiQL through the document client: statements with values of the language, pages, batches, transactions.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConditionalCheckFailedException, DuplicateItemException } from '@aws-sdk/client-dynamodb';
import {
  BatchExecuteStatementCommand,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
} from '@aws-sdk/lib-dynamodb';
import { createSingleTable, startStator } from './stator.mjs';

const TableName = 'Shop';
let stator;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, TableName);
  for (const [SK, stock] of [['A', 1], ['B', 2], ['C', 3]]) {
    await execute(`INSERT INTO "${TableName}" VALUE {'PK': ?, 'SK': ?, 'stock': ?}`, ['ITEM', SK, stock]);
  }
});
after(() => stator.stop());

const execute = (Statement, Parameters, more = {}) =>
  stator.documents.send(new ExecuteStatementCommand({ Statement, Parameters, ...more }));

test('a query is read in pages', async () => {
  const statement = `SELECT SK FROM "${TableName}" WHERE PK = ? ORDER BY SK DESC`;
  const first = await execute(statement, ['ITEM'], { Limit: 2 });
  assert.deepEqual(first.Items, [{ SK: 'C' }, { SK: 'B' }]);
  const second = await execute(statement, ['ITEM'], { NextToken: first.NextToken });
  assert.deepEqual(second.Items, [{ SK: 'A' }]);
  await assert.rejects(execute(statement, ['OTHER'], { NextToken: first.NextToken }), {
    name: 'ValidationException',
    message: 'NextToken does not match request',
  });
});

test('an update answers with what it changed', async () => {
  const statement = `UPDATE "${TableName}" SET stock = stock - ? WHERE PK = 'ITEM' AND SK = 'B' AND stock >= ?`;
  const { Items } = await execute(`${statement} RETURNING MODIFIED NEW *`, [1, 1]);
  assert.deepEqual(Items, [{ stock: 1 }]);
  await assert.rejects(execute(statement, [5, 5]), ConditionalCheckFailedException);
});

test('an item is inserted once', async () => {
  const statement = `INSERT INTO "${TableName}" VALUE {'PK': 'ITEM', 'SK': 'A'}`;
  await assert.rejects(execute(statement), DuplicateItemException);
});

test('a batch answers for each statement', async () => {
  const read = (SK) => ({
    Statement: `SELECT stock FROM "${TableName}" WHERE PK = ? AND SK = ?`,
    Parameters: ['ITEM', SK],
  });
  const { Responses } = await stator.documents.send(
    new BatchExecuteStatementCommand({ Statements: [read('C'), read('none')] }),
  );
  assert.deepEqual(Responses, [{ TableName, Item: { stock: 3 } }, { TableName }]);
});

test('a transaction is made or not', async () => {
  const TransactStatements = [
    { Statement: `INSERT INTO "${TableName}" VALUE {'PK': 'ORDER', 'SK': '1'}` },
    { Statement: `EXISTS(SELECT * FROM "${TableName}" WHERE PK = 'ITEM' AND SK = 'A' AND stock = 7)` },
  ];
  await assert.rejects(stator.documents.send(new ExecuteTransactionCommand({ TransactStatements })), (error) => {
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ['None', 'ConditionalCheckFailed']);
    return true;
  });
  const { Items } = await execute(`SELECT * FROM "${TableName}" WHERE PK = 'ORDER'`);
  assert.deepEqual(Items, []);
});
