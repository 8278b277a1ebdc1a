"""Batches through boto3: the writer, its retries and duplicates, reads of many keys."""

from decimal import Decimal

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tables import make_single_table


@pytest.fixture
def table(dynamodb):
    return make_single_table(dynamodb)


def test_writer_splits_into_batches_of_25(table):
    with table.batch_writer() as batch:
        for number in range(100):
            batch.put_item(
                Item={
                    "PK": f"ITEM#{number:04}",
                    "SK": "DETAILS",
                    "name": f"item {number}",
                    "price": Decimal("9.99") + number * Decimal("0.5"),
                }
            )
    assert table.scan(Select="COUNT")["Count"] == 100
    item = table.get_item(Key={"PK": "ITEM#0099", "SK": "DETAILS"})["Item"]
    assert item["price"] == Decimal("59.49")
    table.reload()
    assert table.item_count == 100


def test_writer_puts_and_deletes(table):
    with table.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item={"PK": f"ITEM#{number}", "SK": "x"})
    with table.batch_writer(overwrite_by_pkeys=["PK", "SK"]) as batch:
        for number in range(30):
            batch.put_item(Item={"PK": f"ITEM#{number}", "SK": "x", "again": True})
            if number % 2:
                batch.delete_item(Key={"PK": f"ITEM#{number}", "SK": "x"})
    assert table.scan(Select="COUNT")["Count"] == 15


def test_one_key_twice_in_a_batch(table):
    with pytest.raises(ClientError, match="Provided list of item keys contains duplicates"):
        with table.batch_writer() as batch:
            batch.put_item(Item={"PK": "a", "SK": "x"})
            batch.put_item(Item={"PK": "a", "SK": "x"})


def test_get_of_present_and_missing_keys(dynamodb, table):
    for number in (1, 2):
        table.put_item(Item={"PK": f"MEMBER#{number}", "SK": "PROFILE", "name": f"m{number}"})
    keys = [{"PK": f"MEMBER#{number}", "SK": "PROFILE"} for number in (1, 2, 3)]
    answer = dynamodb.batch_get_item(RequestItems={"AppTable": {"Keys": keys}})
    assert sorted(item["name"] for item in answer["Responses"]["AppTable"]) == ["m1", "m2"]
    assert answer["UnprocessedKeys"] == {}


def test_too_many_keys(dynamodb, table):
    keys = [{"PK": f"MEMBER#{number}", "SK": "PROFILE"} for number in range(101)]
    with pytest.raises(ClientError) as refused:
        dynamodb.batch_get_item(RequestItems={"AppTable": {"Keys": keys}})
    assert refused.value.response["Error"]["Message"] == (
        "1 validation error detected: Value at 'RequestItems.AppTable.member.Keys' failed to satisfy constraint: "
        "Member must have length less than or equal to 100"
    )


def test_answer_over_16_megabytes_comes_in_parts(dynamodb, table):
    for number in range(50):
        table.put_item(Item={"PK": f"BIG#{number:02}", "SK": "x", "data": "x" * 390_000})
    asked = {"AppTable": {"Keys": [{"PK": f"BIG#{number:02}", "SK": "x"} for number in range(50)]}}
    found, rounds = [], 0
    while asked:
        answer = dynamodb.batch_get_item(RequestItems=asked)
        found += [item["PK"] for item in answer["Responses"]["AppTable"]]
        asked = answer["UnprocessedKeys"]
        rounds += 1
    assert sorted(found) == [f"BIG#{number:02}" for number in range(50)]
    assert rounds == 2


def test_client_that_retries_adaptively(endpoint, table):
    config = Config(retries={"max_attempts": 10, "mode": "adaptive"})
    patient = boto3.resource("dynamodb", endpoint_url=endpoint, config=config).Table("AppTable")
    patient.put_item(Item={"PK": "a", "SK": "b"})
    assert patient.get_item(Key={"PK": "a", "SK": "b"})["Item"] == {"PK": "a", "SK": "b"}
