"""How Stator starts, and the one sentence with which it refuses to."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from raw_http import Connection
from stator_process import binary, run_to_end

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")


def refusal(*arguments, exit_code=1, **options):
    """What Stator prints where it does not start."""
    done = run_to_end(*arguments, **options)
    assert done.returncode == exit_code, done
    assert done.stdout == ""
    assert "panicked" not in done.stderr
    return done.stderr


def one_sentence(text):
    assert text.startswith("stator: ") and text.count("\n") == 1, text
    return text


@pytest.mark.parametrize(
    "arguments, stores",
    [
        ([], "Stores in {data}; an acknowledged write survives a loss of power"),
        (["--durability", "os"], "Stores in {data}; an acknowledged write survives a crash of Stator"),
        (["--in-memory"], "Stores in memory; everything is gone when Stator stops"),
        (["--durability", "memory"], "Stores in memory; everything is gone when Stator stops"),
    ],
)
def test_lines_at_start(start, tmp_path, arguments, stores):
    data = tmp_path / "data"
    server = start(*arguments, data_dir=data)
    listens, second, command = server.printed().splitlines()[:3]
    assert listens.startswith("Stator ") and listens.endswith(f"listens on http://127.0.0.1:{server.port}")
    assert second.startswith(stores.format(data=data))
    assert command.startswith("Try ")
    assert data.exists() == ("memory" not in stores)
    assert "Warning" not in server.printed()


def test_command_to_try_works(start):
    server = start("--in-memory")
    (command,) = [line for line in server.printed().splitlines() if line.startswith("Try ")]
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        variables.pop(name)
    done = subprocess.run(
        command.removeprefix("Try "), shell=True, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"TableNames": []' in done.stdout
    assert shlex.split(command)[-1] == server.endpoint


def test_stores_in_the_current_folder_by_default(start, tmp_path):
    start(cwd=tmp_path)
    assert (tmp_path / "stator-data").is_dir()


def test_warns_where_others_can_reach_it(start):
    server = start("--in-memory", host="0.0.0.0")
    (warning,) = [line for line in server.printed().splitlines() if line.startswith("Warning: ")]
    assert "requests are not authenticated" in warning


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["serve", "--prot", "1"], "'--port'"),
        (["serve", "--port", "99999"], "'--port <PORT>'"),
        (["serve", "--durability", "forever"], "sync, os, memory"),
        (["serve", "--cache-bytes", "much"], "--cache-bytes"),
        (["serve", "--in-memory", "--durability", "sync"], "give one of them"),
        (["serv"], "'serve'"),
        ([], "serve"),
    ],
)
def test_wrong_command_line(tmp_path, arguments, part):
    assert part in refusal(*arguments, exit_code=2, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = one_sentence(refusal("serve", "--port", port, "--data-dir", tmp_path / "data"))
    assert f"port {port} of 127.0.0.1 is in use" in text and "--port" in text
    # Nothing was touched.
    assert list(tmp_path.iterdir()) == []


def test_address_of_another_machine(tmp_path):
    text = one_sentence(refusal("serve", "--host", "192.0.2.1", "--data-dir", tmp_path / "data"))
    assert "192.0.2.1 is no address of this machine" in text


def test_log_for_machines(start):
    server = start("--in-memory", "--log-format", "json", ready="listens on")
    assert Connection(server.endpoint).call("ListTables").status == 200
    for line in server.printed().splitlines():
        assert line.startswith("{") and line.endswith("}")
