"""Tables from the command line: made, described, listed, changed, deleted."""

import json

import pytest

from aws_cli import Refused

KEYS = ["AttributeName=PK,KeyType=HASH", "AttributeName=SK,KeyType=RANGE"]
KEY_TYPES = ["AttributeName=PK,AttributeType=S", "AttributeName=SK,AttributeType=S"]
INDEX_KEY_TYPES = ["AttributeName=GSI1PK,AttributeType=S", "AttributeName=GSI1SK,AttributeType=S"]
INDEX_KEY_SCHEMA = [
    {"AttributeName": "GSI1PK", "KeyType": "HASH"},
    {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
]


def create(aws, name, *more, types=KEY_TYPES):
    return aws(
        "create-table", "--table-name", name, "--attribute-definitions", *types, "--key-schema", *KEYS, *more
    )["TableDescription"]


def describe(aws, name):
    return aws("describe-table", "--table-name", name)["Table"]


def test_on_demand_table_with_a_tag(aws):
    created = create(aws, "Parcels", "--billing-mode", "PAY_PER_REQUEST", "--tags", "Key=Team,Value=depot")
    assert (created["TableName"], created["TableStatus"]) == ("Parcels", "CREATING")
    aws("wait", "table-exists", "--table-name", "Parcels")
    table = describe(aws, "Parcels")
    assert table["TableStatus"] == "ACTIVE"
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    tags = aws("list-tags-of-resource", "--resource-arn", table["TableArn"])
    assert tags["Tags"] == [{"Key": "Team", "Value": "depot"}]


def test_provisioned_table_with_an_index_in_json(aws):
    index = {
        "IndexName": "GSI1",
        "KeySchema": INDEX_KEY_SCHEMA,
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    }
    create(
        aws,
        "Parcels",
        "--global-secondary-indexes",
        [index],
        "--provisioned-throughput",
        "ReadCapacityUnits=5,WriteCapacityUnits=5",
        types=KEY_TYPES + INDEX_KEY_TYPES,
    )
    table = describe(aws, "Parcels")
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    (described,) = table["GlobalSecondaryIndexes"]
    assert described["IndexStatus"] == "ACTIVE"
    assert described["KeySchema"] == INDEX_KEY_SCHEMA
    assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 5
    assert described["IndexArn"] == table["TableArn"] + "/index/GSI1"


def test_index_in_shorthand(aws):
    shorthand = (
        "IndexName=GSI1,"
        "KeySchema=[{AttributeName=GSI1PK,KeyType=HASH},{AttributeName=GSI1SK,KeyType=RANGE}],"
        "Projection={ProjectionType=ALL}"
    )
    create(
        aws,
        "Parcels",
        "--global-secondary-indexes",
        shorthand,
        "--billing-mode",
        "PAY_PER_REQUEST",
        types=KEY_TYPES + INDEX_KEY_TYPES,
    )
    (index,) = describe(aws, "Parcels")["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("GSI1", {"ProjectionType": "ALL"})


def test_table_from_a_file(aws):
    (aws.folder / "table.json").write_text(
        json.dumps(
            {
                "TableName": "Parcels",
                "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "N"}],
                "BillingMode": "PAY_PER_REQUEST",
            }
        )
    )
    aws("create-table", "--cli-input-json", "file://table.json")
    assert describe(aws, "Parcels")["AttributeDefinitions"] == [{"AttributeName": "PK", "AttributeType": "N"}]


def test_provisioned_mode_by_name(aws):
    aws(
        "create-table",
        "--table-name",
        "Articles",
        "--attribute-definitions",
        "AttributeName=article_id,AttributeType=S",
        "--key-schema",
        "AttributeName=article_id,KeyType=HASH",
        "--billing-mode",
        "PROVISIONED",
        "--provisioned-throughput",
        "ReadCapacityUnits=100,WriteCapacityUnits=50",
    )
    throughput = describe(aws, "Articles")["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (100, 50)


def test_index_on_a_sort_key_and_a_reserved_name(aws):
    """`status` may be an index key; it only needs a placeholder in expressions."""
    index = {
        "IndexName": "StatusIndex",
        "KeySchema": [
            {"AttributeName": "status", "KeyType": "HASH"},
            {"AttributeName": "ordered_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 50, "WriteCapacityUnits": 25},
    }
    aws(
        "create-table",
        "--table-name",
        "Sales",
        "--attribute-definitions",
        "AttributeName=buyer_id,AttributeType=S",
        "AttributeName=ordered_at,AttributeType=S",
        "AttributeName=status,AttributeType=S",
        "--key-schema",
        "AttributeName=buyer_id,KeyType=HASH",
        "AttributeName=ordered_at,KeyType=RANGE",
        "--global-secondary-indexes",
        [index],
        "--billing-mode",
        "PROVISIONED",
        "--provisioned-throughput",
        "ReadCapacityUnits=100,WriteCapacityUnits=50",
    )
    for moment, status in [("2026-04-28", "pending"), ("2026-05-03", "pending"), ("2026-05-04", "sent")]:
        aws(
            "put-item",
            "--table-name",
            "Sales",
            "--item",
            {"buyer_id": {"S": "b-7"}, "ordered_at": {"S": moment}, "status": {"S": status}},
        )
    condition = ["--table-name", "Sales", "--index-name", "StatusIndex", "--key-condition-expression"]
    values = {":wanted": {"S": "pending"}, ":since": {"S": "2026-05-01"}}
    with pytest.raises(Refused, match="Attribute name is a reserved keyword; reserved keyword: status"):
        aws(
            "query",
            *condition,
            "status = :wanted AND ordered_at > :since",
            "--expression-attribute-values",
            values,
        )
    found = aws(
        "query",
        *condition,
        "#s = :wanted AND ordered_at > :since",
        "--expression-attribute-names",
        {"#s": "status"},
        "--expression-attribute-values",
        values,
    )
    assert [item["ordered_at"]["S"] for item in found["Items"]] == ["2026-05-03"]


def test_index_added_to_a_table_with_items(aws):
    create(aws, "Members", "--billing-mode", "PAY_PER_REQUEST")
    for number in range(3):
        item = {"PK": {"S": f"M#{number}"}, "SK": {"S": "CARD"}, "email": {"S": f"m{number}@example.org"}}
        aws("put-item", "--table-name", "Members", "--item", item)
    creation = {
        "IndexName": "email-index",
        "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    changed = aws(
        "update-table",
        "--table-name",
        "Members",
        "--attribute-definitions",
        "AttributeName=email,AttributeType=S",
        "--global-secondary-index-updates",
        [{"Create": creation}],
    )["TableDescription"]
    assert changed["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    wait_for_index(aws, "Members")
    found = aws(
        "query",
        "--table-name",
        "Members",
        "--index-name",
        "email-index",
        "--key-condition-expression",
        "email = :address",
        "--expression-attribute-values",
        {":address": {"S": "m1@example.org"}},
    )
    assert [item["PK"]["S"] for item in found["Items"]] == ["M#1"]


def wait_for_index(aws, table):
    for _ in range(60):
        if describe(aws, table)["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE":
            return
    raise AssertionError("the index does not become ACTIVE")


def test_parts_of_a_description_and_the_list(aws):
    create(aws, "Parcels", "--billing-mode", "PAY_PER_REQUEST")
    aws("put-item", "--table-name", "Parcels", "--item", {"PK": {"S": "a"}, "SK": {"S": "b"}})
    parts = aws(
        "describe-table",
        "--table-name",
        "Parcels",
        "--query",
        "Table.[TableName,TableStatus,ItemCount,TableSizeBytes]",
    )
    assert parts == ["Parcels", "ACTIVE", 1, 6]
    summary = aws("describe-table", "--table-name", "Parcels", "--query", "Table.BillingModeSummary")
    assert summary["BillingMode"] == "PAY_PER_REQUEST"
    assert aws("list-tables") == {"TableNames": ["Parcels"]}


def test_deleted_table_is_gone(aws):
    create(aws, "Parcels", "--billing-mode", "PAY_PER_REQUEST")
    deleted = aws("delete-table", "--table-name", "Parcels")["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    aws("wait", "table-not-exists", "--table-name", "Parcels")
    with pytest.raises(Refused, match="ResourceNotFoundException.*Table: Parcels not found"):
        aws("describe-table", "--table-name", "Parcels")


def test_list_of_backups_is_empty(aws):
    create(aws, "Parcels", "--billing-mode", "PAY_PER_REQUEST")
    assert aws("list-backups", "--table-name", "Parcels") == {"BackupSummaries": []}
