"""A bank under load: clients that move money, readers that sum it up, kills in the middle.

The short form is test_bank.py. By hand, with STATOR_BINARY set:

    python bank.py --seconds 60 --kills 5

All of it works in threads over plain connections: with boto3, be it in threads or in processes,
the clients take ten times the time of the server, and fewer transactions meet.
"""

import argparse
import http.client
import os
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from bank_ledger import (
    ACCOUNTS,
    MADE,
    REFUSED,
    UNKNOWN,
    Order,
    Send,
    Sum,
    Transfer,
    account_state,
    check_balances,
    check_tokens,
    check_transfers,
    read_moves,
)
from crash_load import Gone, Unexpected
from raw_http import Connection
from stator_process import StatorProcess, run_to_end
from stream_ledger import changes_of, check_shards, compare_table, replay
from stream_reader import read_disabled_stream

TABLE = "Bank"
ACCOUNT_COUNT = 100
OPENING = 1000
CLIENTS = 16
READERS = 4
# So small that the load flushes and compacts many times.
WRITE_BUFFERS = ["512KiB", "1MiB", "4MiB"]


@dataclass
class Books:
    """All that clients and readers did and were told; each list belongs to one of them."""

    transfers: list = field(default_factory=list)
    sends: list = field(default_factory=list)
    sums: list = field(default_factory=list)
    # Queries of several pages: each page is true, their sum need not be.
    sums_without_claim: int = 0


class Bank:
    """The server, with clients at work on it; it may be killed and started meanwhile."""

    def __init__(self, start, random_source):
        self.start = start
        self.random = random_source
        self.server = start()
        self.is_up = threading.Event()
        self.is_up.set()
        self.is_over = threading.Event()
        self.workers = []

    def open_accounts(self):
        call = Caller(self)
        call(
            "CreateTable",
            {
                "TableName": TABLE,
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            },
        )
        for account in range(ACCOUNT_COUNT):
            item = {"balance": {"N": str(OPENING)}, "moves": {"N": "0"}, "transfer": {"S": "none"}}
            call("PutItem", {"TableName": TABLE, "Item": {**account_key(account), **item}})

    def begin(self):
        makers = [Client] * CLIENTS + [Reader] * READERS
        for number, make in enumerate(makers):
            self.workers.append(make(self, number, random.Random(self.random.random())))
        for worker in self.workers:
            worker.thread.start()

    def work(self, seconds):
        """Lets them work for a time; gives up as soon as one of them saw what must not be."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._raise_failure()
            time.sleep(min(left, 0.1))

    def kill(self):
        """Kills the server and starts it anew on the same data."""
        self.is_up.clear()
        self.server.kill()
        self.server = self.start()
        self.is_up.set()

    def end(self):
        """Ends the work; what was sent has its answer."""
        self.is_over.set()
        for worker in self.workers:
            worker.thread.join(60)
            if worker.thread.is_alive():
                raise Unexpected("a request has no end")
        self._raise_failure()

    def _raise_failure(self):
        for worker in self.workers:
            if worker.failure:
                raise worker.failure


class Caller:
    """Calls over one connection; a lost one is told from a wrong answer."""

    def __init__(self, bank):
        self.bank = bank
        self.server = bank.server
        self.connection = Connection(self.server.endpoint)

    def __call__(self, operation, request, allowed=()):
        try:
            answer = self.connection.call(operation, request)
        except (OSError, http.client.HTTPException) as error:
            if self.bank.is_up.is_set() and self.bank.server is self.server:
                raise Unexpected(f"the server is gone: {self.server.printed()[-2000:]}") from error
            raise Gone from error
        if answer.status == 200 or answer.error in allowed:
            return answer
        raise Unexpected(f"{operation}: {answer.status} {answer.body[:2000]}")


class Worker:
    """Works in a thread until the bank closes; whatever else ends it is kept."""

    def __init__(self, bank, number, random_source):
        self.bank = bank
        self.number = number
        self.random = random_source
        self.books = Books()
        self.call = Caller(bank)
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.bank.is_over.is_set():
                with self._survives_kills():
                    self.step()
            self.finish()
        except Exception as failure:
            self.failure = failure

    @contextmanager
    def _survives_kills(self):
        try:
            yield
        except Gone:
            self.call.connection.close()
            self.bank.is_up.wait()
            self.call = Caller(self.bank)

    def finish(self):
        """What is left to do once the bank is closing."""


class Client(Worker):
    """Moves money, one transfer after another."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.open_receipts = []
        # A transfer with a token, sent and without an answer.
        self.unanswered = None

    def step(self):
        if self.unanswered:
            self._send_with_token(*self.unanswered)
        elif self.random.random() < 0.15:
            self._write_one()
        elif self.random.random() < 0.3:
            self._send_with_token(*self._plan_with_token())
        else:
            self._send(self._plan())

    def finish(self):
        while self.unanswered:
            with self._survives_kills():
                self._send_with_token(*self.unanswered)

    def _plan(self):
        source, target = self.random.sample(range(ACCOUNT_COUNT), 2)
        closes = None
        if self.open_receipts and self.random.random() < 0.3:
            # Taken whatever becomes of the transfer: a lost answer leaves nobody to ask.
            closes = self.open_receipts.pop()
        transfer = Transfer(
            name=f"{self.number}-{len(self.books.transfers)}",
            source=source,
            target=target,
            amount=self.random.choice([1, 10, 100, 1000]),
            has_receipt=self.random.random() < 0.4,
            closes=closes,
        )
        self.books.transfers.append(transfer)
        return transfer

    def _write_one(self):
        """Writes one account without a transaction, while transactions write it too."""
        account = self.random.randrange(ACCOUNT_COUNT)
        write = Transfer(f"{self.number}-{len(self.books.transfers)}", account, account, amount=0)
        self.books.transfers.append(write)
        write.began = time.monotonic()
        self.call("UpdateItem", _move(write, account, "+", "attribute_exists(pk)")["Update"])
        write.ended = time.monotonic()
        write.outcome = MADE

    def _plan_with_token(self):
        transfer = self._plan()
        return transfer, f"token-{transfer.name}"

    def _send(self, transfer, **more):
        """Sends a transfer and notes its answer."""
        transfer.began = transfer.began or time.monotonic()
        answer = self.call(
            "TransactWriteItems",
            {"TransactItems": actions(transfer), **more},
            allowed=["TransactionCanceledException"],
        )
        transfer.ended = time.monotonic()
        transfer.outcome = MADE if answer.status == 200 else REFUSED
        if transfer.outcome == REFUSED:
            reasons = [reason["Code"] for reason in answer.json["CancellationReasons"]]
            if reasons != ["ConditionalCheckFailed"] + ["None"] * (len(reasons) - 1):
                raise Unexpected(f"{transfer}: {answer.body}")
        elif transfer.has_receipt:
            self.open_receipts.append(transfer.name)

    def _send_with_token(self, transfer, token):
        self.unanswered = transfer, token
        send = Send(token, transfer.name, time.monotonic(), time.monotonic(), UNKNOWN)
        self.books.sends.append(send)
        try:
            self._send(transfer, ClientRequestToken=token)
        finally:
            send.ended = time.monotonic()
        send.answer = transfer.outcome
        self.unanswered = None
        if transfer.outcome == MADE and self.random.random() < 0.2:
            self._repeat(transfer, token)

    def _repeat(self, transfer, token):
        """Sends again what has been made, or something else with its token."""
        content, name = transfer, transfer.name
        if self.random.random() < 0.3:
            content, name = Transfer(transfer.name, transfer.source, transfer.target, 7), "another"
        send = Send(token, name, time.monotonic(), time.monotonic(), UNKNOWN)
        self.books.sends.append(send)
        try:
            answer = self.call(
                "TransactWriteItems",
                {"TransactItems": actions(content), "ClientRequestToken": token},
                allowed=["TransactionCanceledException", "IdempotentParameterMismatchException"],
            )
        finally:
            send.ended = time.monotonic()
        if answer.status == 200:
            send.answer = MADE
        else:
            send.answer = REFUSED if answer.error == "TransactionCanceledException" else "mismatch"


