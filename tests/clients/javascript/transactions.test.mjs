// Transactions through the document client: an order, its lines and a counter, or nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { GetCommand, TransactGetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { createSingleTable, startStator } from './stator.mjs';

const TableName = 'Shop';
let stator;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, TableName);
});
after(() => stator.stop());

const order = (number, lines) => ({
  TransactItems: [
    {
      Put: {
        TableName,
        Item: { PK: 'MEMBER#1', SK: `ORDER#${number}` },
        ConditionExpression: 'attribute_not_exists(PK)',
      },
    },
    {
      Update: {
        TableName,
        Key: { PK: 'MEMBER#1', SK: 'PROFILE' },
        UpdateExpression: 'SET orders = if_not_exists(orders, :none) + :one',
        ExpressionAttributeValues: { ':none': 0, ':one': 1 },
      },
    },
    ...lines.map((line, position) => ({
      Put: { TableName, Item: { PK: `ORDER#${number}`, SK: `LINE#${position}`, line } },
    })),
  ],
});

const read = async (PK, SK) =>
  (await stator.documents.send(new GetCommand({ TableName, Key: { PK, SK } }))).Item;

test('an order is there with its lines and its count', async () => {
  await stator.documents.send(new TransactWriteCommand(order(1, ['tea', 'cups'])));
  const keys = [['MEMBER#1', 'PROFILE'], ['ORDER#1', 'LINE#0'], ['ORDER#1', 'LINE#1'], ['ORDER#1', 'LINE#2']];
  const { Responses } = await stator.documents.send(
    new TransactGetCommand({ TransactItems: keys.map(([PK, SK]) => ({ Get: { TableName, Key: { PK, SK } } })) }),
  );
  assert.equal(Responses[0].Item.orders, 1);
  assert.deepEqual([Responses[1].Item.line, Responses[2].Item.line], ['tea', 'cups']);
  assert.equal(Responses[3].Item, undefined);
});

test('an order that is there already changes nothing', async () => {
  await stator.documents.send(new TransactWriteCommand(order(2, [])));
  const before = await read('MEMBER#1', 'PROFILE');
  await assert.rejects(stator.documents.send(new TransactWriteCommand(order(2, ['late']))), (error) => {
    assert(error instanceof TransactionCanceledException);
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ['ConditionalCheckFailed', 'None', 'None']);
    return true;
  });
  assert.deepEqual(await read('MEMBER#1', 'PROFILE'), before);
  assert.equal(await read('ORDER#2', 'LINE#0'), undefined);
});
