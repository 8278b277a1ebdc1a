// A Stator of the test file's own, with clients on it: on STATOR_ENDPOINT where one is named,
// otherwise STATOR_BINARY is started on a free port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

const START_MS_MAX = 60_000;

const TRANSLATION = {
  marshallOptions: { removeUndefinedValues: true, convertClassInstanceToMap: true },
  unmarshallOptions: { wrapNumbers: false },
};

/**
 * Starts a server and gives { client, endpoint, streams, documents, documentsWith, connect, stop }; `documentsWith`
 * makes another document client, with options of its own for the translation of values, and `connect` a
 * client of any class.
 */
export async function startStator() {
  const server = process.env.STATOR_ENDPOINT
    ? { endpoint: process.env.STATOR_ENDPOINT, stop: async () => {} }
    : await spawnStator();
  const clients = [];
  const connect = (Client = DynamoDBClient) => {
    const client = new Client({
      region: 'eu-west-2',
      endpoint: server.endpoint,
      credentials: { accessKeyId: 'tests', secretAccessKey: 'tests' },
    });
    clients.push(client);
    return client;
  };
  // A document client writes its options into the client that it wraps: each has one of its own.
  const documentsWith = (translation) => DynamoDBDocumentClient.from(connect(), translation);
  const stop = async () => {
    for (const client of clients) client.destroy();
    await server.stop();
  };
  const streams = connect(DynamoDBStreamsClient);
  const { endpoint } = server;
  return { client: connect(), endpoint, streams, documents: documentsWith(TRANSLATION), documentsWith, connect, stop };
}

async function spawnStator() {
  const binary = process.env.STATOR_BINARY;
  if (!binary) throw new Error('set STATOR_BINARY to the built program, for instance target/release/stator');
  const folder = await mkdtemp(join(tmpdir(), 'stator-js-'));
  const variables = Object.entries(process.env).filter(([name]) => !name.startsWith('STATOR_'));
  const child = spawn(binary, ['serve', '--host', '127.0.0.1', '--port', '0', '--data-dir', join(folder, 'data')], {
    env: Object.fromEntries(variables),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await ended;
    await rm(folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  };
  try {
    return { endpoint: await readAddress(child), stop };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The address that the server's first lines name. */
function readAddress(child) {
  return new Promise((resolve, reject) => {
    let printed = '';
    const fail = (why) => reject(new Error(`${why}: ${printed}`));
    const timer = setTimeout(() => fail('the server names no address'), START_MS_MAX);
    child.once('error', reject);
    child.once('exit', (code) => fail(`the server ended with ${code}`));
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const address = printed.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (!address) return;
      clearTimeout(timer);
      resolve(address[0]);
    });
  });
}

/** Makes a table with generic keys PK and SK, and an index on GSI1PK and GSI1SK. */
export async function createSingleTable(client, name) {
  const keys = ['PK', 'SK', 'GSI1PK', 'GSI1SK'];
  await createTable(client, {
    TableName: name,
    AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
    KeySchema: keySchema('PK', 'SK'),
    GlobalSecondaryIndexes: [
      { IndexName: 'GSI1', KeySchema: keySchema('GSI1PK', 'GSI1SK'), Projection: { ProjectionType: 'ALL' } },
    ],
  });
}

/** Makes an on-demand table and waits for it. */
export async function createTable(client, description) {
  await client.send(new CreateTableCommand({ BillingMode: 'PAY_PER_REQUEST', ...description }));
  await waitUntilTableExists({ client, maxWaitTime: 30 }, { TableName: description.TableName });
}

/** Deletes a table and waits until it is gone. */
export async function deleteTable(client, name) {
  await client.send(new DeleteTableCommand({ TableName: name }));
  await waitUntilTableNotExists({ client, maxWaitTime: 30 }, { TableName: name });
}

export function keySchema(hash, range) {
  return [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
}
