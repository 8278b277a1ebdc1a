"""Backups, exports and imports that clients ask for, with boto3 and the AWS CLI."""

import datetime
import gzip
import json
import shutil
import time

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from aws_cli import AwsCli
from object_store import ObjectStore
from stator_process import binary, run_to_end
from tables import make_articles, make_table
from test_exports import ITEMS, by_id

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

SECONDS_MAX = 60


def wait_for(describe, is_done):
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        described = describe()
        if is_done(described):
            return described
        assert time.monotonic() < deadline, described
        time.sleep(0.05)


def available(client, arn):
    def describe():
        return client.describe_backup(BackupArn=arn)["BackupDescription"]

    return wait_for(describe, lambda found: found["BackupDetails"]["BackupStatus"] == "AVAILABLE")


def exported(client, arn):
    def describe():
        return client.describe_export(ExportArn=arn)["ExportDescription"]

    return wait_for(describe, lambda found: found["ExportStatus"] != "IN_PROGRESS")


def imported(client, arn):
    def describe():
        return client.describe_import(ImportArn=arn)["ImportTableDescription"]

    return wait_for(describe, lambda found: found["ImportStatus"] != "IN_PROGRESS")


def wait_restored(client, name):
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def contents(dynamodb, name):
    return by_id(dynamodb.Table(name).scan(ConsistentRead=True)["Items"])


def fill(table):
    with table.batch_writer() as batch:
        for item in ITEMS:
            batch.put_item(Item=item)


