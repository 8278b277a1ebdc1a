"""A stream consumer as an application writes it, with the library bloop: follows a table to its end.

    python stream_follower.py ENDPOINT

It makes the table `Readings` with a stream, prints `ready`, and then a line for each change: the
item's id, its version before and after (null where there was or is no item), and the record's
sequence number. It ends when the stream was disabled and all of its shards are read.

It runs by itself, since bloop wants another boto3 than the other tests.
"""

import json
import logging
import sys
import time

import boto3
from bloop import BaseModel, Column, Engine, Integer, String


class Reading(BaseModel):
    class Meta:
        table_name = "Readings"
        billing = {"mode": "on_demand"}
        stream = {"include": {"new", "old"}}

    id = Column(String, hash_key=True)
    version = Column(Integer)


def follow(endpoint):
    # It warns whenever it is asked for its position while a shard has told nothing yet.
    logging.getLogger("bloop.stream").setLevel(logging.ERROR)
    clients = {"endpoint_url": endpoint, "region_name": "eu-west-2"}
    clients |= {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
    engine = Engine(
        dynamodb=boto3.client("dynamodb", **clients),
        dynamodbstreams=boto3.client("dynamodbstreams", **clients),
    )
    engine.bind(Reading)
    stream = engine.stream(Reading, position="trim_horizon")
    print(json.dumps("ready"), flush=True)
    while True:
        record = next(stream)
        if record:
            old, new = record["old"], record["new"]
            versions = [image and image.version for image in (old, new)]
            print(json.dumps([(new or old).id, *versions, int(record["meta"]["sequence_number"])]))
        elif not stream.token["active"]:
            return
        else:
            time.sleep(0.02)


if __name__ == "__main__":
    follow(sys.argv[1])
