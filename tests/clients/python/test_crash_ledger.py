"""The crash test's books: each fault that they are kept for is noticed."""

import pytest

from crash_ledger import Counter, Disagreement, Index, Ledger

A, B = {"v": {"N": "1"}}, {"v": {"N": "2"}}
KEY, OTHER = ("w0-1", "7"), ("w0-1", "8")


def ledger(acknowledged, in_flight=None):
    kept = Ledger()
    kept.begin(acknowledged)
    kept.acknowledge()
    kept.begin(in_flight or {})
    return kept


@pytest.mark.parametrize(
    "in_flight, found",
    [
        ({}, {KEY: A}),
        ({KEY: B}, {KEY: A}),
        ({KEY: B}, {KEY: B}),
        ({KEY: None}, {KEY: A}),
        ({KEY: None}, {}),
        ({KEY: B, OTHER: B}, {KEY: A, OTHER: B}),
    ],
)
def test_possible(in_flight, found):
    kept = ledger({KEY: A}, in_flight)
    kept.settle(found)
    assert (kept.items, kept.in_flight) == (found, {})


@pytest.mark.parametrize(
    "in_flight, found",
    [
        ({}, {}),
        ({}, {KEY: B}),
        ({}, {KEY: A, OTHER: A}),
        ({OTHER: A}, {OTHER: A}),
        ({KEY: B}, {}),
        ({KEY: B}, {KEY: {**A, **B, "half": {"S": ""}}}),
        ({KEY: None}, {KEY: B}),
    ],
)
def test_impossible(in_flight, found):
    with pytest.raises(Disagreement):
        ledger({KEY: A}, in_flight).settle(found)


def test_deleted_item_stays_deleted():
    kept = ledger({KEY: A})
    kept.begin({KEY: None})
    kept.acknowledge()
    with pytest.raises(Disagreement):
        kept.settle({KEY: A})


@pytest.mark.parametrize(
    "told, in_flight, found, is_possible",
    [
        ([1, 2], 0, 2, True),
        ([1, 3], 1, 3, True),
        ([1, 2], 1, 3, True),
        ([1, 2], 0, 1, False),
        ([1, 2], 0, 3, False),
        ([1, 1], 0, 2, False),
        ([1, 3], 0, 2, False),
        ([1, 2], 1, 4, False),
    ],
)
def test_counter(told, in_flight, found, is_possible):
    counter = Counter()
    counter.told, counter.in_flight = told, in_flight
    if is_possible:
        counter.settle(found)
        assert counter.value == found
    else:
        with pytest.raises(Disagreement):
            counter.settle(found)


ITEM = {"pk": {"S": "p"}, "sk": {"N": "1"}, "colour": {"S": "red"}, "data": {"S": "x"}}
ENTRY = {name: ITEM[name] for name in ("pk", "sk", "colour")}


@pytest.mark.parametrize(
    "found, is_possible",
    [
        ([ENTRY], True),
        ([], False),
        ([ENTRY, ENTRY], False),
        ([ITEM], False),
        ([{**ENTRY, "colour": {"S": "blue"}}], False),
        ([ENTRY, {**ENTRY, "sk": {"N": "2"}}], False),
    ],
)
def test_index(found, is_possible):
    without_colour = {"pk": {"S": "p"}, "sk": {"N": "3"}}
    items = {("p", "1"): ITEM, ("p", "3"): without_colour}
    index = Index("by-colour", ["colour"], projected=[])
    if is_possible:
        index.compare(items, found)
    else:
        with pytest.raises(Disagreement):
            index.compare(items, found)
