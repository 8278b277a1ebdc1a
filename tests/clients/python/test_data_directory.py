"""The data directory: locked, recognised, never opened half, never damaged by a refusal."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import boto3
import pytest

from stator_process import DidNotStart, binary, run_to_end
from tables import make_articles

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")


@pytest.fixture
def filled(start, tmp_path):
    """A data directory with one item, closed."""
    folder = tmp_path / "data"
    server = start(data_dir=folder)
    make_articles(connect(server)).put_item(Item={"article_id": "kept"})
    assert server.stop() == 0
    return folder


def connect(server):
    return boto3.resource("dynamodb", endpoint_url=server.endpoint)


def is_kept(server):
    return "Item" in connect(server).Table("Articles").get_item(Key={"article_id": "kept"})


def contents(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(command, folder):
    """The sentence with which a command refuses a directory that it leaves as it is."""
    more = ["--port", "0"] if command == "serve" else []
    done = run_to_end(command, "--data-dir", folder, *more)
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.startswith("stator: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


COMMANDS = ["serve", "check", "repair"]


@pytest.mark.parametrize("command", COMMANDS)
def test_in_use_by_another_process(start, tmp_path, command):
    server = start(data_dir=tmp_path / "data")
    make_articles(connect(server)).put_item(Item={"article_id": "kept"})
    text = refusal(command, tmp_path / "data")
    assert "is in use by another Stator process" in text and "--data-dir" in text
    assert is_kept(server)


@pytest.mark.parametrize("command", COMMANDS)
def test_not_ours(tmp_path, command):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"meow")
    assert 'is not a Stator data directory (it holds "cat.jpg")' in refusal(command, folder)
    assert contents(tmp_path) == {Path("photos/cat.jpg"): hashlib.sha256(b"meow").digest()}


@pytest.mark.parametrize("command", COMMANDS)
def test_file_in_place_of_a_directory(tmp_path, command):
    (tmp_path / "file").write_text("text")
    assert "is not a Stator data directory" in refusal(command, tmp_path / "file")


@pytest.mark.parametrize("command", COMMANDS)
def test_written_by_a_newer_version(start, filled, command):
    (format_file,) = filled.glob("*.format")
    written = format_file.read_text()
    format_file.write_text(written.replace("format 1", "format 99"))
    before = contents(filled)
    text = refusal(command, filled)
    assert "format version 99" in text and "newer Stator" in text
    assert contents(filled) == before
    format_file.write_text(written)
    assert is_kept(start(data_dir=filled))


@pytest.mark.parametrize("command", COMMANDS)
def test_format_that_cannot_be_read(filled, command):
    (format_file,) = filled.glob("*.format")
    format_file.write_bytes(b"\xff\x00")
    before = contents(filled)
    assert "does not say which format version" in refusal(command, filled)
    assert contents(filled) == before


@pytest.mark.parametrize("command", ["check", "repair"])
def test_nothing_there(tmp_path, command):
    assert "there is no store in it" in refusal(command, tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_without_permission():
    """Run as an ordinary user where the tests run as root, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        data = Path(folder) / "data"
        data.mkdir(mode=0o000)
        program = Path(folder) / "stator"
        shutil.copy(binary(), program)
        if os.geteuid() == 0:
            done = run_to_end("serve", "--port", "0", "--data-dir", data, user=65534, program=program)
        else:
            done = run_to_end("serve", "--port", "0", "--data-dir", data)
        os.chmod(data, 0o755)
        assert done.returncode == 1
        assert f"{data}: Permission denied" in done.stderr
        assert done.stderr.count("\n") == 1
        assert list(data.iterdir()) == []


def test_restart_keeps_everything(start, tmp_path):
    arguments = {"data_dir": tmp_path / "data"}
    server = start(**arguments)
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    table = make_articles(connect(server), indexes=["category"])
    with table.batch_writer() as batch:
        for number in range(200):
            batch.put_item(Item={"article_id": f"a-{number}", "category": f"c-{number % 3}", "n": number})
    client.tag_resource(ResourceArn=table.table_arn, Tags=[{"Key": "team", "Value": "depot"}])

    def everything(client):
        description = client.describe_table(TableName="Articles")["Table"]
        return (
            description,
            client.list_tags_of_resource(ResourceArn=description["TableArn"])["Tags"],
            client.scan(TableName="Articles")["Items"],
            client.scan(TableName="Articles", IndexName="category-index")["Items"],
        )

    before = everything(client)
    assert before[0]["ItemCount"] == 200
    for durability in ("os", "sync"):
        assert server.stop() == 0
        server = start("--durability", durability, **arguments)
        assert everything(boto3.client("dynamodb", endpoint_url=server.endpoint)) == before
    assert server.stop() == 0
    done = run_to_end("check", "--data-dir", tmp_path / "data")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 tables, 200 items, 200 index entries" in done.stdout


def test_memory_forgets(start):
    server = start("--in-memory")
    make_articles(connect(server))
    server.stop()
    assert list(connect(start("--in-memory")).tables.all()) == []


def test_damage_is_reported_and_not_served(start, filled):
    """A byte of a table file is changed; what refers to it is refused, by check and by the server."""
    server = start("--write-buffer-bytes", "128KiB", data_dir=filled)
    table = connect(server).Table("Articles")
    with table.batch_writer() as batch:
        for number in range(800):
            batch.put_item(Item={"article_id": f"a-{number}", "data": os.urandom(1500)})
    server.stop()
    tables = sorted(filled.rglob("*.sst"), key=lambda path: path.stat().st_size)
    assert tables, "nothing was flushed to a table file"
    damaged = bytearray(tables[-1].read_bytes())
    damaged[len(damaged) // 3] ^= 0x10
    tables[-1].write_bytes(damaged)
    done = run_to_end("check", "--data-dir", filled)
    assert done.returncode == 1
    assert "panicked" not in done.stderr
    try:
        server = start(data_dir=filled)
    except DidNotStart:
        return
    with pytest.raises(Exception, match="InternalServerError"):
        scan_all(boto3.client("dynamodb", endpoint_url=server.endpoint))


def scan_all(client):
    for page in client.get_paginator("scan").paginate(TableName="Articles"):
        assert page["Items"]


def test_too_little_room(start, filled):
    """Writes are refused and say why; reads, and taking tables away, go on."""
    server = start("--min-free-bytes", "1000TiB", data_dir=filled)
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    with pytest.raises(Exception, match="--min-free-bytes"):
        client.put_item(TableName="Articles", Item={"article_id": {"S": "more"}})
    assert is_kept(server)
    assert server.stop() == 0
    server = start(data_dir=filled)
    assert is_kept(server)
    connect(server).Table("Articles").put_item(Item={"article_id": "more"})
