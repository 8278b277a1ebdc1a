// Change streams with the streams client: an application that follows its orders.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DescribeTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb-streams';
import { DeleteCommand, PutCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { createSingleTable, deleteTable, startStator } from './stator.mjs';

const TableName = 'Orders';
const READ_MS_MAX = 30_000;
const Key = { PK: 'MEMBER#1', SK: 'ORDER#1' };
let stator;
let StreamArn;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, TableName);
  const { TableDescription } = await stator.client.send(
    new UpdateTableCommand({
      TableName,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  StreamArn = TableDescription.LatestStreamArn;
});
after(() => stator.stop());

const send = (Command, input) => stator.streams.send(new Command(input));
const write = (Command, input) => stator.documents.send(new Command({ TableName, ...input }));

async function shards() {
  const { StreamDescription } = await send(DescribeStreamCommand, { StreamArn });
  return StreamDescription.Shards;
}

async function iterator(ShardIteratorType, position = {}) {
  const [{ ShardId }] = await shards();
  const answer = await send(GetShardIteratorCommand, { StreamArn, ShardId, ShardIteratorType, ...position });
  return answer.ShardIterator;
}

/** Reads on from an iterator until there are `count` records. */
async function read(ShardIterator, count) {
  const deadline = Date.now() + READ_MS_MAX;
  const records = [];
  while (records.length < count) {
    assert(Date.now() < deadline, `${records.length} records of ${count}`);
    const { Records, NextShardIterator } = await send(GetRecordsCommand, { ShardIterator });
    records.push(...Records);
    ShardIterator = NextShardIterator;
  }
  return records;
}

test('a table names its stream, and the list of streams does', async () => {
  const { Table } = await stator.client.send(new DescribeTableCommand({ TableName }));
  assert.equal(Table.LatestStreamArn, StreamArn);
  assert.deepEqual(Table.StreamSpecification, { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' });
  const { Streams } = await send(ListStreamsCommand, { TableName });
  assert(Streams.some((stream) => stream.StreamArn === StreamArn && stream.TableName === TableName));
  const { StreamDescription } = await send(DescribeStreamCommand, { StreamArn });
  assert.equal(StreamDescription.StreamStatus, 'ENABLED');
  assert(StreamDescription.CreationRequestDateTime instanceof Date);
});

test('an order is followed from its making to its end', async () => {
  const latest = await iterator('LATEST');
  const began = Math.floor(Date.now() / 1000) * 1000;
  await write(PutCommand, { Item: { ...Key, total: 12.5, lines: ['tea', 'cups'] } });
  await write(UpdateCommand, {
    Key,
    UpdateExpression: 'SET paid = :yes',
    ExpressionAttributeValues: { ':yes': true },
  });
  // Changes nothing, so that nobody is told.
  await write(PutCommand, { Item: { ...Key, total: 12.5, lines: ['tea', 'cups'], paid: true } });
  await write(DeleteCommand, { Key });
  const records = await read(latest, 3);
  assert.deepEqual(records.map((record) => record.eventName), ['INSERT', 'MODIFY', 'REMOVE']);
  const made = { PK: { S: 'MEMBER#1' }, SK: { S: 'ORDER#1' }, total: { N: '12.5' }, lines: { L: [{ S: 'tea' }, { S: 'cups' }] } };
  const images = records.map(({ dynamodb }) => [dynamodb.OldImage, dynamodb.NewImage]);
  const paid = { ...made, paid: { BOOL: true } };
  assert.deepEqual(images, [[undefined, made], [made, paid], [paid, undefined]]);
  for (const { dynamodb, eventSource } of records) {
    assert.deepEqual(dynamodb.Keys, { PK: { S: 'MEMBER#1' }, SK: { S: 'ORDER#1' } });
    assert.equal(eventSource, 'aws:dynamodb');
    assert(dynamodb.ApproximateCreationDateTime.getTime() >= began);
  }
  const { SequenceNumber } = records[1].dynamodb;
  assert.deepEqual(await read(await iterator('AT_SEQUENCE_NUMBER', { SequenceNumber }), 2), records.slice(1));
  assert.deepEqual(await read(await iterator('AFTER_SEQUENCE_NUMBER', { SequenceNumber }), 1), records.slice(2));
});

test('a transaction is in the stream with all its items, or not at all', async () => {
  const latest = await iterator('LATEST');
  const order = (number) => [
    { Put: { TableName, Item: { PK: `ORDER#${number}`, SK: 'LINE#1' } } },
    { Put: { TableName, Item: { PK: `ORDER#${number}`, SK: 'LINE#2' }, ConditionExpression: 'attribute_not_exists(PK)' } },
  ];
  await stator.documents.send(new TransactWriteCommand({ TransactItems: order(2) }));
  await assert.rejects(stator.documents.send(new TransactWriteCommand({ TransactItems: order(2) })));
  await stator.documents.send(new TransactWriteCommand({ TransactItems: order(3) }));
  const records = await read(latest, 4);
  assert.deepEqual(
    records.map(({ dynamodb }) => `${dynamodb.Keys.PK.S} ${dynamodb.Keys.SK.S}`).sort(),
    ['ORDER#2 LINE#1', 'ORDER#2 LINE#2', 'ORDER#3 LINE#1', 'ORDER#3 LINE#2'],
  );
});

test('what is not there is refused by its class', async () => {
  const missing = StreamArn.replace(TableName, 'Nowhere');
  await assert.rejects(send(DescribeStreamCommand, { StreamArn: missing }), ResourceNotFoundException);
  await assert.rejects(send(GetRecordsCommand, { ShardIterator: 'none' }), { name: 'ValidationException' });
});

test('a stream is read to its end after its table is gone', async () => {
  const known = await shards();
  await deleteTable(stator.client, TableName);
  const { StreamDescription } = await send(DescribeStreamCommand, { StreamArn });
  assert.equal(StreamDescription.StreamStatus, 'DISABLED');
  assert.equal(StreamDescription.Shards[0].ShardId, known[0].ShardId);
  const names = [];
  let position = await iterator('TRIM_HORIZON');
  while (position) {
    const { Records, NextShardIterator } = await send(GetRecordsCommand, { ShardIterator: position, Limit: 2 });
    names.push(...Records.map((record) => record.eventName));
    position = NextShardIterator;
  }
  assert.deepEqual(names, ['INSERT', 'MODIFY', 'REMOVE', 'INSERT', 'INSERT', 'INSERT', 'INSERT']);
});
