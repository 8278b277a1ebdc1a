// Tables through the plain client: described, listed, with keys of several attributes, deleted.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  DescribeTableCommand,
  ListTablesCommand,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { createSingleTable, createTable, deleteTable, startStator } from './stator.mjs';

let stator;

before(async () => {
  stator = await startStator();
});
after(() => stator.stop());

const describe = (name) => stator.client.send(new DescribeTableCommand({ TableName: name }));

test('a table from its creation to its end', async () => {
  await createSingleTable(stator.client, 'Shop');
  const { Table: table } = await describe('Shop');
  assert.equal(table.TableStatus, 'ACTIVE');
  assert.equal(table.ItemCount, 0);
  assert(Math.abs(Date.now() - table.CreationDateTime) < 60_000);
  assert.match(table.TableArn, /^arn:aws:dynamodb:eu-west-2:\d{12}:table\/Shop$/);
  assert.deepEqual((await stator.client.send(new ListTablesCommand({}))).TableNames, ['Shop']);
  await assert.rejects(createSingleTable(stator.client, 'Shop'), ResourceInUseException);
  await deleteTable(stator.client, 'Shop');
  await assert.rejects(describe('Shop'), ResourceNotFoundException);
});

test('an index key of several attributes needs no joined strings', async () => {
  const types = { match: 'S', cup: 'S', region: 'S', score: 'N' };
  await createTable(stator.client, {
    TableName: 'Matches',
    AttributeDefinitions: Object.entries(types).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    KeySchema: [{ AttributeName: 'match', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'CupRegionIndex',
        KeySchema: [
          { AttributeName: 'cup', KeyType: 'HASH' },
          { AttributeName: 'region', KeyType: 'HASH' },
          { AttributeName: 'score', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
  const matches = [
    { match: 'a', cup: 'winter', region: 'na', score: 12 },
    { match: 'b', cup: 'winter', region: 'na', score: 3 },
    { match: 'c', cup: 'winter', region: 'eu', score: 5 },
  ];
  for (const Item of matches) await stator.documents.send(new PutCommand({ TableName: 'Matches', Item }));
  const found = await stator.documents.send(
    new QueryCommand({
      TableName: 'Matches',
      IndexName: 'CupRegionIndex',
      // `region` is a reserved word.
      KeyConditionExpression: 'cup = :cup AND #region = :region',
      ExpressionAttributeNames: { '#region': 'region' },
      ExpressionAttributeValues: { ':cup': 'winter', ':region': 'na' },
    }),
  );
  assert.deepEqual(found.Items, [matches[1], matches[0]]);
});
