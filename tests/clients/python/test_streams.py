"""Change streams with boto3 and the AWS CLI: enabled, found, read, rolled over, closed."""

import datetime
import random
import re
import threading
import time
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_cli import Refused
from stream_ledger import Change, changes_of, check_shards, compare_table, replay
from stream_reader import all_shards, iterator, read_disabled_stream, read_records, read_shard, wait_until_disabled
from tables import make_articles

ARN = re.compile(
    r"arn:aws:dynamodb:eu-west-2:\d{12}:table/Articles/stream/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
)


def streams_client(endpoint):
    return boto3.client(
        "dynamodbstreams", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1})
    )


@pytest.fixture
def streams(endpoint):
    return streams_client(endpoint)


def enable(client, view="NEW_AND_OLD_IMAGES"):
    """Enables a stream on `Articles` and gives its ARN."""
    specification = {"StreamEnabled": True, "StreamViewType": view}
    answer = client.update_table(TableName="Articles", StreamSpecification=specification)
    client.get_waiter("table_exists").wait(TableName="Articles", WaiterConfig={"Delay": 1})
    return answer["TableDescription"]["LatestStreamArn"]


def disable(client):
    client.update_table(TableName="Articles", StreamSpecification={"StreamEnabled": False})
    client.get_waiter("table_exists").wait(TableName="Articles", WaiterConfig={"Delay": 1})


def change_an_article(table):
    """An article's life: four changes, and two writes that change nothing."""
    table.put_item(Item={"article_id": "a1", "status": "draft", "pages": 3})
    table.update_item(
        Key={"article_id": "a1"},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": "out"},
    )
    table.put_item(Item={"article_id": "a1", "status": "out", "pages": 4})
    table.put_item(Item={"article_id": "a1", "status": "out", "pages": Decimal("4.0")})
    table.delete_item(Key={"article_id": "a1"})
    table.delete_item(Key={"article_id": "a1"})


def item(status, pages):
    return {"article_id": {"S": "a1"}, "status": {"S": status}, "pages": {"N": str(pages)}}


def test_an_items_life_in_its_stream(client, dynamodb, streams):
    table = make_articles(dynamodb)
    stream_arn = enable(client)
    began = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    change_an_article(table)
    records = read_records(streams, stream_arn, 4)
    assert [
        (record["eventName"], record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage"))
        for record in records
    ] == [
        ("INSERT", None, item("draft", 3)),
        ("MODIFY", item("draft", 3), item("out", 3)),
        ("MODIFY", item("out", 3), item("out", 4)),
        ("REMOVE", item("out", 4), None),
    ]
    for record in records:
        assert record["dynamodb"]["Keys"] == {"article_id": {"S": "a1"}}
        assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert record["dynamodb"]["SizeBytes"] > 0
        created = record["dynamodb"]["ApproximateCreationDateTime"]
        assert began <= created <= datetime.datetime.now(datetime.timezone.utc)
        assert (record["eventSource"], record["awsRegion"]) == ("aws:dynamodb", "eu-west-2")
        assert record["eventVersion"] == "1.1"
        assert "userIdentity" not in record
    assert len({record["eventID"] for record in records}) == 4
    assert read_records(streams, stream_arn, 4) == records


@pytest.mark.parametrize(
    "view, has_old, has_new",
    [("KEYS_ONLY", False, False), ("OLD_IMAGE", True, False), ("NEW_IMAGE", False, True)],
)
def test_a_view_shows_its_images(client, dynamodb, streams, view, has_old, has_new):
    table = make_articles(dynamodb)
    stream_arn = enable(client, view)
    change_an_article(table)
    records = read_records(streams, stream_arn, 4)
    events = [record["eventName"] for record in records]
    assert events == ["INSERT", "MODIFY", "MODIFY", "REMOVE"]
    assert ["OldImage" in record["dynamodb"] for record in records] == [
        has_old and event != "INSERT" for event in events
    ]
    assert ["NewImage" in record["dynamodb"] for record in records] == [
        has_new and event != "REMOVE" for event in events
    ]


def test_a_table_shows_its_stream_and_the_stream_its_table(client, dynamodb, streams):
    table = make_articles(dynamodb)
    assert table.latest_stream_arn is None and table.stream_specification is None
    stream_arn = enable(client)
    assert ARN.fullmatch(stream_arn)
    table.reload()
    assert table.latest_stream_arn == stream_arn
    assert table.latest_stream_label == stream_arn.rpartition("/")[2]
    assert table.stream_specification == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    description = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]
    assert description["StreamStatus"] == "ENABLED"
    assert (description["TableName"], description["StreamLabel"]) == ("Articles", table.latest_stream_label)
    assert description["KeySchema"] == table.key_schema
    assert len(description["Shards"]) >= 1
    listed = streams.list_streams(TableName="Articles")["Streams"]
    named = {
        "StreamArn": stream_arn,
        "TableName": "Articles",
        "StreamLabel": table.latest_stream_label,
    }
    assert named in listed
    found, start = [], {}
    while True:
        page = streams.list_streams(Limit=1, **start)
        found += page["Streams"]
        if "LastEvaluatedStreamArn" not in page:
            break
        start = {"ExclusiveStartStreamArn": page["LastEvaluatedStreamArn"]}
    assert named in found


