// Items through the document client: created once, read, changed, counted, deleted.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { Shop } from './shop.mjs';
import { createSingleTable, startStator } from './stator.mjs';

let stator;
let shop;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, 'Shop');
  shop = new Shop(stator.documents, 'Shop');
});
after(() => stator.stop());

const refusedByCondition = (error) => {
  assert(error instanceof ConditionalCheckFailedException);
  assert.equal(error.message, 'The conditional request failed');
  return true;
};

test('a member is created once', async () => {
  const created = await shop.createMember('1', { name: 'Eve', email: 'eve@example.org' });
  assert.deepEqual(await shop.getMember('1'), created);
  await assert.rejects(shop.createMember('1', { name: 'Eva', email: 'x' }), refusedByCondition);
  assert.equal((await shop.getMember('1')).name, 'Eve');
});

test('who is not there is null', async () => {
  assert.equal(await shop.getMember('nobody'), null);
});

test('a change gives the whole new item', async () => {
  const created = await shop.createMember('2', { name: 'Flo', email: 'flo@example.org' });
  const changed = await shop.updateMember('2', { name: 'Flora' });
  assert.deepEqual({ ...changed, changedAt: created.changedAt }, { ...created, name: 'Flora' });
  await assert.rejects(shop.updateMember('nobody', { name: 'x' }), refusedByCondition);
  assert.equal(await shop.getMember('nobody'), null);
});

test('undefined attributes are left out', async () => {
  const created = await shop.createMember('3', { name: 'Gus', email: undefined });
  assert.equal('email' in (await shop.getMember('3')), false);
  assert.equal(created.name, 'Gus');
});

test('a counter begins by itself and loses nothing', async () => {
  await shop.createMember('4', { name: 'Hal', email: 'h' });
  await Promise.all(Array.from({ length: 40 }, () => shop.countOrder('4')));
  assert.equal((await shop.getMember('4')).orderCount, 40);
});

test('only who is there can be deleted', async () => {
  await shop.createMember('5', { name: 'Ivy', email: 'i' });
  await shop.deleteMember('5');
  assert.equal(await shop.getMember('5'), null);
  await assert.rejects(shop.deleteMember('5'), refusedByCondition);
});
