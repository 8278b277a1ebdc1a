"""The core of examples/catalogue.py on a small catalogue made here, so that no package index is needed."""

import random
from decimal import Decimal

import catalogue
import pytest

WORDS = ["amber", "basalt", "cedar", "delta", "ember", "flint", "grove", "heron", "iris", "jade"]


def package_index(count=700, seed=7):
    """The text of a package index as apt-cache prints it, with few sections and maintainers."""
    random_source = random.Random(seed)
    records = []
    for number in range(count):
        word = random_source.choice(WORDS)
        name = f"{random_source.choice(['lib', 'python3-', ''])}{word}-{number}"
        fields = {
            "Package": name,
            "Version": f"1.{number}-1",
            "Architecture": random_source.choice(["all", "amd64"]),
            "Maintainer": f"{word.title()} Keepers <{word}@example.org>",
            "Section": random_source.choice(["libs", "devel", "games"]),
            "Priority": random_source.choice(["optional", "optional", "required"]),
            "Installed-Size": str(random_source.choice([0, 9, 10, 100, 20000, number])),
            "Description": f"the {word} {random_source.choice(['library', 'program'])}\n a second line",
        }
        if random_source.random() < 0.7:
            fields["Source"] = f"{word} (1.0)"
        if random_source.random() < 0.9:
            fields["Size"] = str(random_source.randrange(1, 10**9))
        if random_source.random() < 0.7:
            fields["Homepage"] = f"{random_source.choice(['http', 'https'])}://example.org/{word}"
        if random_source.random() < 0.5:
            fields["Tag"] = "role::program, use::all,\n made::here"
        if random_source.random() < 0.7:
            fields["Depends"] = ", ".join(f"lib{other} (>= 1)" for other in WORDS + WORDS[: number % 3])
        records.append("".join(f"{field}: {value}\n" for field, value in fields.items()))
    return "\n".join(records)


@pytest.fixture
def loaded(dynamodb, endpoint):
    items = catalogue.make_items(catalogue.parse_records(package_index()))
    table = catalogue.create_table(dynamodb, "Catalogue")
    steps = []
    catalogue.load(endpoint, "Catalogue", items, processes=2, progress=steps.append)
    assert steps[-1] == len(items)
    return catalogue.Catalogue(table, items)


def test_every_answer_is_what_a_straight_count_gives(loaded):
    for name, check in loaded.checks().items():
        assert check() > 0, f"{name} compares nothing"


def test_wrong_answers_are_noticed(loaded):
    """Each check has to see a fault that is planted for it."""
    lost, changed = loaded.packages[3], dict(loaded.packages[5])
    loaded.table.delete_item(Key={"PK": lost["PK"], "SK": lost["SK"]})
    changed["installed_kib"] += 1
    loaded.table.put_item(Item=changed)
    blind = []
    for name, check in loaded.checks().items():
        try:
            check()
        except catalogue.Mismatch:
            continue
        blind.append(name)
    # The lost package is no source, and may lie outside of the range of names.
    assert set(blind) <= {"GSI2: largest sources first", "filtered queries", "pages, forwards and backwards"}


def test_record_becomes_an_item():
    text = (
        "Package: tool\nSource: toolbox (2)\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nSection: misc\n"
        "Priority: optional\nSize: 1500\nDescription: does it\n and more\nTag: a::b,\n c::d\nDepends: x (>= 1), y | z\n"
    )
    (record,) = catalogue.parse_records(text + "\nPackage: next\n", limit=1)
    package, source = catalogue.make_items([record])
    assert package["PK"] == source["PK"] == "SOURCE#toolbox"
    assert package["SK"] == "PACKAGE#tool#all"
    assert package["tags"] == {"a::b", "c::d"}
    assert package["depends"] == ["x (>= 1)", "y | z"]
    assert package["summary"] == "does it"
    assert package["download_mb"] == Decimal("0.0015")
    assert source["packages"] == 1
