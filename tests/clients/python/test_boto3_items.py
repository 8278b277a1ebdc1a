"""Items through boto3's resource: put, get, update, delete, conditions and counters."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from tables import make_articles, make_single_table, make_table


@pytest.fixture
def table(dynamodb):
    return make_single_table(dynamodb)


@pytest.fixture
def articles(dynamodb):
    return make_articles(dynamodb)


PROFILE = {"PK": "MEMBER#31", "SK": "PROFILE"}


def test_put_get_update_delete(table):
    table.put_item(Item={**PROFILE, "name": "Ada Moor", "email": "ada@example.org"})
    assert table.get_item(Key=PROFILE)["Item"] == {**PROFILE, "name": "Ada Moor", "email": "ada@example.org"}
    table.update_item(
        Key=PROFILE,
        UpdateExpression="SET #name = :name, changed_at = :at",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues={":name": "Ada More", ":at": "2026-01-16T10:30:00Z"},
    )
    item = table.get_item(Key=PROFILE)["Item"]
    assert (item["name"], item["changed_at"]) == ("Ada More", "2026-01-16T10:30:00Z")
    table.delete_item(Key=PROFILE)
    assert "Item" not in table.get_item(Key=PROFILE)


def test_update_built_from_a_dictionary(table):
    now = datetime.now(UTC).isoformat()
    table.put_item(Item={**PROFILE, "name": "Ada", "email": "a@example.org", "made": now})

    def update(**changes):
        placed = {f"#{name}": name for name in changes}
        answer = table.update_item(
            Key=PROFILE,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
            ExpressionAttributeNames=placed,
            ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
            ReturnValues="ALL_NEW",
        )
        return answer["Attributes"]

    assert update(name="Bea", status="away") == {
        **PROFILE,
        "name": "Bea",
        "email": "a@example.org",
        "made": now,
        "status": "away",
    }


def test_put_only_where_nothing_is(table):
    table.put_item(Item={**PROFILE, "name": "first"}, ConditionExpression="attribute_not_exists(PK)")
    with pytest.raises(ClientError) as refused:
        table.put_item(Item={**PROFILE, "name": "second"}, ConditionExpression="attribute_not_exists(PK)")
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Error"]["Message"] == "The conditional request failed"
    assert table.get_item(Key=PROFILE)["Item"]["name"] == "first"


def test_failed_condition_shows_the_item_when_asked(client, articles):
    articles.put_item(Item={"article_id": "a", "stock": 3})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
        client.put_item(
            TableName="Articles",
            Item={"article_id": {"S": "a"}},
            ConditionExpression="stock < :least",
            ExpressionAttributeValues={":least": {"N": "1"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"] == {"article_id": {"S": "a"}, "stock": {"N": "3"}}


def test_returned_values_of_update_and_delete(articles):
    articles.put_item(Item={"article_id": "a", "price": 5, "in_stock": True})
    answer = articles.update_item(
        Key={"article_id": "a"},
        UpdateExpression="SET price = :price, colour = :colour",
        ExpressionAttributeValues={":price": Decimal("7.5"), ":colour": "red"},
        ReturnValues="UPDATED_NEW",
    )
    assert answer["Attributes"] == {"price": Decimal("7.5"), "colour": "red"}
    answer = articles.delete_item(Key={"article_id": "a"}, ReturnValues="ALL_OLD")
    assert answer["Attributes"] == {
        "article_id": "a",
        "price": Decimal("7.5"),
        "in_stock": True,
        "colour": "red",
    }
    assert "Attributes" not in articles.delete_item(Key={"article_id": "a"}, ReturnValues="ALL_OLD")


def test_change_only_of_the_version_that_was_read(articles):
    articles.put_item(Item={"article_id": "a", "price": 5, "version": 1})

    def set_price(price, version):
        return articles.update_item(
            Key={"article_id": "a"},
            UpdateExpression="SET price = :price, version = :next",
            ConditionExpression="version = :read",
            ExpressionAttributeValues={":price": price, ":read": version, ":next": version + 1},
            ReturnValues="UPDATED_NEW",
        )["Attributes"]

    assert set_price(6, 1) == {"price": 6, "version": 2}
    with pytest.raises(ClientError, match="The conditional request failed"):
        set_price(7, 1)
    assert articles.get_item(Key={"article_id": "a"})["Item"]["price"] == 6


def test_version_that_counts_itself_up(articles):
    articles.put_item(Item={"article_id": "a", "name": "old", "version": 5})
    articles.update_item(
        Key={"article_id": "a"},
        UpdateExpression="SET #name = :name, version = version + :one",
        ConditionExpression="version = :read",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues={":name": "new", ":one": 1, ":read": 5},
    )
    assert articles.get_item(Key={"article_id": "a"})["Item"] == {
        "article_id": "a",
        "name": "new",
        "version": 6,
    }


def test_counter_that_begins_at_nothing(articles):
    articles.put_item(Item={"article_id": "a"})

    def move(change, article="a"):
        return articles.update_item(
            Key={"article_id": article},
            UpdateExpression="SET stock = if_not_exists(stock, :zero) + :change",
            ExpressionAttributeValues={":zero": 0, ":change": change},
            ConditionExpression="attribute_exists(article_id)",
            ReturnValues="UPDATED_NEW",
        )["Attributes"]["stock"]

    assert [move(5), move(-2), move(10)] == [5, 3, 13]
    with pytest.raises(ClientError, match="The conditional request failed"):
        move(1, article="unknown")
    assert "Item" not in articles.get_item(Key={"article_id": "unknown"})


def test_counter_under_a_reserved_name(dynamodb):
    table = make_table(dynamodb, "Counters", "id")

    def add(amount):
        return table.update_item(
            Key={"id": "visits"},
            UpdateExpression="SET #n = #n + :amount",
            ExpressionAttributeNames={"#n": "count"},
            ExpressionAttributeValues={":amount": amount},
            ReturnValues="UPDATED_NEW",
        )["Attributes"]["count"]

    # A counter that is not there cannot be read.
    with pytest.raises(ClientError) as refused:
        add(1)
    assert refused.value.response["Error"]["Message"] == (
        "The provided expression refers to an attribute that does not exist in the item"
    )
    table.put_item(Item={"id": "visits", "count": 0})
    assert [add(1), add(41)] == [1, 42]


def test_update_and_delete_only_of_what_is_there(table):
    for attempt in (
        lambda: table.delete_item(Key=PROFILE, ConditionExpression="attribute_exists(PK)"),
        lambda: table.update_item(
            Key=PROFILE,
            UpdateExpression="SET seen = :yes",
            ExpressionAttributeValues={":yes": True},
            ConditionExpression=Attr("PK").exists(),
        ),
    ):
        with pytest.raises(ClientError, match="The conditional request failed"):
            attempt()
    assert "Item" not in table.get_item(Key=PROFILE)


def test_item_with_an_expiry_time_is_an_item(table):
    table.put_item(Item={"PK": "SESSION#k1", "SK": "DATA", "member": "31", "expires_at": 1780000000})
    read = table.get_item(Key={"PK": "SESSION#k1", "SK": "DATA"}, ConsistentRead=True)["Item"]
    assert read["expires_at"] == 1780000000
