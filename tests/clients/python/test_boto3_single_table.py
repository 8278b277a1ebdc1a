"""One table for a whole shop: several kinds of items, found by key and by an index."""

from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Key

from tables import make_single_table

ITEMS = [
    {"PK": "BUYER#5", "SK": "PROFILE", "kind": "Buyer", "name": "Di", "GSI1PK": "BUYERS", "GSI1SK": "Di"},
    {"PK": "BUYER#5", "SK": "ADDRESS#1", "kind": "Address", "street": "1 Quay", "town": "Hull"},
    {
        "PK": "BUYER#5",
        "SK": "ORDER#2024-001",
        "kind": "Order",
        "total": Decimal("99.99"),
        "status": "sent",
        "GSI1PK": "ORDER#2024-001",
        "GSI1SK": "ORDER",
    },
    {
        "PK": "BUYER#5",
        "SK": "ORDER#2024-002",
        "kind": "Order",
        "total": Decimal("49.99"),
        "status": "open",
        "GSI1PK": "ORDER#2024-002",
        "GSI1SK": "ORDER",
    },
    {
        "PK": "ORDER#2024-001",
        "SK": "LINE#1",
        "GSI1PK": "ORDER#2024-001",
        "GSI1SK": "LINE#1",
        "article": "ARTICLE#9",
        "qty": 2,
    },
    {"PK": "ARTICLE#9", "SK": "ARTICLE", "kind": "Article", "name": "Kettle", "price": Decimal("29.99")},
    {"PK": "ARTICLE#10", "SK": "ARTICLE", "kind": "Article", "GSI1PK": "FEATURED", "GSI1SK": "ARTICLE#10"},
]


@pytest.fixture
def shop(dynamodb):
    table = make_single_table(dynamodb)
    with table.batch_writer() as batch:
        for item in ITEMS:
            batch.put_item(Item=item)
    return table


@pytest.mark.parametrize(
    "what, index, condition, expected",
    [
        ("profile", None, Key("PK").eq("BUYER#5") & Key("SK").eq("PROFILE"), [0]),
        ("addresses", None, Key("PK").eq("BUYER#5") & Key("SK").begins_with("ADDRESS"), [1]),
        ("orders of a buyer", None, Key("PK").eq("BUYER#5") & Key("SK").begins_with("ORDER"), [2, 3]),
        ("order by its number", "GSI1", Key("GSI1PK").eq("ORDER#2024-002"), [3]),
        ("order and its lines", "GSI1", Key("GSI1PK").eq("ORDER#2024-001"), [4, 2]),
        ("article", None, Key("PK").eq("ARTICLE#9") & Key("SK").eq("ARTICLE"), [5]),
        ("featured articles", "GSI1", Key("GSI1PK").eq("FEATURED"), [6]),
        ("all buyers", "GSI1", Key("GSI1PK").eq("BUYERS"), [0]),
    ],
)
def test_access_pattern(shop, what, index, condition, expected):
    where = {"IndexName": index} if index else {}
    found = shop.query(KeyConditionExpression=condition, **where)["Items"]
    assert found == [ITEMS[number] for number in expected], what
