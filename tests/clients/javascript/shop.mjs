// A small shop over one table, as an application writes it: members and their orders.

import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';

export const keys = {
  member: (id) => ({ PK: `MEMBER#${id}`, SK: 'PROFILE' }),
  order: (memberId, id) => ({
    PK: `MEMBER#${memberId}`,
    SK: `ORDER#${id}`,
    GSI1PK: `ORDER#${id}`,
    GSI1SK: 'ORDER',
  }),
};

export class Shop {
  constructor(documents, table) {
    this.documents = documents;
    this.table = table;
  }

  async createMember(id, { name, email }) {
    const now = new Date().toISOString();
    const item = { ...keys.member(id), kind: 'Member', id, name, email, createdAt: now, changedAt: now };
    await this.#send(PutCommand, { Item: item, ConditionExpression: 'attribute_not_exists(PK)' });
    return item;
  }

  async getMember(id) {
    const answer = await this.#send(GetCommand, { Key: keys.member(id) });
    return answer.Item ?? null;
  }

  /** Sets those of name and email that are given; the member has to be there. */
  async updateMember(id, changes) {
    const clauses = ['#changedAt = :changedAt'];
    const names = { '#changedAt': 'changedAt' };
    const values = { ':changedAt': new Date().toISOString() };
    for (const name of ['name', 'email']) {
      if (changes[name] === undefined) continue;
      clauses.push(`#${name} = :${name}`);
      names[`#${name}`] = name;
      values[`:${name}`] = changes[name];
    }
    const answer = await this.#send(UpdateCommand, {
      Key: keys.member(id),
      UpdateExpression: `SET ${clauses.join(', ')}`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ReturnValues: 'ALL_NEW',
      ConditionExpression: 'attribute_exists(PK)',
    });
    return answer.Attributes;
  }

  async countOrder(id) {
    await this.#send(UpdateCommand, {
      Key: keys.member(id),
      UpdateExpression: 'SET orderCount = if_not_exists(orderCount, :zero) + :one',
      ExpressionAttributeValues: { ':zero': 0, ':one': 1 },
    });
  }

  async deleteMember(id) {
    await this.#send(DeleteCommand, { Key: keys.member(id), ConditionExpression: 'attribute_exists(PK)' });
  }

  /** A member's orders, the newest first. */
  async ordersOf(memberId) {
    const answer = await this.#send(QueryCommand, { ...ordersOf(memberId), ScanIndexForward: false });
    return answer.Items ?? [];
  }

  async pageOfOrders(memberId, size, startKey) {
    const answer = await this.#send(QueryCommand, {
      ...ordersOf(memberId),
      Limit: size,
      ExclusiveStartKey: startKey,
    });
    return { items: answer.Items ?? [], nextKey: answer.LastEvaluatedKey };
  }

  async orderById(id) {
    const answer = await this.itemsOfIndex(`ORDER#${id}`);
    return answer[0] ?? null;
  }

  async itemsOfIndex(key) {
    const answer = await this.#send(QueryCommand, {
      IndexName: 'GSI1',
      KeyConditionExpression: 'GSI1PK = :pk',
      ExpressionAttributeValues: { ':pk': key },
    });
    return answer.Items ?? [];
  }

  async putAll(items) {
    for (let start = 0; start < items.length; start += 25) {
      const puts = items.slice(start, start + 25).map((Item) => ({ PutRequest: { Item } }));
      await this.documents.send(new BatchWriteCommand({ RequestItems: { [this.table]: puts } }));
    }
  }

  async getMembers(ids) {
    const answer = await this.documents.send(
      new BatchGetCommand({ RequestItems: { [this.table]: { Keys: ids.map(keys.member) } } }),
    );
    return answer.Responses?.[this.table] ?? [];
  }

  #send(Command, input) {
    return this.documents.send(new Command({ TableName: this.table, ...input }));
  }
}

function ordersOf(memberId) {
  return {
    KeyConditionExpression: 'PK = :pk AND begins_with(SK, :sk)',
    ExpressionAttributeValues: { ':pk': `MEMBER#${memberId}`, ':sk': 'ORDER#' },
  };
}
