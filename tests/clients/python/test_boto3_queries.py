"""Queries and scans through boto3: conditions, filters, projections, order and pages."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from boto3.dynamodb.conditions import Attr, Key

from tables import make_single_table, make_table

MEMBER = "MEMBER#7"


@pytest.fixture
def table(dynamodb):
    table = make_single_table(dynamodb)
    with table.batch_writer() as batch:
        batch.put_item(
            Item={
                "PK": MEMBER,
                "SK": "PROFILE",
                "name": "Cy",
                "email": "cy@example.org",
                "status": "active",
                "GSI1PK": "MEMBERS",
                "GSI1SK": "Cy",
            }
        )
        for number in range(25):
            batch.put_item(
                Item={
                    "PK": MEMBER,
                    "SK": f"ORDER#2024-{number:03}",
                    "status": "open" if number % 5 == 0 else "sent",
                    "GSI1PK": "STATE#open" if number % 5 == 0 else "STATE#sent",
                    "GSI1SK": f"ORDER#2024-{number:03}",
                }
            )
        for number in range(10):
            batch.put_item(Item={"PK": f"ITEM#{number}", "SK": "ITEM", "padding": "x" * 100})
    return table


def sort_keys(answer):
    return [item["SK"] for item in answer["Items"]]


ORDER_KEYS = [f"ORDER#2024-{number:03}" for number in range(25)]


def test_one_partition(table):
    found = table.query(KeyConditionExpression=Key("PK").eq(MEMBER))
    assert sort_keys(found) == [*ORDER_KEYS, "PROFILE"]


def test_condition_as_text(table):
    found = table.query(
        KeyConditionExpression="PK = :pk AND begins_with(SK, :sk)",
        ExpressionAttributeValues={":pk": MEMBER, ":sk": "ORDER#"},
    )
    assert sort_keys(found) == ORDER_KEYS


def test_newest_first(table):
    condition = Key("PK").eq(MEMBER) & Key("SK").begins_with("ORDER#")
    found = table.query(KeyConditionExpression=condition, ScanIndexForward=False)
    assert sort_keys(found) == ORDER_KEYS[::-1]


@pytest.mark.parametrize(
    "operator, operands, expected",
    [
        ("gte", ["ORDER#2024-022"], ["ORDER#2024-022", "ORDER#2024-023", "ORDER#2024-024", "PROFILE"]),
        ("gt", ["ORDER#2024-023"], ["ORDER#2024-024", "PROFILE"]),
        ("lte", ["ORDER#2024-001"], ["ORDER#2024-000", "ORDER#2024-001"]),
        ("lt", ["ORDER#2024-001"], ["ORDER#2024-000"]),
        ("eq", ["PROFILE"], ["PROFILE"]),
        ("between", ["ORDER#2024-003", "ORDER#2024-004"], ["ORDER#2024-003", "ORDER#2024-004"]),
        ("begins_with", ["PRO"], ["PROFILE"]),
    ],
)
def test_condition_on_the_sort_key(table, operator, operands, expected):
    condition = Key("PK").eq(MEMBER) & getattr(Key("SK"), operator)(*operands)
    assert sort_keys(table.query(KeyConditionExpression=condition)) == expected


def test_filter_counts_what_it_reads(table):
    found = table.query(
        KeyConditionExpression=Key("PK").eq(MEMBER), FilterExpression=Attr("status").eq("active")
    )
    assert sort_keys(found) == ["PROFILE"]
    assert (found["Count"], found["ScannedCount"]) == (1, 26)


def test_projection(table):
    found = table.query(
        KeyConditionExpression=Key("PK").eq(MEMBER) & Key("SK").eq("PROFILE"),
        ProjectionExpression="PK, SK, #name, email",
        ExpressionAttributeNames={"#name": "name"},
    )
    assert found["Items"] == [{"PK": MEMBER, "SK": "PROFILE", "name": "Cy", "email": "cy@example.org"}]


def test_index_holds_only_items_with_its_key(table):
    found = table.query(IndexName="GSI1", KeyConditionExpression=Key("GSI1PK").eq("STATE#open"))
    assert sort_keys(found) == ORDER_KEYS[::5]
    assert table.scan(IndexName="GSI1", Select="COUNT")["Count"] == 26
    table.update_item(Key={"PK": MEMBER, "SK": ORDER_KEYS[5]}, UpdateExpression="REMOVE GSI1PK")
    found = table.query(IndexName="GSI1", KeyConditionExpression=Key("GSI1PK").eq("STATE#open"))
    assert sort_keys(found) == [key for key in ORDER_KEYS[::5] if key != ORDER_KEYS[5]]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index", [None, "GSI1"])
def test_pages_by_hand(table, index, forward):
    question = {"KeyConditionExpression": Key("PK").eq(MEMBER) & Key("SK").begins_with("ORDER#")}
    if index:
        question = {"IndexName": index, "KeyConditionExpression": Key("GSI1PK").eq("STATE#sent")}
    expected = ORDER_KEYS if not index else [key for key in ORDER_KEYS if key not in ORDER_KEYS[::5]]
    question["ScanIndexForward"] = forward
    keys, start, pages = [], {}, 0
    while True:
        page = table.query(**question, **start, Limit=4)
        assert len(page["Items"]) <= 4
        keys += sort_keys(page)
        pages += 1
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert keys == (expected if forward else expected[::-1])
    # A page that stops at its limit says so, even where nothing follows.
    assert pages == len(expected) // 4 + 1


def test_pages_by_paginator(client, table):
    pages = client.get_paginator("query").paginate(
        TableName="AppTable",
        KeyConditionExpression="PK = :pk",
        ExpressionAttributeValues={":pk": {"S": MEMBER}},
        PaginationConfig={"PageSize": 10},
    )
    sizes = [len(page["Items"]) for page in pages]
    assert sizes == [10, 10, 6]


def test_scan_to_the_end(table):
    items = []
    page = table.scan(Limit=7)
    items += page["Items"]
    while "LastEvaluatedKey" in page:
        page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"], Limit=7)
        items += page["Items"]
    assert len({(item["PK"], item["SK"]) for item in items}) == len(items) == 36


def test_parallel_scan(table):
    def scan_segment(segment):
        return table.scan(Segment=segment, TotalSegments=4)["Items"]

    with ThreadPoolExecutor() as threads:
        segments = list(threads.map(scan_segment, range(4)))
    keys = [(item["PK"], item["SK"]) for segment in segments for item in segment]
    assert len(keys) == len(set(keys)) == 36
    # Items of one partition stay together.
    assert sum(any(item["PK"] == MEMBER for item in segment) for segment in segments) == 1


def test_page_of_a_megabyte(dynamodb):
    table = make_table(dynamodb, "Pictures", "album", "page")
    with table.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item={"album": "a", "page": f"{number:02}", "data": "x" * 100_000})
    first = table.query(KeyConditionExpression=Key("album").eq("a"))
    assert 10 <= first["Count"] <= 11
    assert first["LastEvaluatedKey"] == {"album": "a", "page": first["Items"][-1]["page"]}
    # Reading is counted before the filter, so a page may be empty and not the last.
    none = table.scan(FilterExpression=Attr("data").eq("y"))
    assert none["Items"] == [] and "LastEvaluatedKey" in none


def test_write_shards_are_read_together(dynamodb):
    table = make_table(dynamodb, "Events", "shard", "at")
    for number in range(30):
        table.put_item(Item={"shard": f"member#{number % 10}", "at": f"{number:03}"})
    found = []
    for shard in range(10):
        found += table.query(KeyConditionExpression=Key("shard").eq(f"member#{shard}"))["Items"]
    assert sorted(item["at"] for item in found) == [f"{number:03}" for number in range(30)]
