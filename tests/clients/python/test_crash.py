"""kill -9 under load: nothing acknowledged is lost, nothing is half there, every index agrees.

STATOR_CRASH_KILLS says how often (5; a hundred by hand), STATOR_CRASH_SEED repeats the choices of
an earlier run.
"""

import os
import random
import time
from dataclasses import dataclass, field

import pytest

from crash_ledger import Counter, Disagreement, Ledger, key_of
from crash_load import (
    CHANGING_INDEXES,
    COUNTER_KEY,
    FIXED_INDEXES,
    Caller,
    IndexBook,
    IndexChanger,
    Writer,
    create_table,
    scan_all,
    wait_for_indexes,
)
from stator_process import DidNotStart, binary, run_to_end

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

KILLS = int(os.environ.get("STATOR_CRASH_KILLS", "5"))
WRITERS = 6
# So small that a second of load flushes, and most of them compacts, many times.
WRITE_BUFFERS = ["128KiB", "512KiB", "1MiB", "4MiB"]


@dataclass
class Books:
    """All that was acknowledged, kept outside of the process that is killed."""

    ledgers: list = field(default_factory=lambda: [Ledger() for _ in range(WRITERS)])
    counter: Counter = field(default_factory=Counter)
    indexes: IndexBook = field(default_factory=IndexBook)

    @property
    def acknowledged(self):
        return sum(ledger.acknowledged for ledger in self.ledgers)


def load(server, random_source, books, seconds):
    """Writes for some time and kills the server in the middle of it."""
    workers = [
        Writer(server.endpoint, number, random.Random(random_source.random()), ledger, books.counter)
        for number, ledger in enumerate(books.ledgers)
    ]
    workers.append(IndexChanger(server.endpoint, random.Random(random_source.random()), books.indexes))
    for worker in workers:
        worker.thread.start()
    time.sleep(seconds)
    server.kill()
    for worker in workers:
        worker.thread.join(60)
        assert not worker.thread.is_alive(), "a connection to the killed server does not end"
        if worker.failure:
            raise worker.failure


def compare(server, books):
    """Compares all that the server has with the books."""
    call = Caller(server.endpoint)
    table = wait_for_indexes(call)
    changing = {index.name: index for index in CHANGING_INDEXES}
    books.indexes.settle({index["IndexName"] for index in table["GlobalSecondaryIndexes"]} & changing.keys())

    listed = scan_all(call, ConsistentRead=True)
    items = {key_of(item): item for item in listed}
    assert len(items) == len(listed), "a scan gives an item twice"
    assert table["ItemCount"] == len(items)
    for index in [*FIXED_INDEXES, *(changing[name] for name in sorted(books.indexes.present))]:
        index.compare(items, scan_all(call, IndexName=index.name))

    counted = items.pop(COUNTER_KEY, {"hits": {"N": "0"}})
    books.counter.settle(int(counted["hits"]["N"]))
    for number, ledger in enumerate(books.ledgers):
        own = {key: item for key, item in items.items() if key[0].startswith(f"w{number}-")}
        ledger.settle(own)
        items = {key: item for key, item in items.items() if key not in own}
    if items:
        raise Disagreement(f"nobody wrote {items}")


def check_offline(data):
    done = run_to_end("check", "--data-dir", data, seconds_max=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_acknowledged_is_lost(start, tmp_path, capsys):
    seed = int(os.environ.get("STATOR_CRASH_SEED", random.randrange(1 << 32)))
    random_source = random.Random(seed)
    data, books = tmp_path / "data", Books()
    with capsys.disabled():
        print(f"\n{KILLS} kills, STATOR_CRASH_SEED={seed}")
    server = start(data_dir=data)
    create_table(server.endpoint)
    for kill in range(KILLS):
        load(server, random_source, books, seconds=random_source.uniform(0.05, 0.9))
        check_offline(data)
        write_buffer, durability = random_source.choice(WRITE_BUFFERS), random_source.choice(["sync", "os"])
        arguments = ["--write-buffer-bytes", write_buffer, "--durability", durability]
        if random_source.random() < 0.3:
            kill_while_opening(start, *arguments, data_dir=data, seconds_max=random_source.uniform(0, 0.05))
        server = start(*arguments, data_dir=data)
        compare(server, books)
        if (kill + 1) % 10 == 0 or kill + 1 == KILLS:
            with capsys.disabled():
                print(
                    f"{kill + 1} kills: {books.acknowledged} acknowledged requests, counter {books.counter.value}, "
                    f"{books.indexes.created} indexes created and {books.indexes.dropped} dropped, "
                    f"{books.indexes.interrupted} kills in the middle of that, "
                    f"table files up to {highest_table_file(data)}"
                )
    assert server.stop() == 0
    check_offline(data)
    assert books.acknowledged > 10 * KILLS
    assert highest_table_file(data) > KILLS, "nothing was flushed between the kills"


def kill_while_opening(start, *arguments, **options):
    """Starts a server and kills it in the middle of its recovery, if that has not ended by then."""
    try:
        start(*arguments, **options).kill()
    except DidNotStart:
        pass


def highest_table_file(data):
    """RocksDB numbers its files: this one shows how many there have been."""
    return max((int(path.stem) for path in data.rglob("*.sst")), default=0)


def test_a_lost_tail_of_the_log_is_noticed(start, tmp_path):
    """The checker of this test has to see a fault: the newest acknowledged writes are cut off."""
    data, books = tmp_path / "data", Books()
    server = start(data_dir=data)
    create_table(server.endpoint)
    load(server, random.Random(1), books, seconds=0.4)
    newest = max(data.rglob("*.log"), key=lambda path: path.stat().st_size)
    os.truncate(newest, newest.stat().st_size * 2 // 3)
    server = start(data_dir=data)
    with pytest.raises((Disagreement, AssertionError)):
        compare(server, books)
