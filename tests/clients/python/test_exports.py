"""`stator export` and its fellows, their files read by others: Amazon's Ion library, boto3's own types."""

import base64
import decimal
import gzip
import hashlib
import json

import boto3
import pytest
from amazon.ion import simpleion
from boto3.dynamodb.types import Binary, TypeDeserializer

from stator_process import binary, run_to_end
from tables import make_articles

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

LARGE = decimal.Decimal("12345678901234567890123456789012345678")
SMALL = decimal.Decimal("1E-130")

ITEMS = [
    {
        "article_id": "all types",
        "text": "quotes \" and ''' and \\ and\nnewlines, NUL \0, Grüße, 👩‍🚀",
        "empty": "",
        "bytes": Binary(bytes(range(256))),
        "numbers": [LARGE, -LARGE, SMALL, decimal.Decimal("1E+37"), decimal.Decimal(0), decimal.Decimal("1.5")],
        "flags": [True, False, None],
        "strings": {"", "a", "$ion_1_0"},
        "number set": {LARGE, SMALL, decimal.Decimal(6)},
        "binaries": {Binary(b""), Binary(b"\0\xff")},
        "map": {"{{": "}}", "null": {"deeper": ["x", {"y": decimal.Decimal(1)}]}},
    },
    *({"article_id": f"{number}", "n": decimal.Decimal(number)} for number in range(50)),
]


@pytest.fixture
def data_dir(start, tmp_path):
    """A data directory with the articles, closed."""
    folder = tmp_path / "data"
    server = start(data_dir=folder)
    articles = make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    with articles.batch_writer() as batch:
        for item in ITEMS:
            batch.put_item(Item=item)
    assert server.stop() == 0
    return folder


def run(command, *arguments, **options):
    done = run_to_end(command, *arguments, **options)
    assert done.returncode == 0, done
    return done


def export(data_dir, place, output_format):
    """Exports the articles; gives the folder of the export."""
    run("export", "--data-dir", data_dir, "--table", "Articles", "--to", place, "--format", output_format)
    [folder] = (place / "AWSDynamoDB").iterdir()
    return folder


def verified_lines(folder, place):
    """The lines of all data files, whose checksums and counts are those of the manifests."""
    summary = (folder / "manifest-summary.json").read_bytes()
    files = (folder / "manifest-files.json").read_bytes()
    for name, content in (("manifest-summary", summary), ("manifest-files", files)):
        assert (folder / f"{name}.checksum").read_text() == _md5(content)
    summary = json.loads(summary)
    assert summary["itemCount"] == len(ITEMS)
    assert place / summary["manifestFilesS3Key"] == folder / "manifest-files.json"
    lines = []
    for entry in map(json.loads, files.splitlines()):
        content = (place / entry["dataFileS3Key"]).read_bytes()
        assert entry["md5Checksum"] == _md5(content)
        found = gzip.decompress(content).splitlines()
        assert entry["itemCount"] == len(found)
        lines += found
    return lines


def _md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def by_id(items):
    return {item["article_id"]: item for item in items}


def test_ion_is_read_by_amazons_library(data_dir, tmp_path):
    place = tmp_path / "out"
    lines = verified_lines(export(data_dir, place, "ion"), place)
    assert all(line.startswith(b"$ion_1_0 {") for line in lines)
    items = [_from_ion(simpleion.loads(line.decode())["Item"]) for line in lines]
    assert by_id(items) == by_id(ITEMS)


SETS = {"$dynamodb_SS", "$dynamodb_NS", "$dynamodb_BS"}


def _from_ion(value):
    """What an Ion value says in Python; sets by their annotations."""
    annotations = {annotation.text for annotation in getattr(value, "ion_annotations", ())}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(name): _from_ion(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [_from_ion(member) for member in value]
        return set(inner) if annotations & SETS else inner
    kind = value.ion_type.name if hasattr(value, "ion_type") else type(value).__name__
    if kind == "NULL":
        return None
    if kind == "BOOL":
        return bool(value)
    if kind == "DECIMAL":
        return decimal.Decimal(value)
    if kind == "BLOB":
        return Binary(bytes(value))
    assert kind == "STRING", kind
    return str(value)


def test_dynamodb_json_is_read_by_boto3(data_dir, tmp_path):
    place = tmp_path / "out"
    lines = verified_lines(export(data_dir, place, "dynamodb-json"), place)
    read = TypeDeserializer().deserialize
    lines = [json.loads(line, object_hook=_decoded) for line in lines]
    items = [{name: read(value) for name, value in line["Item"].items()} for line in lines]
    assert by_id(items) == by_id(ITEMS)


def _decoded(value):
    """Binary values as botocore hands them on: their base64 is decoded."""
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [base64.b64decode(text) for text in texts]}
    return value


def test_what_amazons_library_writes_is_imported(data_dir, start, tmp_path):
    place = tmp_path / "out"
    lines = verified_lines(export(data_dir, place, "ion"), place)
    values = [simpleion.loads(line.decode()) for line in lines]
    for name, is_binary in (("text", False), ("binary", True)):
        source = tmp_path / f"{name}.ion"
        source.write_bytes(_dumped(values, is_binary))
        folder = tmp_path / name
        run("import", "--data-dir", folder, "--table", "Articles", "--from", source, "--format", "ion",
            "--partition-key", "article_id:S")
        server = start(data_dir=folder)
        table = boto3.resource("dynamodb", endpoint_url=server.endpoint).Table("Articles")
        assert by_id(table.scan(ConsistentRead=True)["Items"]) == by_id(ITEMS)
        assert server.stop() == 0


def _dumped(values, is_binary):
    text = simpleion.dumps(values, binary=is_binary, sequence_as_stream=True)
    return text if is_binary else text.encode()


def test_backup_and_restore_in_another_directory(data_dir, start, tmp_path):
    run("backup", "--data-dir", data_dir, "--table", "Articles", "--to", tmp_path / "backup")
    run("restore", "--data-dir", tmp_path / "new", "--from", tmp_path / "backup")
    server = start(data_dir=tmp_path / "new")
    table = boto3.resource("dynamodb", endpoint_url=server.endpoint).Table("Articles")
    assert by_id(table.scan(ConsistentRead=True)["Items"]) == by_id(ITEMS)
