"""How often the disk is asked to make writes durable, as the kernel sees it: a system-call trace."""

import re
import shutil
import subprocess
import threading
import time

import boto3
import pytest

from raw_http import Connection
from stator_process import binary
from tables import make_articles

CALL = re.compile(r"^\d+ +(?P<at>[\d.]+) (?P<name>\w+)\(\d+<(?P<path>[^>]*)>")
SYNCS = {"fdatasync", "fsync", "sync_file_range", "msync", "sync", "syncfs"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}


def missing():
    """Why there is nothing to trace with, or None."""
    if not binary():
        return "needs STATOR_BINARY"
    if not shutil.which("strace"):
        return "strace is not installed"
    tried = subprocess.run(["strace", "-D", "-f", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "this system lets nobody trace a process"


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "")


class Trace:
    """Puts items on a traced server and tells which calls on its files that took."""

    def __init__(self, start, folder, durability):
        self.data, self.file = folder / "data", folder / "trace.txt"
        names = ",".join(sorted(SYNCS | WRITES))
        # -D: the server stays our own child, and strace its observer.
        wrapper = ["strace", "-D", "-f", "-ttt", "-y", "-e", f"trace={names}", "-o", self.file]
        self.server = start("--durability", durability, data_dir=self.data, wrapper=wrapper)
        make_articles(boto3.resource("dynamodb", endpoint_url=self.server.endpoint), indexes=["category"])

    def put(self, writers, items_each):
        """Gives the names of the calls on files of the data directory, as (name, path)."""

        def write(writer):
            connection = Connection(self.server.endpoint)
            for number in range(items_each):
                item = {"article_id": {"S": f"{writer}-{number}"}, "category": {"S": "lamps"}}
                assert connection.call("PutItem", {"TableName": "Articles", "Item": item}).status == 200

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        began = time.time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = time.time()
        assert self.server.stop() == 0
        return [
            (call["name"], call["path"])
            for call in map(CALL.match, self._lines())
            if call and began <= float(call["at"]) <= ended and call["path"].startswith(str(self.data))
        ]

    def _lines(self):
        """The trace, once strace has written all of it."""
        for _ in range(200):
            lines = self.file.read_text().splitlines()
            if lines and f"{self.server.process.pid} " in lines[-1] and "+++ exited" in lines[-1]:
                return lines
            time.sleep(0.02)
        raise AssertionError("strace does not come to an end")


def count(calls, names):
    return sum(name in names for name, _ in calls)


def test_sync_makes_each_acknowledged_write_durable(start, tmp_path):
    calls = Trace(start, tmp_path, "sync").put(writers=1, items_each=50)
    assert [name for name, _ in calls if name in SYNCS] == ["fdatasync"] * 50
    assert count(calls, WRITES) == 50, "one append to the log for each"
    assert {path.endswith(".log") for _, path in calls} == {True}


def test_sync_is_shared_by_all_writes_that_wait(start, tmp_path):
    calls = Trace(start, tmp_path, "sync").put(writers=16, items_each=25)
    groups = count(calls, {"fdatasync"})
    assert count(calls, SYNCS) == groups == count(calls, WRITES)
    assert 25 <= groups < 16 * 25 / 2


def test_os_never_waits_for_the_disk(start, tmp_path):
    calls = Trace(start, tmp_path, "os").put(writers=4, items_each=50)
    assert count(calls, SYNCS) == 0
    assert 50 <= count(calls, WRITES) <= 4 * 50
