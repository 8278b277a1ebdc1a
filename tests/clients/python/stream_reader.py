"""Reads whole streams with boto3: every shard from its start, parents before their children."""

import time

from stream_ledger import Change, ShardHistory


def all_shards(streams, stream_arn, page=100):
    """The shards as DescribeStream gives them, over all of its pages."""
    shards, start = [], {}
    while True:
        description = streams.describe_stream(StreamArn=stream_arn, Limit=page, **start)["StreamDescription"]
        shards += description["Shards"]
        if "LastEvaluatedShardId" not in description:
            return shards
        start = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}


def iterator(streams, stream_arn, shard_id, kind="TRIM_HORIZON", **position):
    """An iterator of a shard."""
    return streams.get_shard_iterator(
        StreamArn=stream_arn, ShardId=shard_id, ShardIteratorType=kind, **position
    )["ShardIterator"]


def read_shard(streams, stream_arn, shard_id, **request):
    """All records of a shard that has ended."""
    records, position = [], iterator(streams, stream_arn, shard_id)
    while position:
        answer = streams.get_records(ShardIterator=position, **request)
        records += answer["Records"]
        position = answer.get("NextShardIterator")
    return records


def read_disabled_stream(streams, stream_arn):
    """The whole history of a stream that has been disabled: a list of ShardHistory.

    Only such a one has an end that a reader can see.
    """
    wait_until_disabled(streams, stream_arn)
    histories = []
    for shard in all_shards(streams, stream_arn):
        numbers = shard["SequenceNumberRange"]
        records = read_shard(streams, stream_arn, shard["ShardId"])
        histories.append(
            ShardHistory(
                shard_id=shard["ShardId"],
                parent_id=shard.get("ParentShardId"),
                first=int(numbers["StartingSequenceNumber"]),
                last=int(numbers["EndingSequenceNumber"]),
                changes=[Change.of_record(record) for record in records],
            )
        )
    return histories


def wait_until_disabled(streams, stream_arn, seconds_max=30):
    """Waits until all shards of the stream have ended."""
    deadline = time.monotonic() + seconds_max
    while True:
        status = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["StreamStatus"]
        if status == "DISABLED":
            return
        assert time.monotonic() < deadline, f"after {seconds_max} seconds the stream is {status}"
        time.sleep(0.02)


def read_records(streams, stream_arn, count, seconds_max=30):
    """The first `count` records of a stream that is open, over all shards, oldest shard first."""
    deadline = time.monotonic() + seconds_max
    while True:
        records = []
        for shard in all_shards(streams, stream_arn):
            position = iterator(streams, stream_arn, shard["ShardId"])
            while position:
                answer = streams.get_records(ShardIterator=position)
                records += answer["Records"]
                position = answer.get("NextShardIterator") if answer["Records"] else None
        if len(records) >= count:
            return records
        assert time.monotonic() < deadline, f"{len(records)} records of {count}"
        time.sleep(0.02)
