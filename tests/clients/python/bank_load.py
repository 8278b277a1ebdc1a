"""The bank at work: clients that move money and readers that sum it up, while the server is killed.

All of it works in threads over plain connections: with boto3, be it in threads or in processes,
the clients take ten times the time of the server, and fewer transactions meet.
"""

import http.client
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from bank_ledger import ACCOUNTS, MADE, REFUSED, UNKNOWN, Send, Sum, Transfer, account_state
from crash_load import Gone, Unexpected
from raw_http import Connection

TABLE = "Bank"
ACCOUNT_COUNT = 100
OPENING = 1000
CLIENTS = 16
READERS = 4


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