def test_a_stream_that_is_enabled_with_its_table(client, streams):
    answer = client.create_table(
        TableName="Articles",
        KeySchema=[{"AttributeName": "article_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "article_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    stream_arn = answer["TableDescription"]["LatestStreamArn"]
    client.batch_write_item(
        RequestItems={
            "Articles": [{"PutRequest": {"Item": {"article_id": {"S": f"a{n}"}}}} for n in range(3)]
        }
    )
    records = read_records(streams, stream_arn, 3)
    assert {record["dynamodb"]["NewImage"]["article_id"]["S"] for record in records} == {"a0", "a1", "a2"}


def test_each_kind_of_iterator(client, dynamodb, streams):
    table = make_articles(dynamodb)
    stream_arn = enable(client)
    shard = all_shards(streams, stream_arn)[0]
    latest = iterator(streams, stream_arn, shard["ShardId"], "LATEST")
    change_an_article(table)
    records = read_records(streams, stream_arn, 4)
    second = records[1]["dynamodb"]["SequenceNumber"]
    starting = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    for position, expected in [
        (latest, records),
        (iterator(streams, stream_arn, shard["ShardId"], "TRIM_HORIZON"), records),
        (iterator(streams, stream_arn, shard["ShardId"], "LATEST"), []),
        (
            iterator(streams, stream_arn, shard["ShardId"], "AT_SEQUENCE_NUMBER", SequenceNumber=starting),
            records,
        ),
        (
            iterator(streams, stream_arn, shard["ShardId"], "AT_SEQUENCE_NUMBER", SequenceNumber=second),
            records[1:],
        ),
        (
            iterator(streams, stream_arn, shard["ShardId"], "AFTER_SEQUENCE_NUMBER", SequenceNumber=second),
            records[2:],
        ),
    ]:
        answer = streams.get_records(ShardIterator=position)
        assert answer["Records"] == expected
        # An open shard always has more to come.
        assert answer["NextShardIterator"]


def test_pages_of_records(client, dynamodb, streams):
    table = make_articles(dynamodb)
    stream_arn = enable(client)
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"article_id": f"a{number}", "text": "x" * 40_000})
    disable(client)
    wait_until_disabled(streams, stream_arn)
    shard = all_shards(streams, stream_arn)[0]["ShardId"]
    records = read_shard(streams, stream_arn, shard)
    assert len(records) == 60
    assert read_shard(streams, stream_arn, shard, Limit=7) == records
    # A page ends about where it has a megabyte.
    first = streams.get_records(ShardIterator=iterator(streams, stream_arn, shard))
    assert 20 <= len(first["Records"]) <= 30


def test_what_is_refused(client, dynamodb, streams):
    make_articles(dynamodb)
    with pytest.raises(ClientError, match="Table has no stream to disable: TableName: Articles"):
        disable(client)
    stream_arn = enable(client)
    with pytest.raises(ClientError, match="Table already has an enabled stream: TableName: Articles"):
        enable(client)
    shard = all_shards(streams, stream_arn)[0]["ShardId"]
    missing = stream_arn.replace("Articles", "Nowhere")
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        streams.describe_stream(StreamArn=missing)
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        iterator(streams, missing, shard)
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        iterator(streams, stream_arn, shard[:-1] + "f")
    good = iterator(streams, stream_arn, shard)
    for operation, request, code in [
        ("get_shard_iterator", {"ShardIteratorType": "NEWEST"}, "ValidationException"),
        ("get_shard_iterator", {"ShardIteratorType": "AT_SEQUENCE_NUMBER"}, "ValidationException"),
        (
            "get_shard_iterator",
            {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "9" * 30},
            "ValidationException",
        ),
        ("get_records", {"ShardIterator": good[:-3]}, "ValidationException"),
        ("get_records", {"ShardIterator": good, "Limit": 1001}, "ValidationException"),
    ]:
        if operation == "get_shard_iterator":
            request = {"StreamArn": stream_arn, "ShardId": shard, **request}
        with pytest.raises(ClientError) as refused:
            getattr(streams, operation)(**request)
        assert refused.value.response["Error"]["Code"] == code, (operation, request)


def test_streams_outlive_being_disabled_and_their_table(client, dynamodb, streams):
    table = make_articles(dynamodb)
    first = enable(client)
    table.put_item(Item={"article_id": "first"})
    disable(client)
    table.put_item(Item={"article_id": "between"})
    second = enable(client)
    table.put_item(Item={"article_id": "second"})
    assert first != second
    table.delete()
    table.wait_until_not_exists()
    for stream_arn, key in [(first, "first"), (second, "second")]:
        changes = changes_of(read_disabled_stream(streams, stream_arn))
        assert [change.keys["article_id"]["S"] for change in changes] == [key]
    listed = [stream["StreamArn"] for stream in streams.list_streams(TableName="Articles")["Streams"]]
    assert {first, second} <= set(listed)


def handle(event, seen):
    """A function as it is hung on a table's stream: it tells of each change of the status."""
    for record in event["Records"]:
        change = record["dynamodb"]
        images = [
            {name: TypeDeserializer().deserialize(value) for name, value in change.get(image, {}).items()}
            for image in ("OldImage", "NewImage")
        ]
        statuses = [image.get("status") for image in images]
        if record["eventName"] == "MODIFY" and statuses[0] != statuses[1]:
            seen.append(tuple(statuses))


def test_a_handler_sees_what_changed(client, dynamodb, streams):
    table = make_articles(dynamodb)
    stream_arn = enable(client)
    change_an_article(table)
    seen = []
    handle({"Records": read_records(streams, stream_arn, 4)}, seen)
    assert seen == [("draft", "out")]


def test_transactions_in_the_stream(client, dynamodb, streams):
    make_articles(dynamodb)
    stream_arn = enable(client)
    put = [{"Put": {"TableName": "Articles", "Item": {"article_id": {"S": key}}}} for key in ("a", "b")]
    check = {"TableName": "Articles", "Key": {"article_id": {"S": "c"}}}
    for condition in ("attribute_exists(article_id)", "attribute_not_exists(article_id)"):
        checked = [*put, {"ConditionCheck": {**check, "ConditionExpression": condition}}]
        try:
            client.transact_write_items(TransactItems=checked)
        except client.exceptions.TransactionCanceledException:
            assert condition == "attribute_exists(article_id)"
    records = read_records(streams, stream_arn, 2)
    assert sorted(record["dynamodb"]["Keys"]["article_id"]["S"] for record in records) == ["a", "b"]


def test_a_stream_with_the_cli(aws):
    def streams(*arguments):
        return aws(*arguments, service="dynamodbstreams")

    aws(
        *("create-table", "--table-name", "Orders"),
        *("--attribute-definitions", "AttributeName=order_id,AttributeType=S"),
        *("--key-schema", "AttributeName=order_id,KeyType=HASH"),
        *("--billing-mode", "PAY_PER_REQUEST"),
    )
    aws("wait", "table-exists", "--table-name", "Orders")
    answer = aws(
        *("update-table", "--table-name", "Orders"),
        *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"),
    )
    stream_arn = answer["TableDescription"]["LatestStreamArn"]
    aws("put-item", "--table-name", "Orders", "--item", {"order_id": {"S": "o1"}, "status": {"S": "new"}})
    aws(
        *("update-item", "--table-name", "Orders", "--key", {"order_id": {"S": "o1"}}),
        *("--update-expression", "SET #s = :s"),
        *("--expression-attribute-names", {"#s": "status"}),
        *("--expression-attribute-values", {":s": {"S": "sent"}}),
    )
    assert [stream["StreamArn"] for stream in streams("list-streams", "--table-name", "Orders")["Streams"]] == [
        stream_arn
    ]
    description = streams("describe-stream", "--stream-arn", stream_arn)["StreamDescription"]
    assert description["StreamStatus"] == "ENABLED"
    position = streams(
        *("get-shard-iterator", "--stream-arn", stream_arn),
        *("--shard-id", description["Shards"][0]["ShardId"]),
        *("--shard-iterator-type", "TRIM_HORIZON"),
    )["ShardIterator"]
    page = streams("get-records", "--shard-iterator", position)
    assert [record["eventName"] for record in page["Records"]] == ["INSERT", "MODIFY"]
    assert page["Records"][1]["dynamodb"]["OldImage"]["status"] == {"S": "new"}
    assert page["Records"][1]["dynamodb"]["NewImage"]["status"] == {"S": "sent"}
    assert page["NextShardIterator"]
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        streams("describe-stream", "--stream-arn", stream_arn.replace("Orders", "Nowhere"))
    aws("update-table", "--table-name", "Orders", "--stream-specification", "StreamEnabled=false")
    table = aws("describe-table", "--table-name", "Orders")["Table"]
    assert "StreamSpecification" not in table and table["LatestStreamArn"] == stream_arn


def check_description(shards, open_shards):
    """A rollover is there as a whole or not at all."""
    ended = {shard["ShardId"] for shard in shards if "EndingSequenceNumber" in shard["SequenceNumberRange"]}
    assert len(shards) - len(ended) == open_shards, shards
    parents = [shard["ParentShardId"] for shard in shards if "ParentShardId" in shard]
    assert sorted(parents) == sorted(ended), shards


@pytest.mark.parametrize("shards", [1, 3])
def test_rollovers_under_load(start, tmp_path, shards):
    """Writers, rollovers and readers at once: every stream that ends tells the table's whole story."""
    server = start(
        *("--stream-shard-rollover", "1s", "--stream-shards", shards), data_dir=tmp_path / "data"
    )
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    streams = streams_client(server.endpoint)
    make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    stream_arn = enable(client)
    is_over = threading.Event()

    def write(number):
        source = random.Random(number)
        version = 0
        while not is_over.is_set():
            key = {"article_id": {"S": f"{number}-{source.randrange(5)}"}}
            version += 1
            if source.random() < 0.2:
                client.delete_item(TableName="Articles", Key=key)
            else:
                client.put_item(TableName="Articles", Item={**key, "version": {"N": str(version)}})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        deadline = time.monotonic() + 3.5
        while time.monotonic() < deadline:
            check_description(all_shards(streams, stream_arn), open_shards=shards)
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    disable(client)
    histories = read_disabled_stream(streams, stream_arn)
    check_shards(histories)
    assert len(histories) >= 3 * shards
    children = [history for history in histories if history.parent_id]
    assert len(children) == len(histories) - shards
    items = client.scan(TableName="Articles", ConsistentRead=True)["Items"]
    compare_table(replay(changes_of(histories)), items)
    # The description of a shard's children is what its reader goes on with.
    for child in children:
        filtered = streams.describe_stream(
            StreamArn=stream_arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": child.parent_id}
        )
        assert [shard["ShardId"] for shard in filtered["StreamDescription"]["Shards"]] == [child.shard_id]


def test_a_reader_goes_on_after_a_kill(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    stream_arn = enable(client)
    streams = streams_client(server.endpoint)
    for number in range(10):
        client.put_item(TableName="Articles", Item={"article_id": {"S": f"a{number}"}})
    before = read_records(streams, stream_arn, 10)
    shard = all_shards(streams, stream_arn)[0]["ShardId"]
    page = streams.get_records(ShardIterator=iterator(streams, stream_arn, shard), Limit=4)
    server.kill()

    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    streams = streams_client(server.endpoint)
    client.put_item(TableName="Articles", Item={"article_id": {"S": "after"}})
    answer = streams.get_records(ShardIterator=page["NextShardIterator"])
    assert page["Records"] + answer["Records"][:-1] == before
    assert Change.of_record(answer["Records"][-1]).keys == {"article_id": {"S": "after"}}
    assert len(read_records(streams, stream_arn, 11)) == 11
