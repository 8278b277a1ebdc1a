"""Exports and backups in a store that speaks S3, which boto3's client takes for one, too."""

import json
import random

import boto3
import pytest

from object_store import ObjectStore
from stator_process import binary, run_to_end
from tables import make_articles

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

# Enough for an object of several parts of 8 MiB, as it hardly compresses.
ITEM_COUNT = 120
ITEM_BYTES = 200_000


@pytest.fixture
def store():
    store = ObjectStore("kept")
    yield store
    store.stop()


@pytest.fixture
def data_dir(start, tmp_path):
    folder = tmp_path / "data"
    server = start(data_dir=folder)
    articles = make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    with articles.batch_writer() as batch:
        for number in range(ITEM_COUNT):
            batch.put_item(Item={"article_id": f"{number}", "noise": _noise(number)})
    assert server.stop() == 0
    return folder


def _noise(number):
    return random.Random(number).randbytes(ITEM_BYTES)


def run(store, *arguments):
    variables = {
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_REGION": "eu-west-2",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
    }
    return run_to_end(*arguments, variables=variables, seconds_max=120)


def test_buckets_hold_exports_and_backups(store, data_dir, start, tmp_path):
    s3 = boto3.client("s3", endpoint_url=store.endpoint)
    for command in (
        ("export", "--data-dir", data_dir, "--table", "Articles", "--to", "s3://kept/some/exports"),
        ("import", "--data-dir", tmp_path / "imported", "--table", "Articles", "--from", "s3://kept/some/exports",
         "--partition-key", "article_id:S"),
        ("backup", "--data-dir", data_dir, "--table", "Articles", "--to", "s3://kept/backup"),
        ("restore", "--data-dir", tmp_path / "restored", "--from", "s3://kept/backup"),
    ):
        done = run(store, *command)
        assert done.returncode == 0, done
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="kept")["Contents"]]
    [data] = [key for key in keys if key.endswith(".json.gz")]
    assert data.startswith("some/exports/AWSDynamoDB/")
    # In parts, and the manifest has the tag that the store gave.
    etag = s3.head_object(Bucket="kept", Key=data)["ETag"].strip('"')
    assert int(etag.rsplit("-")[-1]) > 1
    [files] = [key for key in keys if key.endswith("manifest-files.json")]
    assert json.loads(s3.get_object(Bucket="kept", Key=files)["Body"].read())["etag"] == etag
    assert store.uploads == {}
    for folder in ("imported", "restored"):
        server = start(data_dir=tmp_path / folder)
        table = boto3.resource("dynamodb", endpoint_url=server.endpoint).Table("Articles")
        for number in (0, ITEM_COUNT - 1):
            item = table.get_item(Key={"article_id": f"{number}"})["Item"]
            assert item["noise"].value == _noise(number)
        assert table.item_count == ITEM_COUNT
        assert server.stop() == 0


def test_what_is_wrong_with_a_store_is_said(store, data_dir):
    done = run(store, "backup", "--data-dir", data_dir, "--table", "Articles", "--to", "s3://no-such-bucket/x")
    assert done.returncode == 1 and "s3://no-such-bucket/x" in done.stderr, done


def test_boto3_takes_the_store_for_one(store):
    s3 = boto3.client("s3", endpoint_url=store.endpoint)
    s3.put_object(Bucket="kept", Key="a/b c", Body=b"hello")
    assert s3.get_object(Bucket="kept", Key="a/b c")["Body"].read() == b"hello"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="kept", Prefix="a/")["Contents"]] == ["a/b c"]
    s3.delete_object(Bucket="kept", Key="a/b c")
    assert store.buckets == {"kept": {}}
