"""Queries and scans from the command line."""

import pytest

from aws_cli import AwsCli, Refused

TABLE = ["--table-name", "Sales"]
ORDERS = [
    # buyer, sort key, state, amount
    ("B17", "ORDER#2023-12-30#N90", "sent", "20"),
    ("B17", "ORDER#2024-01-15#N100", "open", "75.5"),
    ("B17", "ORDER#2024-03-02#N120", "open", "49.99"),
    ("B17", "CARD", "open", "0"),
    ("B18", "ORDER#2024-02-01#N110", "sent", "120"),
]


@pytest.fixture(scope="module")
def sales(disk_endpoint, tmp_path_factory):
    """One table for all tests here: they only read."""
    aws = AwsCli(disk_endpoint, folder=tmp_path_factory.mktemp("cli"))
    index = (
        "IndexName=GSI1,KeySchema=[{AttributeName=GSI1PK,KeyType=HASH},{AttributeName=GSI1SK,KeyType=RANGE}],"
        "Projection={ProjectionType=ALL}"
    )
    names = ["PK", "SK", "GSI1PK", "GSI1SK"]
    aws(
        "create-table",
        *TABLE,
        "--attribute-definitions",
        *[f"AttributeName={name},AttributeType=S" for name in names],
        "--key-schema",
        "AttributeName=PK,KeyType=HASH",
        "AttributeName=SK,KeyType=RANGE",
        "--global-secondary-indexes",
        index,
        "--billing-mode",
        "PAY_PER_REQUEST",
    )
    puts = []
    for buyer, sort_key, state, amount in ORDERS:
        texts = {"PK": f"BUYER#{buyer}", "SK": sort_key, "GSI1PK": f"STATE#{state}", "GSI1SK": sort_key}
        item = {name: {"S": text} for name, text in texts.items()}
        puts.append({"PutRequest": {"Item": {**item, "amount": {"N": amount}}}})
    aws("batch-write-item", "--request-items", {"Sales": puts})
    yield aws
    aws("delete-table", *TABLE)


def query(aws, condition, values, *more):
    return aws(
        "query",
        *TABLE,
        "--key-condition-expression",
        condition,
        "--expression-attribute-values",
        {name: {"S": value} for name, value in values.items()},
        *more,
    )


def sort_keys(answer):
    return [item["SK"]["S"] for item in answer["Items"]]


def test_whole_partition_in_order(sales):
    found = query(sales, "PK = :pk", {":pk": "BUYER#B17"})
    assert sort_keys(found) == sorted(key for buyer, key, *_ in ORDERS if buyer == "B17")
    assert (found["Count"], found["ScannedCount"]) == (4, 4)


def test_newest_first_of_a_prefix(sales):
    question = ["PK = :pk AND begins_with(SK, :prefix)", {":pk": "BUYER#B17", ":prefix": "ORDER#2024"}]
    # The option is a switch with a twin, and the client takes no value for it.
    with pytest.raises(Refused, match="Unknown options: false"):
        query(sales, *question, "--scan-index-forward", "false", "--limit", "10")
    found = query(sales, *question, "--no-scan-index-forward", "--limit", "10")
    assert sort_keys(found) == ["ORDER#2024-03-02#N120", "ORDER#2024-01-15#N100"]


def test_from_a_date_on(sales):
    found = query(sales, "PK = :pk AND SK >= :start", {":pk": "BUYER#B17", ":start": "ORDER#2024-02"})
    assert sort_keys(found) == ["ORDER#2024-03-02#N120"]


def test_index(sales):
    found = query(sales, "GSI1PK = :pk", {":pk": "STATE#sent"}, "--index-name", "GSI1")
    assert sort_keys(found) == ["ORDER#2023-12-30#N90", "ORDER#2024-02-01#N110"]


def test_scan_with_a_filter(sales):
    found = sales(
        "scan",
        *TABLE,
        "--filter-expression",
        "amount < :most",
        "--expression-attribute-values",
        {":most": {"N": "50"}},
    )
    assert sorted(sort_keys(found)) == ["CARD", "ORDER#2023-12-30#N90", "ORDER#2024-03-02#N120"]
    assert found["ScannedCount"] == len(ORDERS)


def test_scan_with_a_limit_goes_on_where_it_stopped(sales):
    first = sales("scan", *TABLE, "--limit", "2", "--no-paginate")
    assert first["Count"] == 2
    second = sales("scan", *TABLE, "--no-paginate", "--exclusive-start-key", first["LastEvaluatedKey"])
    assert sorted(sort_keys(first) + sort_keys(second)) == sorted(key for _, key, *_ in ORDERS)


def test_the_clients_own_pages(sales):
    found = sales("scan", *TABLE, "--page-size", "1", "--max-items", "3")
    assert len(found["Items"]) == 3
    rest = sales("scan", *TABLE, "--page-size", "1", "--starting-token", found["NextToken"])
    assert len(rest["Items"]) == 2
