"""Items from the command line: put, read, changed under a condition, deleted."""

import boto3
import pytest

from aws_cli import Refused
from tables import make_table

KEY = {"PK": {"S": "BUYER#B17"}, "SK": {"S": "ORDER#2024-01-15#N100"}}


@pytest.fixture
def orders(aws):
    """The CLI with a table; made without it, which is much faster."""
    make_table(boto3.resource("dynamodb", endpoint_url=aws.endpoint), "Sales", "PK", "SK")
    return aws


def get(aws):
    return aws("get-item", "--table-name", "Sales", "--key", KEY)


def test_put_and_get(orders):
    item = {**KEY, "total": {"N": "149.99"}, "status": {"S": "pending"}}
    assert orders("put-item", "--table-name", "Sales", "--item", item) is None
    assert get(orders) == {"Item": item}


def test_list_of_maps_as_it_was_written(orders):
    item = {
        **KEY,
        "total": {"N": "99.99"},
        "items": {"L": [{"M": {"code": {"S": "QX-1"}, "qty": {"N": "2"}}}]},
        "expires_at": {"N": "1780000000"},
    }
    orders("put-item", "--table-name", "Sales", "--item", item)
    assert get(orders) == {"Item": item}


def test_update_under_a_condition(orders):
    orders("put-item", "--table-name", "Sales", "--item", {**KEY, "status": {"S": "pending"}})
    change = [
        "update-item",
        "--table-name",
        "Sales",
        "--key",
        KEY,
        "--update-expression",
        "SET #s = :now, changed_at = :at",
        "--condition-expression",
        "#s = :before",
        "--expression-attribute-names",
        {"#s": "status"},
        "--expression-attribute-values",
        {":now": {"S": "sent"}, ":before": {"S": "pending"}, ":at": {"S": "2024-01-16T10:00:00Z"}},
    ]
    orders(*change)
    assert get(orders)["Item"] == {
        **KEY,
        "status": {"S": "sent"},
        "changed_at": {"S": "2024-01-16T10:00:00Z"},
    }
    with pytest.raises(Refused, match="ConditionalCheckFailedException.*The conditional request failed"):
        orders(*change)


def test_update_of_one_attribute_leaves_the_others(orders):
    orders("put-item", "--table-name", "Sales", "--item", {**KEY, "status": {"S": "a"}, "total": {"N": "7"}})
    orders(
        "update-item",
        "--table-name",
        "Sales",
        "--key",
        KEY,
        "--update-expression",
        "SET #s = :status",
        "--expression-attribute-names",
        {"#s": "status"},
        "--expression-attribute-values",
        {":status": {"S": "b"}},
    )
    assert get(orders)["Item"] == {**KEY, "status": {"S": "b"}, "total": {"N": "7"}}


def test_delete(orders):
    orders("put-item", "--table-name", "Sales", "--item", KEY)
    assert orders("delete-item", "--table-name", "Sales", "--key", KEY) is None
    assert get(orders) is None


def test_batches(orders):
    keys = [{"PK": {"S": "BUYER#1"}, "SK": {"S": f"ORDER#{number}"}} for number in range(3)]
    written = orders(
        "batch-write-item", "--request-items", {"Sales": [{"PutRequest": {"Item": key}} for key in keys]}
    )
    assert written == {"UnprocessedItems": {}}
    read = orders("batch-get-item", "--request-items", {"Sales": {"Keys": keys}})
    assert sorted(item["SK"]["S"] for item in read["Responses"]["Sales"]) == ["ORDER#0", "ORDER#1", "ORDER#2"]
    assert read["UnprocessedKeys"] == {}
