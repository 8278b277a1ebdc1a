"""Flags, environment and file: one setting each, counted in this order."""

import socket

import pytest

from raw_http import Connection
from stator_process import binary, run_to_end

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")


def region_of(server):
    return Connection(server.endpoint).request("GET").body.decode().split(".")[1]


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "stator.toml"
        path.write_text(text)
        return path

    return write


def test_file(start, config):
    server = start("--config", config('in-memory = true\nregion = "eu-north-1"\nmax-connections = 10\n'))
    assert region_of(server) == "eu-north-1"
    assert "Stores in memory" in server.printed()


def test_environment_counts_before_the_file(start, config):
    path = config('in-memory = true\nregion = "eu-north-1"\n')
    server = start(variables={"STATOR_CONFIG": str(path), "STATOR_REGION": "eu-west-3"})
    assert region_of(server) == "eu-west-3"
    assert "Stores in memory" in server.printed()


def test_flag_counts_before_the_environment(start):
    variables = {"STATOR_REGION": "eu-west-3", "STATOR_IN_MEMORY": "true"}
    server = start("--region", "ap-south-1", variables=variables)
    assert region_of(server) == "ap-south-1"


@pytest.mark.parametrize(
    "text, parts",
    [
        ("prot = 8000\n", ["unknown key `prot`", "did you mean `port`?"]),
        ("colour = 1\n", ["unknown key `colour`"]),
        ('port = "many"\n', ["port"]),
        ("port = \n", ["is not TOML in line 1"]),
        ("region = 'x'\nport = [1\n", ["is not TOML in line"]),
        ("[serve]\nport = 1\n", ["`serve`"]),
    ],
)
def test_wrong_file(config, tmp_path, text, parts):
    path = config(text)
    done = run_to_end("serve", "--config", path, "--data-dir", tmp_path / "data")
    assert done.returncode == 2
    assert all(part in done.stderr for part in [str(path), *parts]), done.stderr
    assert not (tmp_path / "data").exists()


def test_file_that_is_not_there(tmp_path):
    done = run_to_end("serve", "--config", tmp_path / "none.toml", "--data-dir", tmp_path / "data")
    assert done.returncode == 2
    assert "none.toml cannot be read" in done.stderr


def test_wrong_variable(tmp_path):
    done = run_to_end("serve", "--data-dir", tmp_path / "data", variables={"STATOR_PORT": "many"})
    assert done.returncode == 2
    assert "'many'" in done.stderr and "--port" in done.stderr


def test_arns_name_region_and_account(start):
    server = start("--in-memory", "--account-id", "123456789012", "--region", "eu-central-1")
    request = {
        "TableName": "Named",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    created = Connection(server.endpoint).call("CreateTable", request).json["TableDescription"]
    assert created["TableArn"] == "arn:aws:dynamodb:eu-central-1:123456789012:table/Named"


def test_connections_over_the_bound_wait(start):
    server = start("--in-memory", "--max-connections", "2")
    first, second = Connection(server.endpoint), Connection(server.endpoint)
    assert first.call("ListTables").status == second.call("ListTables").status == 200
    third = Connection(server.endpoint, seconds_max=0.3)
    with pytest.raises(socket.timeout):
        third.call("ListTables")
    third.close()
    first.close()
    assert Connection(server.endpoint).call("ListTables").status == 200
