"""A bank under load: clients that move money, readers that sum it up, kills in the middle.

The short form is test_bank.py. By hand, with STATOR_BINARY set:

    python bank.py --seconds 60 --kills 5
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import boto3

from bank_ledger import (
    ACCOUNTS,
    MADE,
    REFUSED,
    UNKNOWN,
    Order,
    check_balances,
    check_tokens,
    check_transfers,
    read_moves,
)
from bank_load import ACCOUNT_COUNT, OPENING, TABLE, Bank
from crash_load import Unexpected
from stator_process import StatorProcess, run_to_end
from stream_ledger import changes_of, check_shards, compare_table, replay
from stream_reader import read_disabled_stream

# So small that the load flushes and compacts many times.
WRITE_BUFFERS = ["512KiB", "1MiB", "4MiB"]


def run(folder, seed, seconds, kills, rollover, shards=1):
    """Runs the bank in a new data directory, checks all of it and gives the figures to print."""
    random_source = random.Random(seed)
    data, servers = Path(folder) / "data", []

    def start():
        if servers:
            _check_offline(data)
        arguments = ["--write-buffer-bytes", random_source.choice(WRITE_BUFFERS)]
        arguments += ["--durability", random_source.choice(["sync", "os"])]
        arguments += ["--stream-shard-rollover", rollover, "--stream-shards", shards]
        output = Path(folder) / f"output-{len(servers)}.txt"
        servers.append(StatorProcess(*arguments, output=output, data_dir=data))
        return servers[-1]

    try:
        bank = Bank(start, random_source)
        bank.open_accounts()
        bank.begin()
        for part in _parts(random_source, seconds, kills):
            bank.work(part)
            bank.kill()
        bank.work(seconds / (kills + 1))
        bank.end()
        figures = _check_all(bank)
        if bank.server.stop() != 0:
            raise Unexpected(bank.server.printed())
        _check_offline(data)
        for server in servers:
            if "panic" in server.printed() or " ERROR " in server.printed():
                raise Unexpected(server.printed())
        return {"kills": len(servers) - 1, **figures}
    finally:
        for server in servers:
            server.kill()


def _parts(random_source, seconds, kills):
    """Times between kills, which come to about the whole."""
    return [random_source.uniform(0.5, 1.5) * seconds / (kills + 1) for _ in range(kills)]


def _check_offline(data):
    done = run_to_end("check", "--data-dir", data, seconds_max=300)
    if done.returncode != 0:
        raise Unexpected(done.stdout + done.stderr)


def _check_all(bank):
    """Compares the table, the stream and the books; gives the figures."""
    transfers = [transfer for worker in bank.workers for transfer in worker.books.transfers]
    sums = [seen for worker in bank.workers for seen in worker.books.sums]
    sends = [send for worker in bank.workers for send in worker.books.sends]
    clients = {"endpoint_url": bank.server.endpoint, "region_name": "eu-west-2"}
    clients |= {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
    dynamodb, streams = boto3.client("dynamodb", **clients), boto3.client("dynamodbstreams", **clients)

    stream_arn = dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    dynamodb.update_table(TableName=TABLE, StreamSpecification={"StreamEnabled": False})
    items = [
        item
        for page in dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
        for item in page["Items"]
    ]
    balances = [int(item["balance"]["N"]) for item in items if item["pk"]["S"] == ACCOUNTS]
    check_balances(OPENING, transfers, balances)

    shards = read_disabled_stream(streams, stream_arn)
    check_shards(shards)
    changes = changes_of(shards)
    compare_table(replay(changes), items)
    moves, receipts_made, receipts_closed = read_moves(changes)
    check_transfers(transfers, moves, receipts_made, receipts_closed)
    order = Order(transfers, moves, ACCOUNT_COUNT, OPENING)
    order.check_transfers()
    for seen in sums:
        order.check_sum(seen)
    tokens = {f"token-{transfer.name}" for transfer in transfers} & {send.token for send in sends}
    written = Counter(f"token-{move.transfer}" for move in moves if move.difference < 0)
    check_tokens(sends, {token: written[token] for token in tokens})

    outcomes = Counter(transfer.outcome for transfer in transfers)
    seen_unknown = {move.transfer for move in moves}
    unknown = [transfer for transfer in transfers if transfer.outcome == UNKNOWN]
    return {
        "transfers made": outcomes[MADE],
        "transfers refused": outcomes[REFUSED],
        "transfers without an answer": len(unknown),
        "of these made": sum(transfer.name in seen_unknown for transfer in unknown),
        "sends with a token": len(sends),
        "of these repeated": len(sends) - len(tokens),
        "sums checked": len(sums),
        "sums over pages": sum(worker.books.sums_without_claim for worker in bank.workers),
        "records": len(changes),
        "shards": len(shards),
    }


def main():
    arguments = argparse.ArgumentParser(description="A bank under load, with kills in the middle of it.")
    arguments.add_argument("--seconds", type=float, default=60, help="for how long the clients work")
    arguments.add_argument("--kills", type=int, default=5, help="how often the server is killed meanwhile")
    arguments.add_argument("--rollover", default="5s", help="how long the stream's shards stay open")
    arguments.add_argument("--shards", type=int, default=1, help="how many of them are open at once")
    seed = random.randrange(1 << 32)
    arguments.add_argument("--seed", type=int, default=seed, help="repeats the choices of an earlier run")
    chosen = arguments.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(folder, chosen.seed, chosen.seconds, chosen.kills, chosen.rollover, chosen.shards)
    for name, figure in figures.items():
        print(f"{figure:>9} {name}")
    print(f"all of it agrees; {time.monotonic() - began:.0f} seconds with the checks")


if __name__ == "__main__":
    main()