class Reader(Worker):
    """Sums all accounts up, in each of the ways there are."""

    def step(self):
        choice = self.random.random()
        began = time.monotonic()
        if choice < 0.4:
            self._note(began, self._get_all(), is_current=True)
        elif choice < 0.8:
            is_consistent = self.random.random() < 0.5
            items, pages = self._query(ConsistentRead=is_consistent)
            if pages != 1:
                raise Unexpected(f"{len(items)} small items are {pages} pages")
            self._note(began, items, is_current=is_consistent)
        else:
            items, _ = self._query(Limit=self.random.randrange(10, 60), ConsistentRead=True)
            if len(items) != ACCOUNT_COUNT:
                raise Unexpected(f"{len(items)} accounts in the pages of a query")
            self.books.sums_without_claim += 1

    def _get_all(self):
        gets = [{"Get": {"TableName": TABLE, "Key": account_key(account)}} for account in range(ACCOUNT_COUNT)]
        answer = self.call("TransactGetItems", {"TransactItems": gets})
        return [response["Item"] for response in answer.json["Responses"]]

    def _query(self, **request):
        items, pages, start = [], 0, {}
        while True:
            answer = self.call(
                "Query",
                {
                    "TableName": TABLE,
                    "KeyConditionExpression": "pk = :accounts",
                    "ExpressionAttributeValues": {":accounts": {"S": ACCOUNTS}},
                    **request,
                    **start,
                },
            ).json
            items += answer["Items"]
            pages += 1
            if "LastEvaluatedKey" not in answer:
                return items, pages
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _note(self, began, items, is_current):
        ended = time.monotonic()
        states = [account_state(item) for item in items]
        if [state.account for state in states] != list(range(ACCOUNT_COUNT)):
            raise Unexpected(f"the accounts of a sum: {[state.account for state in states]}")
        seen = Sum(
            began, ended, [state.balance for state in states], [state.moves for state in states], is_current
        )
        self.books.sums.append(seen)


def account_key(account):
    return {"pk": {"S": ACCOUNTS}, "sk": {"S": f"{account:03}"}}


def receipt_key(name):
    # Receipts have partitions of their own, so that they may be in another shard than the accounts.
    return {"pk": {"S": f"receipts-{name[-1]}"}, "sk": {"S": name}}


def actions(transfer):
    """The actions of a transfer's transaction."""
    items = [
        _move(transfer, transfer.source, "-", "balance >= :amount"),
        _move(transfer, transfer.target, "+", "attribute_exists(pk)"),
    ]
    if transfer.has_receipt:
        item = {**receipt_key(transfer.name), "amount": {"N": str(transfer.amount)}}
        condition = "attribute_not_exists(pk)"
        items.append({"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": condition}})
    if transfer.closes:
        key, condition = receipt_key(transfer.closes), "attribute_exists(pk)"
        items.append({"Delete": {"TableName": TABLE, "Key": key, "ConditionExpression": condition}})
    return items


def _move(transfer, account, sign, condition):
    return {
        "Update": {
            "TableName": TABLE,
            "Key": account_key(account),
            "UpdateExpression": f"SET balance = balance {sign} :amount, transfer = :name ADD moves :one",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {
                ":amount": {"N": str(transfer.amount)},
                ":name": {"S": transfer.name},
                ":one": {"N": "1"},
            },
        }
    }


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
