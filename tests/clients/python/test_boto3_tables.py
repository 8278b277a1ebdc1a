"""Tables through boto3: waiters, online indexes, limits on indexes, paginated lists."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from tables import make_articles, make_table, wait_for_indexes


def test_created_table_can_be_waited_for(dynamodb):
    table = dynamodb.create_table(
        TableName="Members",
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    assert table.table_status == "CREATING"
    table.wait_until_exists()
    table.reload()
    assert table.table_status == "ACTIVE"
    table.delete()
    table.wait_until_not_exists()
    assert list(dynamodb.tables.all()) == []


def test_index_added_online_covers_old_and_new_items(dynamodb):
    table = make_articles(dynamodb, provisioned=True)
    for number in range(5):
        table.put_item(Item={"article_id": f"old-{number}", "category": "tools", "price": 10 - number})
    # `code` is defined and used by no key of the table or the new index: the service lets that pass.
    table.update(
        AttributeDefinitions=[
            {"AttributeName": "category", "AttributeType": "S"},
            {"AttributeName": "price", "AttributeType": "N"},
            {"AttributeName": "code", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "CategoryPriceIndex",
                    "KeySchema": [
                        {"AttributeName": "category", "KeyType": "HASH"},
                        {"AttributeName": "price", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
                }
            }
        ],
    )
    table.put_item(Item={"article_id": "new", "category": "tools", "price": 100})
    wait_for_indexes(table)
    assert {definition["AttributeName"] for definition in table.attribute_definitions} == {
        "article_id",
        "category",
        "price",
    }
    found = table.query(
        IndexName="CategoryPriceIndex",
        KeyConditionExpression=Key("category").eq("tools"),
        ScanIndexForward=True,
        Limit=100,
    )["Items"]
    assert [int(item["price"]) for item in found] == [6, 7, 8, 9, 10, 100]


def test_index_that_does_not_exist_yet(dynamodb):
    table = make_articles(dynamodb)
    table.put_item(Item={"article_id": "a-1", "code": "QX-1"})
    question = {"IndexName": "CodeIndex", "KeyConditionExpression": Key("code").eq("QX-1")}
    with pytest.raises(ClientError, match="The table does not have the specified index: CodeIndex"):
        table.query(**question)
    create = {
        "IndexName": "CodeIndex",
        "KeySchema": [{"AttributeName": "code", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    table.update(
        AttributeDefinitions=[{"AttributeName": "code", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    wait_for_indexes(table)
    assert table.query(**question)["Items"] == [{"article_id": "a-1", "code": "QX-1"}]


def test_deleted_index_takes_its_attribute_definition_along(dynamodb):
    table = make_articles(dynamodb, indexes=["category"])
    table.update(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "category-index"}}])
    deadline = time.monotonic() + 30
    while table.global_secondary_indexes:
        assert time.monotonic() < deadline, "the index is still there"
        table.reload()
    assert table.attribute_definitions == [{"AttributeName": "article_id", "AttributeType": "S"}]


def test_local_indexes_share_the_partition_key(dynamodb):
    letters = "abcde"
    request = {
        "TableName": "Readings",
        "KeySchema": [
            {"AttributeName": "sensor", "KeyType": "HASH"},
            {"AttributeName": "taken_at", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }

    def with_local_indexes(names):
        definitions = [{"AttributeName": "sensor", "AttributeType": "S"}]
        definitions += [{"AttributeName": name, "AttributeType": "N"} for name in ["taken_at", *names]]
        indexes = [
            {
                "IndexName": f"by-{name}",
                "KeySchema": [
                    {"AttributeName": "sensor", "KeyType": "HASH"},
                    {"AttributeName": name, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name in names
        ]
        return {**request, "AttributeDefinitions": definitions, "LocalSecondaryIndexes": indexes}

    with pytest.raises(ClientError, match="Number of LocalSecondaryIndexes exceeds per-table limit of 5"):
        dynamodb.create_table(**with_local_indexes([*letters, "f"]))
    table = dynamodb.create_table(**with_local_indexes(letters))
    table.wait_until_exists()
    for moment, value in [(1, 30), (2, 10), (3, 20)]:
        table.put_item(Item={"sensor": "s", "taken_at": moment, "a": value, "note": f"n{moment}"})
    table.put_item(Item={"sensor": "s", "taken_at": 4, "note": "in no index"})
    by_value = {"IndexName": "by-a", "KeyConditionExpression": Key("sensor").eq("s")}
    found = table.query(**by_value, ConsistentRead=True)["Items"]
    assert [int(item["taken_at"]) for item in found] == [2, 3, 1]
    assert all("note" not in item for item in found)
    # What the index does not hold comes from the table.
    found = table.query(**by_value, Select="ALL_ATTRIBUTES")["Items"]
    assert [item["note"] for item in found] == ["n2", "n3", "n1"]


def test_key_of_several_attributes(dynamodb):
    table = dynamodb.create_table(
        TableName="Matches",
        KeySchema=[{"AttributeName": "match_id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "match_id", "AttributeType": "S"},
            {"AttributeName": "cup", "AttributeType": "S"},
            {"AttributeName": "region", "AttributeType": "S"},
            {"AttributeName": "score", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "CupRegion",
                "KeySchema": [
                    {"AttributeName": "cup", "KeyType": "HASH"},
                    {"AttributeName": "region", "KeyType": "HASH"},
                    {"AttributeName": "score", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    for number, (cup, region) in enumerate([("w", "eu"), ("w", "eu"), ("w", "na"), ("s", "eu")]):
        table.put_item(Item={"match_id": str(number), "cup": cup, "region": region, "score": 10 - number})
    found = table.query(
        IndexName="CupRegion",
        KeyConditionExpression=Key("cup").eq("w") & Key("region").eq("eu") & Key("score").lt(100),
    )["Items"]
    assert [item["match_id"] for item in found] == ["1", "0"]
    with pytest.raises(ClientError, match="Query condition missed key schema element: region"):
        table.query(IndexName="CupRegion", KeyConditionExpression=Key("cup").eq("w"))


def test_tables_are_dropped_while_others_are_written(dynamodb, client):
    """Their items are taken away in the background, which nobody else may notice."""
    kept = make_articles(dynamodb, indexes=["category"])

    def fill(table, writer, count):
        with table.batch_writer() as batch:
            for number in range(count):
                key = f"{writer}-{number}"
                batch.put_item(
                    Item={"article_id": key, "category": f"c-{number % 3}", "text": "x" * (number % 200)}
                )

    with ThreadPoolExecutor() as threads:
        written = threads.submit(fill, kept, "kept", 3000)
        for round_number in range(5):
            dropped = make_table(
                dynamodb, "Dropped", "article_id", indexes=[("category-index", "category", None, None)]
            )
            assert dropped.item_count == 0
            fill(dropped, f"r{round_number}", 800)
            dropped.delete()
            dropped.wait_until_not_exists()
        written.result()
    kept.reload()
    assert kept.item_count == 3000
    for where in ({}, {"IndexName": "category-index"}):
        pages = client.get_paginator("scan").paginate(TableName="Articles", Select="COUNT", **where)
        assert sum(page["Count"] for page in pages) == 3000


def test_lists_of_tables_come_in_pages(client):
    names = [f"table-{number:02}" for number in range(7)]
    for name in names:
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "B"}],
            BillingMode="PAY_PER_REQUEST",
        )
    pages = client.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 3})
    assert [page["TableNames"] for page in pages] == [names[:3], names[3:6], names[6:]]
