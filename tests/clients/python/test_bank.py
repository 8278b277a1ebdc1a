"""The bank: transfers, sums and kills; then the books, the table and the stream have to agree.

STATOR_BANK_SEED repeats the choices of an earlier run; `python bank.py --help` tells of longer ones.
"""

import os
import random

import pytest

import bank
from stator_process import binary

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")


@pytest.mark.parametrize("shards", [1, 3])
def test_no_money_is_made_or_lost(tmp_path, capsys, shards):
    seed = int(os.environ.get("STATOR_BANK_SEED", random.randrange(1 << 32)))
    with capsys.disabled():
        print(f"\nSTATOR_BANK_SEED={seed}")
    figures = bank.run(tmp_path, seed, seconds=4, kills=1, rollover="1s", shards=shards)
    with capsys.disabled():
        print(", ".join(f"{figure} {name}" for name, figure in figures.items()))
    assert figures["transfers made"] > 50
    assert figures["sums checked"] > 10
    assert figures["of these repeated"] > 0
    assert figures["shards"] > 2 * shards, "there was no rollover"
