"""What a change stream has to say, and whether it does: checks over records that have been read.

A stream is a list of shards, parents before their children, each with its records in the order in
which they came.
"""

from dataclasses import dataclass, field

from crash_ledger import Disagreement, canonical


@dataclass(frozen=True)
class Change:
    """One record of a stream with the view NEW_AND_OLD_IMAGES."""

    number: int
    event: str
    event_id: str
    keys: dict
    old: dict | None
    new: dict | None

    @classmethod
    def of_record(cls, record):
        """Takes a record as GetRecords gives it."""
        change = record["dynamodb"]
        old, new = change.get("OldImage"), change.get("NewImage")
        return cls(
            number=int(change["SequenceNumber"]),
            event=record["eventName"],
            event_id=record["eventID"],
            keys=change["Keys"],
            old=None if old is None else canonical(old),
            new=None if new is None else canonical(new),
        )

    @property
    def key(self):
        """The item's key as something to look up by."""
        return tuple(sorted((name, *typed.items()) for name, typed in self.keys.items()))


@dataclass
class ShardHistory:
    """A shard as it is described, with all that it holds; `last` is None while it is open."""

    shard_id: str
    parent_id: str | None
    first: int
    last: int | None
    changes: list = field(default_factory=list)


def check_shards(shards):
    """Every shard but the oldest follows one that has ended; numbers rise, each record is there once."""
    by_id, event_ids = {}, {}
    for shard in shards:
        if shard.parent_id is not None:
            parent = by_id.get(shard.parent_id)
            if parent is None:
                raise Disagreement(f"shard {shard.shard_id} comes before its parent {shard.parent_id}")
            if parent.last is None or parent.last > shard.first:
                raise Disagreement(f"shard {shard.shard_id} begins before the end of {parent.shard_id}")
        by_id[shard.shard_id] = shard
        before = None
        for change in shard.changes:
            if before is not None and change.number <= before:
                raise Disagreement(f"shard {shard.shard_id}: record {change.number} comes after {before}")
            before = change.number
            if change.number < shard.first or (shard.last is not None and change.number > shard.last):
                raise Disagreement(
                    f"shard {shard.shard_id} of {shard.first} to {shard.last} holds record {change.number}"
                )
            if event_ids.setdefault(change.event_id, change.number) != change.number:
                raise Disagreement(f"records {event_ids[change.event_id]} and {change.number} have one id")
    if len(event_ids) != sum(len(shard.changes) for shard in shards):
        raise Disagreement("a record is in two shards")


def changes_of(shards):
    """The records of all shards; each item's are in the order of its changes."""
    return [change for shard in shards for change in shard.changes]


def replay(changes):
    """Makes a table of its changes, from none on: a dictionary of items by key.

    Each record has to fit what the records before it made of its item.
    """
    items = {}
    for change in changes:
        now = items.get(change.key)
        has = (change.old is not None, change.new is not None)
        if has != {"INSERT": (False, True), "MODIFY": (True, True), "REMOVE": (True, False)}[change.event]:
            raise Disagreement(f"record {change.number}: {change.event} with the wrong images")
        if change.old != now:
            raise Disagreement(f"record {change.number}: the item was {now}, its old image is {change.old}")
        if change.new == change.old:
            raise Disagreement(f"record {change.number} changes nothing")
        for image in (change.old, change.new):
            if image is not None and any(image.get(name) != value for name, value in change.keys.items()):
                raise Disagreement(f"record {change.number} of {change.keys} shows the item {image}")
        if change.new is None:
            del items[change.key]
        else:
            items[change.key] = change.new
    return items


def compare_table(replayed, found):
    """Compares what `replay` made with the items that a scan found."""
    key_names = next(([name for name, *_ in key] for key in replayed), [])
    by_key = {
        tuple(sorted((name, *item[name].items()) for name in key_names)): canonical(item) for item in found
    }
    if len(by_key) != len(found):
        raise Disagreement(f"{len(found)} items have {len(by_key)} keys: one is given twice, or none is replayed")
    for key in replayed.keys() | by_key.keys():
        if replayed.get(key) != by_key.get(key):
            raise Disagreement(
                f"{key}: the stream makes it {replayed.get(key)}, the table has {by_key.get(key)}"
            )


def check_followed(written, seen):
    """Compares what was written with what a follower saw: lists of versions by item."""
    for key in written.keys() | seen.keys():
        made, told = written.get(key, []), seen.get(key, [])
        if made == told:
            continue
        missing = [version for version in made if version not in told]
        unknown = [version for version in told if version not in made]
        if missing or unknown:
            raise Disagreement(f"{key}: not seen: {missing[:5]}, seen and never written: {unknown[:5]}")
        if len(set(map(str, told))) != len(told):
            raise Disagreement(f"{key}: {len(told) - len(made)} changes were seen twice")
        raise Disagreement(f"{key}: changes were seen out of order")
