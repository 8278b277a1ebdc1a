"""Values come back as they were written: all ten types, numbers to the last digit."""

from decimal import Decimal

import pytest
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

from tables import make_articles

VALUES = {
    "text": "grüße, 世界, 🦕 \u0000 end",
    "empty_text": "",
    "number": Decimal("3.14"),
    "binary": Binary(bytes(range(256))),
    "empty_binary": Binary(b""),
    "yes": True,
    "no": False,
    "nothing": None,
    "map": {"street": "1 Quay", "town": "Hull", "deep": {"er": [{}]}},
    "list": ["red", Decimal(3), True, None, [], {}],
    "texts": {"a", "b", "c"},
    "numbers": {Decimal(1), Decimal("2.5"), Decimal(-3)},
    "binaries": {Binary(b"\x00"), Binary(b"\xff")},
}

NUMBERS = {
    "0": "0",
    "-0": "0",
    "1.0": "1",
    "00042": "42",
    "1E2": "100",
    "12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
    "-0.00000000000000000000000000000000000001": "-0.00000000000000000000000000000000000001",
    "9.9999999999999999999999999999999999999E+125": "9" * 38 + "0" * 88,
    "1E-130": "0." + "0" * 129 + "1",
}


def test_every_type(dynamodb):
    table = make_articles(dynamodb)
    table.put_item(Item={"article_id": "all", **VALUES})
    assert table.get_item(Key={"article_id": "all"})["Item"] == {"article_id": "all", **VALUES}


@pytest.mark.parametrize("written", NUMBERS)
def test_number(client, dynamodb, written):
    make_articles(dynamodb)
    client.put_item(TableName="Articles", Item={"article_id": {"S": "n"}, "n": {"N": written}})
    read = client.get_item(TableName="Articles", Key={"article_id": {"S": "n"}})["Item"]["n"]["N"]
    assert read == NUMBERS[written]


def test_number_of_39_digits_is_refused(client, dynamodb):
    make_articles(dynamodb)
    with pytest.raises(ClientError, match="Attempting to store more than 38 significant digits in a Number"):
        client.put_item(TableName="Articles", Item={"article_id": {"S": "n"}, "n": {"N": "1" * 39}})


def test_item_of_400_kilobytes_and_one_byte_more(dynamodb):
    table = make_articles(dynamodb)
    overhead = len("article_id") + len("big") + len("blob")
    largest = "x" * (400 * 1024 - overhead)
    table.put_item(Item={"article_id": "big", "blob": largest})
    assert table.get_item(Key={"article_id": "big"})["Item"]["blob"] == largest
    with pytest.raises(ClientError, match="Item size has exceeded the maximum allowed size"):
        table.put_item(Item={"article_id": "big", "blob": largest + "x"})
