// Batches through the document client.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { Shop, keys } from './shop.mjs';
import { createSingleTable, startStator } from './stator.mjs';

let stator;
let shop;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, 'Shop');
  shop = new Shop(stator.documents, 'Shop');
});
after(() => stator.stop());

test('written in chunks of 25, read in one batch', async () => {
  const members = Array.from({ length: 60 }, (_, number) => ({ ...keys.member(`m${number}`), number }));
  await shop.putAll(members);
  const found = await shop.getMembers([...members.map((_, number) => `m${number}`), 'nobody']);
  assert.deepEqual(found.sort((a, b) => a.number - b.number), members);
});

test('26 in one batch are refused', async () => {
  const puts = Array.from({ length: 26 }, (_, number) => ({
    PutRequest: { Item: { PK: `x${number}`, SK: 'x' } },
  }));
  await assert.rejects(stator.documents.send(new BatchWriteCommand({ RequestItems: { Shop: puts } })), (error) => {
    assert.equal(error.name, 'ValidationException');
    assert.match(error.message, /^1 validation error detected: Value '\{Shop=\[WriteRequest\(putRequest=/);
    assert.match(
      error.message,
      /Map value must satisfy constraint: \[Member must have length less than or equal to 25, Member must have length greater than or equal to 1\]$/,
    );
    return true;
  });
});
