// Time to live: sessions that end by themselves, and one that is prolonged.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeTimeToLiveCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { PutCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { createSingleTable, startStator } from './stator.mjs';

const TableName = 'Sessions';
let stator;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, TableName);
});
after(() => stator.stop());

const nowSeconds = () => Math.floor(Date.now() / 1000);

const ids = async () => {
  const { Items } = await stator.documents.send(new ScanCommand({ TableName, ConsistentRead: true }));
  return Items.map((item) => item.SK).sort();
};

test('sessions end when their time has come', async () => {
  const TimeToLiveSpecification = { Enabled: true, AttributeName: 'expires_at' };
  const answer = await stator.client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  assert.deepEqual(answer.TimeToLiveSpecification, TimeToLiveSpecification);
  const { TimeToLiveDescription } = await stator.client.send(new DescribeTimeToLiveCommand({ TableName }));
  assert.deepEqual(TimeToLiveDescription, { TimeToLiveStatus: 'ENABLED', AttributeName: 'expires_at' });

  const put = (SK, seconds) =>
    stator.documents.send(
      new PutCommand({ TableName, Item: { PK: 'MEMBER#1', SK, expires_at: nowSeconds() + seconds } }),
    );
  await put('ended', -60);
  await put('ends', 2);
  await put('lasts', 3600);
  await put('prolonged', 2);
  await stator.documents.send(
    new UpdateCommand({
      TableName,
      Key: { PK: 'MEMBER#1', SK: 'prolonged' },
      UpdateExpression: 'SET expires_at = expires_at + :hour',
      ExpressionAttributeValues: { ':hour': 3600 },
    }),
  );
  const deadline = Date.now() + 20_000;
  while ((await ids()).length > 2) {
    assert(Date.now() < deadline, 'the sessions end');
    await sleep(50);
  }
  assert.deepEqual(await ids(), ['lasts', 'prolonged']);
});

test('a second change within the hour is refused', async () => {
  const TimeToLiveSpecification = { Enabled: false, AttributeName: 'expires_at' };
  await assert.rejects(
    stator.client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })),
    { name: 'ValidationException', message: 'Time to live has been modified multiple times within a fixed interval' },
  );
});
