"""What looks right and is refused, by boto3 or by the server, and how it is done instead."""

from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError, ParamValidationError

from tables import make_articles, make_single_table


@pytest.fixture
def articles(dynamodb):
    table = make_articles(dynamodb, indexes=["category"])
    for number in range(4):
        table.put_item(
            Item={
                "article_id": f"a-{number}",
                "category": "lamps",
                "name": f"lamp {number}",
                "price": 90 + 20 * number,
                "in_stock": number != 2,
            }
        )
    return table


def message(refused):
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return error["Message"]


def test_float(articles):
    with pytest.raises(TypeError, match="Float types are not supported. Use Decimal types instead."):
        articles.put_item(Item={"article_id": "f", "total": 149.99})
    articles.put_item(Item={"article_id": "f", "total": Decimal("149.99")})
    assert articles.get_item(Key={"article_id": "f"})["Item"]["total"] == Decimal("149.99")


def test_float_inside_a_batch(articles):
    with pytest.raises(TypeError, match="Float types are not supported"):
        with articles.batch_writer() as batch:
            batch.put_item(Item={"article_id": "f", "price": round(9.99 + 0.5, 2)})
    with articles.batch_writer() as batch:
        batch.put_item(Item={"article_id": "f", "price": Decimal("9.99") + Decimal("0.5")})
    assert articles.get_item(Key={"article_id": "f"})["Item"]["price"] == Decimal("10.49")


def test_reserved_word_in_a_projection(articles):
    condition = Attr("price").between(100, 140) & Attr("in_stock").eq(True)
    with pytest.raises(ClientError) as refused:
        articles.scan(FilterExpression=condition, ProjectionExpression="article_id, name, price, category")
    assert message(refused) == (
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name"
    )
    found = articles.scan(
        FilterExpression=condition,
        ProjectionExpression="article_id, #name, price, category",
        ExpressionAttributeNames={"#name": "name"},
    )["Items"]
    assert found == [{"article_id": "a-1", "name": "lamp 1", "price": 110, "category": "lamps"}]


def test_reserved_word_in_an_update(articles):
    def update(changes):
        return articles.update_item(
            Key={"article_id": "a-0"},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
            ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
            ReturnValues="UPDATED_NEW",
        )["Attributes"]

    with pytest.raises(ClientError) as refused:
        update({"price": 1, "name": "bulb"})
    # PutItem and UpdateItem speak the newer wording, with this beginning.
    assert message(refused) == (
        "1 validation error detected: Invalid UpdateExpression: "
        "Attribute name is a reserved keyword; reserved keyword: name"
    )
    assert update({"price": 1, "title": "bulb"}) == {"price": 1, "title": "bulb"}


def test_typed_value_through_a_resources_client(dynamodb):
    table = make_single_table(dynamodb)
    table.put_item(Item={"PK": "MEMBER#1", "SK": "PROFILE"})

    def read(client, value):
        pages = client.get_paginator("query").paginate(
            TableName="AppTable", KeyConditionExpression="PK = :pk", ExpressionAttributeValues={":pk": value}
        )
        return [item["SK"] for page in pages for item in page["Items"]]

    # This client adds the types itself, so the value is a map of a map.
    with pytest.raises(ClientError) as refused:
        read(dynamodb.meta.client, {"S": "MEMBER#1"})
    assert message(refused) == (
        "One or more parameter values were invalid: Condition parameter type does not match schema type"
    )
    assert read(dynamodb.meta.client, "MEMBER#1") == ["PROFILE"]
    plain = boto3.client("dynamodb", endpoint_url=dynamodb.meta.client.meta.endpoint_url)
    assert read(plain, {"S": "MEMBER#1"}) == [{"S": "PROFILE"}]


def test_batch_get_is_not_a_tables(dynamodb, articles):
    keys = [{"article_id": "a-1"}, {"article_id": "a-3"}]
    with pytest.raises(AttributeError, match="batch_get_item"):
        articles.batch_get_item(Keys=keys)
    found = dynamodb.batch_get_item(RequestItems={"Articles": {"Keys": keys}})["Responses"]["Articles"]
    assert sorted(item["name"] for item in found) == ["lamp 1", "lamp 3"]


def test_transactions_are_not_a_tables(articles):
    with pytest.raises(AttributeError, match="transact_write_items"):
        articles.transact_write_items(TransactItems=[])


def test_query_by_what_is_no_key(articles):
    with pytest.raises(ClientError) as refused:
        articles.query(KeyConditionExpression=Key("category").eq("lamps"), Limit=50)
    assert message(refused) == "Query condition missed key schema element: article_id"
    found = articles.query(
        IndexName="category-index", KeyConditionExpression=Key("category").eq("lamps"), Limit=50
    )
    assert found["Count"] == 4


def test_filter_that_is_none(articles):
    question = {"IndexName": "category-index", "KeyConditionExpression": Key("category").eq("lamps")}
    with pytest.raises(
        ParamValidationError, match="Invalid type for parameter FilterExpression, value: None"
    ):
        articles.query(**question, FilterExpression=None)
    assert articles.query(**question)["Count"] == 4
    wanted = Attr("price").gte(100) & Attr("in_stock").eq(True)
    found = articles.query(**question, FilterExpression=wanted)["Items"]
    assert sorted(item["article_id"] for item in found) == ["a-1", "a-3"]


def test_key_condition_by_subscript(articles):
    with pytest.raises(TypeError, match="'Key' object is not subscriptable"):
        Key("price")["gte"](100)
    operator = "gte"
    assert getattr(Key("price"), operator)(100) == Key("price").gte(100)
