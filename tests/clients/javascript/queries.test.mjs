// Queries through the document client: one-to-many, by index, in pages, sparse and inverted indexes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { paginateQuery, paginateScan } from '@aws-sdk/lib-dynamodb';
import { Shop, keys } from './shop.mjs';
import { createSingleTable, startStator } from './stator.mjs';

const ORDERS = Array.from({ length: 45 }, (_, number) => ({
  ...keys.order('7', `2024-${String(number).padStart(3, '0')}`),
  total: 49.99 + number,
}));

let stator;
let shop;

before(async () => {
  stator = await startStator();
  await createSingleTable(stator.client, 'Shop');
  shop = new Shop(stator.documents, 'Shop');
  await shop.createMember('7', { name: 'Jo', email: 'jo@example.org' });
  await shop.putAll([
    ...ORDERS,
    { PK: 'MEMBER#7', SK: 'ADDRESS#1', town: 'Hull' },
    { PK: 'ORDER#2024-001', SK: 'LINE#1', GSI1PK: 'ORDER#2024-001', GSI1SK: 'LINE#1', qty: 2 },
    { PK: 'ARTICLE#1', SK: 'ARTICLE', GSI1PK: 'FEATURED', GSI1SK: 'ARTICLE#1', price: 29.99 },
    { PK: 'ARTICLE#2', SK: 'ARTICLE', price: 19.99 },
    { PK: 'MEMBER#8', SK: 'ORDER#1', GSI1PK: 'STATE#open', GSI1SK: 'ORDER#1' },
    { PK: 'MEMBER#9', SK: 'ORDER#2', GSI1PK: 'STATE#open', GSI1SK: 'ORDER#2' },
    { PK: 'MEMBER#9', SK: 'ORDER#3', GSI1PK: 'STATE#sent', GSI1SK: 'ORDER#3' },
  ]);
});
after(() => stator.stop());

test('orders of a member, the newest first', async () => {
  assert.deepEqual(await shop.ordersOf('7'), ORDERS.toReversed());
});

test('an order by its number, with its lines', async () => {
  assert.deepEqual(await shop.orderById('2024-002'), ORDERS[2]);
  const sortKeys = (await shop.itemsOfIndex('ORDER#2024-001')).map((item) => item.GSI1SK);
  assert.deepEqual(sortKeys, ['LINE#1', 'ORDER']);
  assert.equal(await shop.orderById('unknown'), null);
});

test('pages by hand', async () => {
  const found = [];
  const sizes = [];
  let nextKey;
  do {
    const page = await shop.pageOfOrders('7', 20, nextKey);
    found.push(...page.items);
    sizes.push(page.items.length);
    nextKey = page.nextKey;
  } while (nextKey);
  assert.deepEqual(found, ORDERS);
  assert.deepEqual(sizes, [20, 20, 5]);
});

test('pages by paginator', async () => {
  const pages = paginateQuery(
    { client: stator.documents, pageSize: 10 },
    {
      TableName: 'Shop',
      KeyConditionExpression: 'PK = :pk AND begins_with(SK, :sk)',
      ExpressionAttributeValues: { ':pk': 'MEMBER#7', ':sk': 'ORDER#' },
    },
  );
  const sizes = [];
  for await (const page of pages) sizes.push(page.Items.length);
  assert.deepEqual(sizes, [10, 10, 10, 10, 5]);
});

test('a scan in pages finds everything once', async () => {
  const found = new Set();
  let count = 0;
  for await (const page of paginateScan({ client: stator.documents, pageSize: 7 }, { TableName: 'Shop' })) {
    for (const item of page.Items) found.add(`${item.PK}/${item.SK}`);
    count += page.Items.length;
  }
  assert.equal(found.size, count);
  assert.equal(count, ORDERS.length + 8);
});

test('an index holds only the items that have its key', async () => {
  assert.deepEqual((await shop.itemsOfIndex('FEATURED')).map((item) => item.PK), ['ARTICLE#1']);
});

test('an inverted index finds a state over all members', async () => {
  const open = await shop.itemsOfIndex('STATE#open');
  assert.deepEqual(open.map((item) => [item.PK, item.SK]), [
    ['MEMBER#8', 'ORDER#1'],
    ['MEMBER#9', 'ORDER#2'],
  ]);
});
