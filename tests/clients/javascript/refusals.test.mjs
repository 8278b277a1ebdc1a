// What looks right and is refused, by the client or the server, and how it is done instead.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  GetCommand,
  NumberValue,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { keys } from './shop.mjs';
import { createSingleTable, startStator } from './stator.mjs';

const TableName = 'Shop';

let stator;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, TableName);
});
after(() => stator.stop());

const put = async (Item, documents = stator.documents) => documents.send(new PutCommand({ TableName, Item }));
const get = async (Key, documents = stator.documents) =>
  (await documents.send(new GetCommand({ TableName, Key }))).Item;

test('a reserved word in an update', async () => {
  const update = (expression, names) =>
    stator.documents.send(
      new UpdateCommand({
        TableName,
        Key: keys.member('1'),
        UpdateExpression: expression,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: { ':name': 'Kim' },
        ReturnValues: 'ALL_NEW',
      }),
    );
  await assert.rejects(update('SET name = :name'), {
    name: 'ValidationException',
    message:
      '1 validation error detected: Invalid UpdateExpression: ' +
      'Attribute name is a reserved keyword; reserved keyword: name',
  });
  const { Attributes } = await update('SET #name = :name', { '#name': 'name' });
  assert.deepEqual(Attributes, { ...keys.member('1'), name: 'Kim' });
});

test('undefined, where the client was not told to drop it', async () => {
  const strict = stator.documentsWith({});
  const item = { ...keys.member('2'), tags: new Set(['a', undefined]) };
  await assert.rejects(put(item, strict), /Pass options\.removeUndefinedValues=true/);
  await put(item);
  assert.deepEqual(await get(keys.member('2')), { ...keys.member('2'), tags: new Set(['a']) });
});

test('an instance of a class, where the client was not told to write its members', async () => {
  class Point {
    x = 1;
  }
  const strict = stator.documentsWith({});
  const item = { ...keys.member('3'), at: new Point() };
  await assert.rejects(put(item, strict), /convertClassInstanceToMap/);
  await put(item);
  assert.deepEqual((await get(keys.member('3'))).at, { x: 1 });
});

test('a number that JavaScript cannot hold', async () => {
  const digits = '1234567890123456789012345678901234567.8';
  await put({ ...keys.member('4'), big: NumberValue.from(digits) });
  await assert.rejects(get(keys.member('4')), /Set options\.wrapNumbers/);
  const exact = stator.documentsWith({ unmarshallOptions: { wrapNumbers: true } });
  assert.equal((await get(keys.member('4'), exact)).big.toString(), digits);
});
