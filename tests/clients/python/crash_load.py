"""The load under which a server is killed: writers that keep books, and somebody who changes indexes."""

import http.client
import threading

from crash_ledger import Index, canonical
from raw_http import Connection

TABLE = "Ledger"
COUNTER_KEY = ("counter", "0")
PARTITIONS = 5
SORT_KEYS = 60

# On board from the start: a local index and two global ones, with all three kinds of projection.
FIXED_INDEXES = [
    Index("by-number", ["pk", "number"], projected=["version"]),
    Index("by-group", ["group", "number"]),
    Index("by-colour", ["colour"], projected=[]),
]
# Created and dropped while items are written.
CHANGING_INDEXES = [
    Index("extra-colour", ["colour", "number"]),
    Index("extra-version", ["version"], projected=[]),
]
TYPES = {"pk": "S", "sk": "N", "number": "N", "group": "S", "colour": "S", "version": "N"}


class Unexpected(AssertionError):
    """The server answered what it must not."""


class Gone(Exception):
    """The server is not there any more."""


class Caller:
    """Calls over one connection; a lost one is told from a wrong answer."""

    def __init__(self, endpoint):
        self.connection = Connection(endpoint)

    def __call__(self, operation, request, allowed=()):
        try:
            answer = self.connection.call(operation, {"TableName": TABLE, **request})
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error
        if answer.status == 200 or answer.error in allowed:
            return answer
        raise Unexpected(f"{operation}: {answer.status} {answer.body[:500]}")


def create_table(endpoint):
    local, *others = FIXED_INDEXES
    Caller(endpoint)(
        "CreateTable",
        {
            "KeySchema": _key_schema(["pk", "sk"]),
            "AttributeDefinitions": _definitions(["pk", "sk", "number", "group", "colour"]),
            "LocalSecondaryIndexes": [_description(local)],
            "GlobalSecondaryIndexes": [_description(index) for index in others],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )


def _description(index):
    projection = {"ProjectionType": "ALL"}
    if index.projected is not None:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": index.projected}
    if index.projected == []:
        projection = {"ProjectionType": "KEYS_ONLY"}
    return {"IndexName": index.name, "KeySchema": _key_schema(index.key_attributes), "Projection": projection}


def _key_schema(names):
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ["HASH", "RANGE"], strict=False)
    ]


def _definitions(names):
    return [{"AttributeName": name, "AttributeType": TYPES[name]} for name in names]


class Worker:
    """Works in a thread until the server is gone; whatever else ends it is kept for the test."""

    def __init__(self, endpoint):
        self.call = Caller(endpoint)
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while True:
                self.step()
        except Gone:
            pass
        except Exception as failure:
            self.failure = failure


