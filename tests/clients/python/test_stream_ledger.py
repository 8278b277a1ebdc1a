"""The checks of change streams: each fault that they are made for is noticed."""

from dataclasses import replace

import pytest

from crash_ledger import Disagreement
from stream_ledger import (
    Change,
    ShardHistory,
    changes_of,
    check_followed,
    check_shards,
    compare_table,
    replay,
)


def item(key, version):
    return {"id": {"S": key}, "version": {"N": str(version)}}


def change(number, key, old, new):
    event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    images = [None if version is None else item(key, version) for version in (old, new)]
    return Change(number, event, f"id-{number}", {"id": {"S": key}}, *images)


CHANGES = [
    change(1, "x", None, 1),
    change(2, "y", None, 1),
    change(3, "x", 1, 2),
    change(5, "x", 2, None),
    change(6, "y", 1, 2),
    change(8, "x", None, 3),
]
TABLE = [item("x", 3), item("y", 2)]


def shards(*parts):
    """Shards in a row with these records; each ends with the number before the next one's first."""
    histories, first = [], 0
    for number, part in enumerate(parts):
        last = part[-1].number if part else first
        parent = f"shard-{number - 1}" if number else None
        histories.append(ShardHistory(f"shard-{number}", parent, first, last, list(part)))
        first = last
    return histories


def test_a_stream_rebuilds_the_table():
    for parts in ([CHANGES], [CHANGES[:2], CHANGES[2:]], [CHANGES[:3], [], CHANGES[3:4], CHANGES[4:]]):
        check_shards(shards(*parts))
        compare_table(replay(changes_of(shards(*parts))), TABLE)
    open_shard = shards(CHANGES)
    open_shard[0].last = None
    check_shards(open_shard)


def check_all(histories, table=TABLE):
    check_shards(histories)
    compare_table(replay(changes_of(histories)), table)


@pytest.mark.parametrize("position", range(len(CHANGES)))
def test_a_missing_record(position):
    with pytest.raises(Disagreement):
        check_all(shards(CHANGES[:position] + CHANGES[position + 1 :]))


@pytest.mark.parametrize("position", range(len(CHANGES)))
def test_a_doubled_record(position):
    with pytest.raises(Disagreement):
        check_all(shards(CHANGES[: position + 1] + CHANGES[position:]))
    # Also in the shard that follows, and where it has a number and an id of its own.
    again = CHANGES[: position + 1], CHANGES[position:]
    with pytest.raises(Disagreement):
        check_all(shards(*again))
    renamed = replace(CHANGES[position], number=CHANGES[-1].number + 1, event_id="another")
    with pytest.raises(Disagreement):
        check_all(shards([*CHANGES, renamed]))


@pytest.mark.parametrize("position", range(len(CHANGES) - 1))
def test_records_out_of_order(position):
    swapped = [*CHANGES[:position], CHANGES[position + 1], CHANGES[position], *CHANGES[position + 2 :]]
    with pytest.raises(Disagreement):
        check_shards(shards(swapped))


def test_an_items_changes_out_of_order_with_numbers_that_rise():
    first, second = CHANGES[2], CHANGES[3]
    swapped = [replace(second, number=first.number), replace(first, number=second.number)]
    check_shards(shards([*CHANGES[:2], *swapped, *CHANGES[4:]]))
    with pytest.raises(Disagreement):
        replay([*CHANGES[:2], *swapped, *CHANGES[4:]])


@pytest.mark.parametrize(
    "position, fault",
    [
        pytest.param(2, {"old": item("x", 7)}, id="a wrong old image"),
        pytest.param(2, {"old": None}, id="a modification without its old image"),
        pytest.param(2, {"new": item("x", 1)}, id="a change that is none"),
        pytest.param(2, {"new": item("y", 2)}, id="another item's image"),
        pytest.param(4, {"new": item("y", 9)}, id="a wrong new image"),
        pytest.param(3, {"new": item("x", 2)}, id="a removal with a new image"),
        pytest.param(3, {"old": item("x", 1)}, id="a removal with an older image"),
        pytest.param(5, {"event": "MODIFY"}, id="an insertion as a modification"),
        pytest.param(2, {"event": "INSERT"}, id="a modification as an insertion"),
        pytest.param(1, {"event_id": "id-1"}, id="two records with one id"),
        pytest.param(0, {"number": -1}, id="a record before its shard"),
        pytest.param(2, {"keys": {"id": {"S": "y"}}}, id="another item's key"),
    ],
)
def test_a_wrong_record(position, fault):
    changes = list(CHANGES)
    changes[position] = replace(changes[position], **fault)
    with pytest.raises(Disagreement):
        check_all(shards(changes))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda first, second: [second, first], id="a child before its parent"),
        pytest.param(lambda first, second: [second], id="a parent that is not there"),
        pytest.param(lambda first, second: [replace(first, last=None), second], id="an open parent"),
        pytest.param(lambda first, second: [first, replace(second, first=1)], id="an overlap"),
        pytest.param(lambda first, second: [replace(first, last=2), second], id="a record behind the end"),
    ],
)
def test_shards_that_do_not_follow_each_other(fault):
    with pytest.raises(Disagreement):
        check_shards(fault(*shards(CHANGES[:3], CHANGES[3:])))


@pytest.mark.parametrize(
    "found", [[], TABLE[:1], [*TABLE, TABLE[0]], [*TABLE, item("z", 1)], [item("x", 2), TABLE[1]]]
)
def test_another_table(found):
    with pytest.raises(Disagreement):
        compare_table(replay(CHANGES), found)


@pytest.mark.parametrize(
    "seen, is_right",
    [
        ({"x": [1, 2, None, 3], "y": [1]}, True),
        ({"x": [1, 2, None], "y": [1]}, False),
        ({"x": [1, 2, None, 3]}, False),
        ({"x": [1, None, 2, 3], "y": [1]}, False),
        ({"x": [1, 2, 2, None, 3], "y": [1]}, False),
        ({"x": [1, 2, None, 3, 4], "y": [1]}, False),
        ({"x": [1, 2, None, 3], "y": [1], "z": [1]}, False),
    ],
)
def test_what_a_follower_saw(seen, is_right):
    written = {"x": [1, 2, None, 3], "y": [1]}
    if is_right:
        check_followed(written, seen)
    else:
        with pytest.raises(Disagreement):
            check_followed(written, seen)
