"""What writers know about their items, and whether a database that was killed still agrees.

Each writer owns its keys and has one request in flight. So after a crash each key is known exactly,
except those of the request in flight: they are as before it or as after it, nothing else.
"""

import threading


class Disagreement(AssertionError):
    """The database is not what its writers were told that it is."""


def canonical(item):
    """An item as sent or received, with sets in one order."""
    return {
        name: {kind: sorted(value) if kind in ("SS", "NS", "BS") else value for kind, value in typed.items()}
        for name, typed in item.items()
    }


class Ledger:
    """The items of one writer by key, as far as they were acknowledged."""

    def __init__(self):
        self.items = {}
        self.in_flight = {}
        self.acknowledged = 0

    def begin(self, changes):
        """The writer is about to send these: key to new item, or to None for a delete."""
        self.in_flight = changes

    def acknowledge(self):
        """The server has answered that all of it is done."""
        for key, item in self.in_flight.items():
            self._set(key, item)
        self.in_flight = {}
        self.acknowledged += 1

    def settle(self, found):
        """Compares with the writer's keys that were found after a crash, and goes on from there."""
        for key in self.items.keys() | self.in_flight.keys() | found.keys():
            before, now = self.items.get(key), found.get(key)
            if now == before:
                continue
            if key not in self.in_flight:
                raise Disagreement(f"{key}: acknowledged {before}, found {now}")
            if now != self.in_flight[key]:
                raise Disagreement(f"{key}: was {before}, became {self.in_flight[key]}, found {now}")
        self.items = dict(found)
        self.in_flight = {}

    def _set(self, key, item):
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item


class Counter:
    """A number that all writers count up, each told what it became."""

    def __init__(self):
        self.value = 0
        self.told = []
        self.in_flight = 0
        # The only thing here that several writers change at once.
        self.lock = threading.Lock()

    def settle(self, found):
        """Compares with the number found after a crash, and goes on from there."""
        if len(set(self.told)) != len(self.told):
            raise Disagreement("the counter gave one value to two writers")
        # Those in flight may have been counted, also before ones that were acknowledged.
        expected = range(self.value + len(self.told), self.value + len(self.told) + self.in_flight + 1)
        if found not in expected or any(not self.value < value <= found for value in self.told):
            raise Disagreement(
                f"the counter is {found}, expected {expected}, highest told {max(self.told, default=0)}"
            )
        self.value, self.told, self.in_flight = found, [], 0


class Index:
    """What an index has to hold."""

    def __init__(self, name, key_attributes, projected=None):
        self.name = name
        self.key_attributes = key_attributes
        self.projected = projected

    def entries(self, items):
        """The entries that these items, by key, make: each a key with what is projected."""
        return {
            key: self._project(item)
            for key, item in items.items()
            if all(attribute in item for attribute in self.key_attributes)
        }

    def compare(self, items, found):
        """Compares the entries found, a list as a scan gives it, with those that the items make."""
        expected = self.entries(items)
        by_key = {key_of(entry): entry for entry in found}
        if len(by_key) != len(found):
            raise Disagreement(f"index {self.name}: {len(found) - len(by_key)} items are in it twice")
        for key in expected.keys() | by_key.keys():
            if expected.get(key) != by_key.get(key):
                raise Disagreement(
                    f"index {self.name}, {key}: expected {expected.get(key)}, found {by_key.get(key)}"
                )

    def _project(self, item):
        if self.projected is None:
            return item
        kept = {"pk", "sk", *self.key_attributes, *self.projected}
        return {name: value for name, value in item.items() if name in kept}


def key_of(item):
    return (item["pk"]["S"], item["sk"]["N"])