def test_backup_is_made_listed_restored_and_deleted(client, dynamodb):
    table = make_articles(dynamodb, indexes=["author"])
    fill(table)
    table.put_item(Item={"article_id": "by somebody", "author": "a"})
    before = contents(dynamodb, "Articles")
    arn = client.create_backup(TableName="Articles", BackupName="nightly")["BackupDetails"]["BackupArn"]
    table.put_item(Item={"article_id": "by somebody", "author": "later"})
    table.put_item(Item={"article_id": "later"})
    described = available(client, arn)
    assert described["SourceTableDetails"]["ItemCount"] == len(before)
    assert described["SourceTableDetails"]["BillingMode"] == "PAY_PER_REQUEST"
    [index] = described["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "author-index"
    listed = client.list_backups(TableName="Articles")["BackupSummaries"]
    assert [backup["BackupArn"] for backup in listed] == [arn]
    assert listed[0]["BackupName"] == "nightly"

    answer = client.restore_table_from_backup(TargetTableName="Articles-then", BackupArn=arn)
    assert answer["TableDescription"]["RestoreSummary"]["SourceBackupArn"] == arn
    wait_restored(client, "Articles-then")
    assert contents(dynamodb, "Articles-then") == before
    by_author = dynamodb.Table("Articles-then").scan(IndexName="author-index")["Items"]
    assert by_author == [{"article_id": "by somebody", "author": "a"}]
    # A table of another kind, with the overrides that the API has.
    client.restore_table_from_backup(
        TargetTableName="Articles-plain",
        BackupArn=arn,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride={"ReadCapacityUnits": 7, "WriteCapacityUnits": 6},
        GlobalSecondaryIndexOverride=[],
    )
    wait_restored(client, "Articles-plain")
    plain = client.describe_table(TableName="Articles-plain")["Table"]
    assert plain["ProvisionedThroughput"]["ReadCapacityUnits"] == 7
    assert "GlobalSecondaryIndexes" not in plain
    with pytest.raises(client.exceptions.TableAlreadyExistsException):
        client.restore_table_from_backup(TargetTableName="Articles", BackupArn=arn)
    deleted = client.delete_backup(BackupArn=arn)["BackupDescription"]
    assert deleted["BackupDetails"]["BackupStatus"] == "DELETED"
    with pytest.raises(client.exceptions.BackupNotFoundException):
        client.describe_backup(BackupArn=arn)
    assert client.list_backups(TableName="Articles")["BackupSummaries"] == []


def test_commands_run_as_people_write_them(aws, disk_endpoint):
    dynamodb = boto3.resource("dynamodb", endpoint_url=disk_endpoint)
    client = dynamodb.meta.client
    orders = make_table(dynamodb, "Orders", "customer_id", "order_id")
    orders.put_item(Item={"customer_id": "c_001", "order_id": "o_001", "total": 5})
    today = datetime.date.today().strftime("%Y%m%d")
    created = aws("create-backup", "--table-name", "Orders", "--backup-name", f"orders-backup-{today}")
    assert created["BackupDetails"]["BackupStatus"] == "CREATING"
    arn = created["BackupDetails"]["BackupArn"]
    available(client, arn)
    [summary] = aws("list-backups", "--table-name", "Orders")["BackupSummaries"]
    assert (summary["BackupArn"], summary["BackupStatus"]) == (arn, "AVAILABLE")

    aws("update-continuous-backups", "--table-name", "Orders", "--point-in-time-recovery-specification",
        "PointInTimeRecoveryEnabled=true")
    answer = aws("export-table-to-point-in-time", "--table-arn",
                 "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders", "--s3-bucket", "my-ddb-exports",
                 "--export-format", "DYNAMODB_JSON")
    described = exported(client, answer["ExportDescription"]["ExportArn"])
    assert described["ExportStatus"] == "COMPLETED", described
    assert described["ItemCount"] == 1
    [listed] = aws("list-exports", "--table-arn", orders.table_arn)["ExportSummaries"]
    assert listed["ExportStatus"] == "COMPLETED"
    aws("restore-table-from-backup", "--target-table-name", "Orders-restored", "--backup-arn", arn)
    aws("wait", "table-exists", "--table-name", "Orders-restored")
    found = aws("get-item", "--table-name", "Orders-restored", "--key",
                {"customer_id": {"S": "c_001"}, "order_id": {"S": "o_001"}})
    assert found["Item"]["total"] == {"N": "5"}
    aws("delete-backup", "--backup-arn", arn)
    assert aws("list-backups", "--table-name", "Orders")["BackupSummaries"] == []


@pytest.mark.parametrize("data_format", ["DYNAMODB_JSON", "ION"])
def test_what_is_exported_is_imported(client, dynamodb, data_format):
    table = make_articles(dynamodb)
    fill(table)
    client.update_continuous_backups(
        TableName="Articles", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    answer = client.export_table_to_point_in_time(
        TableArn=table.table_arn, S3Bucket="kept", S3Prefix=f"of/{data_format}", ExportFormat=data_format
    )
    described = exported(client, answer["ExportDescription"]["ExportArn"])
    assert described["ExportStatus"] == "COMPLETED", described
    assert described["ItemCount"] == len(ITEMS)
    folder = described["ExportManifest"].rsplit("/", 1)[0]
    answer = client.import_table(
        S3BucketSource={"S3Bucket": "kept", "S3KeyPrefix": f"{folder}/data/"},
        InputFormat=data_format,
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": "Articles-again",
            "AttributeDefinitions": [{"AttributeName": "article_id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "article_id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    done = imported(client, answer["ImportTableDescription"]["ImportArn"])
    assert (done["ImportStatus"], done["ErrorCount"]) == ("COMPLETED", 0), done
    assert done["ImportedItemCount"] == len(ITEMS)
    assert contents(dynamodb, "Articles-again") == by_id(ITEMS)
    listed = client.list_imports()["ImportSummaryList"]
    assert done["ImportArn"] in [summary["ImportArn"] for summary in listed]


def test_backup_outlives_kills_and_a_move(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    dynamodb = boto3.resource("dynamodb", endpoint_url=server.endpoint)
    table = make_articles(dynamodb)
    with table.batch_writer() as batch:
        for number in range(3000):
            batch.put_item(Item={"article_id": f"{number}", "text": "x" * 500, "number": number})
    client = dynamodb.meta.client
    arn = client.create_backup(TableName="Articles", BackupName="nightly")["BackupDetails"]["BackupArn"]
    table.delete_item(Key={"article_id": "7"})
    server.kill()
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    assert available(client, arn)["SourceTableDetails"]["ItemCount"] == 3000
    client.restore_table_from_backup(TargetTableName="Articles-then", BackupArn=arn)
    server.kill()
    # Backups lie in the data directory, and move with it.
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    server = start(data_dir=tmp_path / "elsewhere")
    dynamodb = boto3.resource("dynamodb", endpoint_url=server.endpoint)
    wait_restored(dynamodb.meta.client, "Articles-then")
    found = {}
    pages = dynamodb.meta.client.get_paginator("scan").paginate(TableName="Articles-then")
    for page in pages:
        found.update({item["article_id"]: int(item["number"]) for item in page["Items"]})
    assert found == {f"{number}": number for number in range(3000)}


def test_deleted_table_leaves_a_backup(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    dynamodb = boto3.resource("dynamodb", endpoint_url=server.endpoint)
    client = dynamodb.meta.client
    table = make_articles(dynamodb)
    fill(table)
    client.update_continuous_backups(
        TableName="Articles", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    table.delete()
    table.wait_until_not_exists()
    assert client.list_backups()["BackupSummaries"] == []
    [summary] = client.list_backups(BackupType="SYSTEM")["BackupSummaries"]
    assert summary["BackupName"] == "Articles$DeletedTableBackup"
    client.restore_table_from_backup(TargetTableName="Articles", BackupArn=summary["BackupArn"])
    wait_restored(client, "Articles")
    assert contents(dynamodb, "Articles") == by_id(ITEMS)


def test_buckets_of_a_store_elsewhere(start, tmp_path):
    store = ObjectStore("kept", "exports")
    try:
        variables = {
            "AWS_ENDPOINT_URL": store.endpoint,
            "AWS_REGION": "eu-west-2",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }
        server = start("--backups", "s3://kept/backups", "--s3-directory", "remote",
                       data_dir=tmp_path / "data", variables=variables)
        dynamodb = boto3.resource("dynamodb", endpoint_url=server.endpoint)
        client = dynamodb.meta.client
        table = make_articles(dynamodb)
        fill(table)
        arn = client.create_backup(TableName="Articles", BackupName="nightly")["BackupDetails"]["BackupArn"]
        available(client, arn)
        assert f"backups/Articles/{arn.rsplit('/', 1)[1]}/backup.json" in store.buckets["kept"]
        client.restore_table_from_backup(TargetTableName="Articles-then", BackupArn=arn)
        wait_restored(client, "Articles-then")
        assert contents(dynamodb, "Articles-then") == by_id(ITEMS)
        client.update_continuous_backups(
            TableName="Articles", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        answer = client.export_table_to_point_in_time(TableArn=table.table_arn, S3Bucket="exports")
        described = exported(client, answer["ExportDescription"]["ExportArn"])
        assert described["ExportStatus"] == "COMPLETED", described
        names = [name for name in store.buckets["exports"] if name.endswith(".json.gz")]
        read = TypeDeserializer().deserialize
        lines = [line for name in names for line in gzip.decompress(store.buckets["exports"][name][0]).splitlines()]
        assert {read(json.loads(line)["Item"]["article_id"]) for line in lines} == set(by_id(ITEMS))
        # A bucket that is not there fails the export, and says so.
        answer = client.export_table_to_point_in_time(TableArn=table.table_arn, S3Bucket="nowhere")
        described = exported(client, answer["ExportDescription"]["ExportArn"])
        assert described["ExportStatus"] == "FAILED", described
        assert "nowhere" in described["FailureMessage"]
        client.delete_backup(BackupArn=arn)
        wait_for(lambda: dict(store.buckets["kept"]), lambda objects: not objects)
    finally:
        store.stop()


def test_places_that_cannot_be_used_are_told_at_start(start, tmp_path):
    (tmp_path / "file").write_text("no directory")
    for arguments, told in (
        (("--backups", f"{tmp_path}/file/below"), "--backups: "),
        (("--backups", "ftp://elsewhere"), "is no place that is known"),
        (("--s3-directory", f"{tmp_path}/file/below"), "--s3-directory: "),
    ):
        done = run_to_end("serve", "--port", "0", "--data-dir", tmp_path / "data", *arguments)
        assert done.returncode == 1, done
        assert told in done.stderr, done


def test_buckets_are_directories(start, tmp_path):
    server = start("--s3-directory", tmp_path / "buckets", data_dir=tmp_path / "data")
    aws = AwsCli(server.endpoint, folder=tmp_path)
    dynamodb = boto3.resource("dynamodb", endpoint_url=server.endpoint)
    table = make_articles(dynamodb)
    fill(table)
    aws("update-continuous-backups", "--table-name", "Articles", "--point-in-time-recovery-specification",
        "PointInTimeRecoveryEnabled=true")
    answer = aws("export-table-to-point-in-time", "--table-arn", table.table_arn, "--s3-bucket", "my-ddb-exports",
                 "--export-format", "ION")
    described = exported(dynamodb.meta.client, answer["ExportDescription"]["ExportArn"])
    assert described["ExportStatus"] == "COMPLETED", described
    summary = json.loads((tmp_path / "buckets" / "my-ddb-exports" / described["ExportManifest"]).read_text())
    assert summary["outputFormat"] == "ION"
    assert summary["itemCount"] == len(ITEMS)
