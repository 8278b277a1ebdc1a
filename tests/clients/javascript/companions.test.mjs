// CloudWatch and Application Auto Scaling at the same endpoint, by their own clients.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ApplicationAutoScalingClient,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
} from '@aws-sdk/client-cloudwatch';
import { createTable, deleteTable, keySchema, startStator } from './stator.mjs';

let stator;
let cloudWatch;
let scaling;

before(async () => {
  stator = await startStator();
  cloudWatch = stator.connect(CloudWatchClient);
  scaling = stator.connect(ApplicationAutoScalingClient);
});

after(() => stator.stop());

const HOUR_MS = 3_600_000;
const metric = {
  Namespace: 'AWS/DynamoDB',
  MetricName: 'ConsumedWriteCapacityUnits',
  Dimensions: [{ Name: 'TableName', Value: 'nowhere' }],
};
const during = () => ({ StartTime: new Date(Date.now() - HOUR_MS), EndTime: new Date() });

test('what nobody has seen is empty', async () => {
  const statistics = await cloudWatch.send(
    new GetMetricStatisticsCommand({ ...metric, ...during(), Period: 60, Statistics: ['Sum'] }),
  );
  assert.deepEqual([statistics.Label, statistics.Datapoints], [metric.MetricName, []]);
  const MetricDataQueries = [{ Id: 'a', MetricStat: { Metric: metric, Period: 60, Stat: 'Sum' } }];
  const { MetricDataResults } = await cloudWatch.send(new GetMetricDataCommand({ ...during(), MetricDataQueries }));
  assert.equal(MetricDataResults[0].StatusCode, 'Complete');
  assert.deepEqual(MetricDataResults[0].Values, []);
  const { Metrics } = await cloudWatch.send(new ListMetricsCommand({ Namespace: 'AWS/EC2' }));
  assert.deepEqual(Metrics, []);
});

/** The value of a sample of the page of metrics, whose labels stand in the order of the page. */
async function metricsValue(sample) {
  const page = await (await fetch(`${stator.endpoint}/metrics`)).text();
  const line = page.split('\n').find((found) => found.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1));
}

test('figures are those of the page of metrics', async () => {
  const TableName = 'Compared';
  await createTable(stator.client, {
    TableName,
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: keySchema('pk').slice(0, 1),
  });
  for (const number of [1, 2, 3]) {
    await stator.client.send(new PutItemCommand({ TableName, Item: { pk: { S: String(number) } } }));
  }
  const Dimensions = [{ Name: 'TableName', Value: TableName }];
  const total = async (request, statistic) => {
    const asked = { ...metric, ...during(), EndTime: new Date(Date.now() + HOUR_MS), Period: 60, Statistics: [statistic] };
    const { Datapoints } = await cloudWatch.send(new GetMetricStatisticsCommand({ ...asked, ...request }));
    return Datapoints.reduce((sum, point) => sum + point[statistic], 0);
  };
  const units = `stator_consumed_capacity_units_total{table="${TableName}",index="",direction="write"}`;
  assert.equal(await metricsValue(units), 3);
  assert.equal(await total({ Dimensions }, 'Sum'), 3);
  const answered = `stator_table_request_duration_seconds_count{table="${TableName}",operation="PutItem"}`;
  assert.equal(await metricsValue(answered), 3);
  const latency = {
    MetricName: 'SuccessfulRequestLatency',
    Dimensions: [...Dimensions, { Name: 'Operation', Value: 'PutItem' }],
  };
  assert.equal(await total(latency, 'SampleCount'), 3);
  await deleteTable(stator.client, TableName);
});

test('errors are those of the service', async () => {
  const tooMany = { StartTime: new Date(0), EndTime: new Date(48 * HOUR_MS) };
  await assert.rejects(
    cloudWatch.send(new GetMetricStatisticsCommand({ ...metric, ...tooMany, Period: 60, Statistics: ['Sum'] })),
    { name: /^InvalidParameterCombination/, message: /2,880 datapoints/ },
  );
  await assert.rejects(cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: ['a'] })), /DeleteAlarms is not supported/);
});

test('targets are registered and read back', async () => {
  await createTable(stator.client, {
    TableName: 'Scaled',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: keySchema('pk').slice(0, 1),
    BillingMode: 'PROVISIONED',
    ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 5 },
  });
  const target = {
    ServiceNamespace: 'dynamodb',
    ResourceId: 'table/Scaled',
    ScalableDimension: 'dynamodb:table:ReadCapacityUnits',
  };
  await scaling.send(new RegisterScalableTargetCommand({ ...target, MinCapacity: 5, MaxCapacity: 20 }));
  const described = await scaling.send(new DescribeScalableTargetsCommand({ ServiceNamespace: 'dynamodb' }));
  const [found] = described.ScalableTargets;
  assert.deepEqual([found.MinCapacity, found.MaxCapacity, found.ResourceId], [5, 20, 'table/Scaled']);
  assert.ok(Date.now() - found.CreationTime < HOUR_MS);
  await scaling.send(new DeregisterScalableTargetCommand(target));
  await assert.rejects(scaling.send(new DeregisterScalableTargetCommand(target)), { name: 'ObjectNotFoundException' });
  await deleteTable(stator.client, 'Scaled');
});