class Writer(Worker):
    """Writes to keys of its own, and counts up the one number that all share."""

    def __init__(self, endpoint, number, random_source, ledger, counter):
        super().__init__(endpoint)
        self.number = number
        self.random = random_source
        self.ledger = ledger
        self.counter = counter

    def step(self):
        choice = self.random.random()
        key = self._any_key()
        present = key in self.ledger.items
        if choice < 0.1:
            self._count()
        elif choice < 0.25:
            self._write_batch()
        elif choice < 0.35:
            self._delete(key)
        elif choice < 0.55 and present:
            self._update(key)
        elif choice < 0.6:
            self._put_that_is_refused(key, present)
        else:
            self._put(key)

    def _put(self, key):
        item = self._any_item(key)
        self.ledger.begin({key: canonical(item)})
        self.call("PutItem", {"Item": item})
        self.ledger.acknowledge()

    def _put_that_is_refused(self, key, present):
        condition = "attribute_not_exists(pk)" if present else "attribute_exists(pk)"
        request = {"Item": self._any_item(key), "ConditionExpression": condition}
        answer = self.call("PutItem", request, allowed=["ConditionalCheckFailedException"])
        if answer.status == 200:
            raise Unexpected(
                f"{key}: {condition} is met, though the item is {'there' if present else 'not there'}"
            )

    def _update(self, key):
        changed = dict(self.ledger.items[key])
        version, number = int(changed["version"]["N"]) + 1, {"N": str(self.random.randrange(1000))}
        changed.update(version={"N": str(version)}, number=number)
        removed = self.random.choice(["group", "colour", "tags"])
        changed.pop(removed, None)
        self.ledger.begin({key: changed})
        self.call(
            "UpdateItem",
            {
                "Key": _key_attributes(key),
                "UpdateExpression": "SET version = version + :one, #n = :number REMOVE #r",
                "ConditionExpression": "version = :read",
                "ExpressionAttributeNames": {"#n": "number", "#r": removed},
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":number": number,
                    ":read": {"N": str(version - 1)},
                },
            },
        )
        self.ledger.acknowledge()

    def _delete(self, key):
        self.ledger.begin({key: None})
        self.call("DeleteItem", {"Key": _key_attributes(key)})
        self.ledger.acknowledge()

    def _write_batch(self):
        requests, changes = [], {}
        for key in {self._any_key() for _ in range(self.random.randrange(2, 26))}:
            if self.random.random() < 0.2:
                requests.append({"DeleteRequest": {"Key": _key_attributes(key)}})
                changes[key] = None
            else:
                item = self._any_item(key)
                requests.append({"PutRequest": {"Item": item}})
                changes[key] = canonical(item)
        self.ledger.begin(changes)
        answer = self.call("BatchWriteItem", {"RequestItems": {TABLE: requests}})
        if answer.json["UnprocessedItems"]:
            raise Unexpected(f"BatchWriteItem: {answer.body[:500]}")
        self.ledger.acknowledge()

    def _count(self):
        with self.counter.lock:
            self.counter.in_flight += 1
        answer = self.call(
            "UpdateItem",
            {
                "Key": _key_attributes(COUNTER_KEY),
                "UpdateExpression": "ADD hits :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
                "ReturnValues": "UPDATED_NEW",
            },
        )
        with self.counter.lock:
            self.counter.in_flight -= 1
            self.counter.told.append(int(answer.json["Attributes"]["hits"]["N"]))

    def _any_key(self):
        return (f"w{self.number}-{self.random.randrange(PARTITIONS)}", str(self.random.randrange(SORT_KEYS)))

    def _any_item(self, key):
        size = self.random.choice([10, 100, 1000, 1000, 3000])
        if self.random.random() < 0.01:
            size = 100_000
        item = {
            **_key_attributes(key),
            "version": {"N": str(self.random.randrange(5))},
            "data": {"S": f"{self.random.getrandbits(64):016x}" * (size // 16)},
        }
        # Sparse: some items are in no index, some in one.
        if self.random.random() < 0.8:
            item["number"] = {"N": str(self.random.randrange(1000))}
        if self.random.random() < 0.7:
            item["group"] = {"S": f"g{self.random.randrange(4)}"}
        if self.random.random() < 0.7:
            item["colour"] = {"S": self.random.choice(["red", "green", "blue"])}
        if self.random.random() < 0.3:
            item["tags"] = {"SS": self.random.sample(["x", "y", "z"], 2)}
        return item


def _key_attributes(key):
    return {"pk": {"S": key[0]}, "sk": {"N": key[1]}}


class IndexBook:
    """Which of the changing indexes have to be there, as far as was acknowledged."""

    def __init__(self):
        self.present = set()
        self.in_flight = None
        self.at_rest = True
        self.created = 0
        self.dropped = 0
        self.interrupted = 0

    def settle(self, found):
        """Compares with the names found after a crash, and goes on from there."""
        differing = self.present ^ found
        if differing - {self.in_flight}:
            raise Unexpected(
                f"acknowledged indexes: {self.present}, found: {found}, in flight: {self.in_flight}"
            )
        self.interrupted += not self.at_rest
        self.present, self.in_flight, self.at_rest = found, None, True


class IndexChanger(Worker):
    """Creates and drops indexes, one after another."""

    def __init__(self, endpoint, random_source, book):
        super().__init__(endpoint)
        self.random = random_source
        self.book = book

    def step(self):
        index = self.random.choice(CHANGING_INDEXES)
        creates = index.name not in self.book.present
        update, more = {"Delete": {"IndexName": index.name}}, {}
        if creates:
            update, more = (
                {"Create": _description(index)},
                {"AttributeDefinitions": _definitions(index.key_attributes)},
            )
        self.book.in_flight, self.book.at_rest = index.name, False
        self.call("UpdateTable", {"GlobalSecondaryIndexUpdates": [update], **more})
        self.book.present ^= {index.name}
        self.book.in_flight = None
        if creates:
            self.book.created += 1
        else:
            self.book.dropped += 1
        wait_for_indexes(self.call)
        self.book.at_rest = True


def wait_for_indexes(call):
    """Waits until no index is being made or dropped; gives the table's description."""
    pause = threading.Event()
    for _ in range(3000):
        table = call("DescribeTable", {}).json["Table"]
        states = {index["IndexStatus"] for index in table.get("GlobalSecondaryIndexes", [])}
        if states <= {"ACTIVE"} and table["TableStatus"] == "ACTIVE":
            return table
        pause.wait(0.01)
    raise Unexpected(f"the indexes do not come to rest: {table}")


def scan_all(call, **request):
    """All items of a table or index."""
    items, start = [], {}
    while True:
        page = call("Scan", {**request, **start}).json
        items += [canonical(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
