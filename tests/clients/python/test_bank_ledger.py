"""The bank's books: each fault that they are kept for is noticed."""

from dataclasses import replace

import pytest

from bank_ledger import (
    ACCOUNTS,
    MADE,
    REFUSED,
    TOKEN_SECONDS,
    UNKNOWN,
    Move,
    Order,
    Send,
    Sum,
    Transfer,
    check_balances,
    check_tokens,
    check_transfers,
    read_moves,
)
from crash_ledger import Disagreement
from stream_ledger import Change

# Three accounts of 100; 30 go from 0 to 1, then 20 from 1 to 2; a third transfer is refused.
FIRST = Transfer("a", 0, 1, 30, has_receipt=True, outcome=MADE, began=1, ended=2)
SECOND = Transfer("b", 1, 2, 20, closes="a", outcome=MADE, began=3, ended=4)
THIRD = Transfer("c", 2, 0, 500, has_receipt=True, outcome=REFUSED, began=5, ended=6)
TRANSFERS = [FIRST, SECOND, THIRD]
MOVES = [
    Move("a", 0, -30, 1, 70),
    Move("a", 1, 30, 1, 130),
    Move("b", 1, -20, 2, 110),
    Move("b", 2, 20, 1, 120),
]


def test_what_was_made_is_there():
    check_transfers(TRANSFERS, MOVES, receipts_made=["a"], receipts_closed=["a"])
    unknown = [*TRANSFERS, Transfer("d", 0, 2, 5)]
    check_transfers(unknown, MOVES, ["a"], ["a"])
    alone = Transfer("e", 0, 0, 0, outcome=MADE)
    check_transfers([*TRANSFERS, alone], [*MOVES, Move("e", 0, 0, 2, 70)], ["a"], ["a"])
    check_transfers(unknown, [*MOVES, Move("d", 0, -5, 2, 65), Move("d", 2, 5, 2, 125)], ["a"], ["a"])


@pytest.mark.parametrize(
    "moves, receipts_made, receipts_closed",
    [
        pytest.param(MOVES[:3], ["a"], ["a"], id="half a transaction"),
        pytest.param(MOVES[:2], ["a"], [], id="a lost transfer"),
        pytest.param([*MOVES, *MOVES[2:]], ["a"], ["a"], id="a transfer made twice"),
        pytest.param([*MOVES[:3], Move("b", 2, 19, 1, 119)], ["a"], ["a"], id="money lost on the way"),
        pytest.param([*MOVES[:3], Move("b", 0, 20, 2, 90)], ["a"], ["a"], id="the wrong account"),
        pytest.param([*MOVES, Move("c", 2, -500, 2, -380)], ["a"], ["a"], id="half of a refused one"),
        pytest.param(
            [*MOVES, Move("c", 2, -500, 2, -380), Move("c", 0, 500, 2, 570)], ["a"], ["a"], id="a refused one"
        ),
        pytest.param([*MOVES, Move("x", 0, 1, 2, 71)], ["a"], ["a"], id="nobody's move"),
        pytest.param(MOVES, [], ["a"], id="a transfer without its receipt"),
        pytest.param(MOVES, ["a", "a"], ["a"], id="two receipts"),
        pytest.param(MOVES, ["a", "c"], ["a"], id="the receipt of a refused one"),
        pytest.param(MOVES, ["a"], [], id="a receipt that was not closed"),
        pytest.param(MOVES, ["a"], ["a", "x"], id="a receipt that nobody closed"),
    ],
)
def test_what_was_not_made_as_told(moves, receipts_made, receipts_closed):
    with pytest.raises(Disagreement):
        check_transfers(TRANSFERS, moves, receipts_made, receipts_closed)


@pytest.mark.parametrize("moves", [[Move("d", 0, -5, 2, 65)], [Move("d", 2, 5, 2, 125)]])
def test_half_of_an_unknown_transfer(moves):
    with pytest.raises(Disagreement):
        check_transfers([*TRANSFERS, Transfer("d", 0, 2, 5)], [*MOVES, *moves], ["a"], ["a"])


@pytest.mark.parametrize(
    "balances, is_possible",
    [
        ([70, 110, 120], True),
        ([65, 110, 125], True),
        ([70, 110, 119], False),
        ([100, 80, 120], False),
        ([70, 130, 100], False),
        ([60, 110, 130], False),
        ([70, 115, 115], False),
    ],
)
def test_balances(balances, is_possible):
    transfers = [*TRANSFERS, Transfer("d", 0, 2, 5, outcome=UNKNOWN)]
    if is_possible:
        check_balances(100, transfers, balances)
    else:
        with pytest.raises(Disagreement):
            check_balances(100, transfers, balances)


def order(transfers=TRANSFERS, moves=MOVES):
    return Order(transfers, moves, accounts=3, opening=100)


@pytest.mark.parametrize(
    "seen",
    [
        Sum(0, 0.5, [100, 100, 100], [0, 0, 0]),
        Sum(0, 10, [70, 130, 100], [1, 1, 0]),
        Sum(2.5, 3.5, [70, 110, 120], [1, 2, 1]),
        Sum(2.5, 2.6, [70, 130, 100], [1, 1, 0]),
        Sum(9, 10, [70, 130, 100], [1, 1, 0], is_current=False),
        Sum(9, 10, [70, 110, 120], [1, 2, 1]),
    ],
)
def test_true_sums(seen):
    order().check_sum(seen)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(Sum(0, 10, [70, 100, 100], [1, 0, 0]), id="half a transaction"),
        pytest.param(Sum(0, 10, [100, 130, 100], [0, 1, 0]), id="its other half"),
        pytest.param(Sum(0, 10, [70, 130, 101], [1, 1, 0]), id="a balance that never was"),
        pytest.param(Sum(9, 10, [70, 130, 100], [1, 1, 0]), id="without what was acknowledged"),
        pytest.param(Sum(2.1, 2.2, [70, 110, 120], [1, 2, 1]), id="with what was not yet sent"),
    ],
)
def test_false_sums(seen):
    with pytest.raises(Disagreement):
        order().check_sum(seen)


def test_a_sum_of_two_moments():
    # Two transfers that cancel each other: all sums are right, and yet one is of no moment.
    transfers = [
        Transfer("a", 0, 1, 10, outcome=MADE, began=1, ended=9),
        Transfer("b", 1, 2, 10, outcome=MADE, began=1, ended=9),
        Transfer("c", 2, 0, 10, outcome=MADE, began=1, ended=9),
    ]
    moves = [
        Move("a", 0, -10, 1, 90),
        Move("a", 1, 10, 1, 110),
        Move("b", 1, -10, 2, 100),
        Move("b", 2, 10, 1, 110),
        Move("c", 2, -10, 2, 100),
        Move("c", 0, 10, 2, 100),
    ]
    kept = order(transfers, moves)
    kept.check_sum(Sum(0, 10, [100, 100, 100], [2, 2, 2]))
    with pytest.raises(Disagreement, match="but not move"):
        kept.check_sum(Sum(0, 10, [100, 100, 100], [2, 0, 0]))


def test_a_transfer_before_what_it_came_after():
    order().check_transfers()
    with pytest.raises(Disagreement):
        order([replace(FIRST, began=5, ended=6), SECOND]).check_transfers()


def send(began, answer=MADE, content="a", seconds=1):
    return Send("token", content, began, began + seconds, answer)


LATE = TOKEN_SECONDS + 10


@pytest.mark.parametrize(
    "sends, written",
    [
        ([send(0)], 1),
        ([send(0), send(5)], 1),
        ([send(0, seconds=9) for _ in range(32)], 1),
        ([send(0), send(5, "mismatch", "b")], 1),
        ([send(0, REFUSED), send(5, REFUSED)], 0),
        ([send(0, REFUSED), send(5)], 1),
        ([send(0, UNKNOWN)], 0),
        ([send(0, UNKNOWN)], 1),
        ([send(0, UNKNOWN), send(5)], 1),
        ([send(0, UNKNOWN), send(5, UNKNOWN), send(9)], 1),
        ([send(0, UNKNOWN), send(5, REFUSED)], 0),
        ([send(0), send(LATE)], 2),
        ([send(0), send(LATE, content="b")], 2),
        ([send(0), send(LATE, REFUSED)], 1),
        # On the edge it may be either.
        ([send(0), send(TOKEN_SECONDS)], 1),
        ([send(0), send(TOKEN_SECONDS)], 2),
    ],
)
def test_tokens_that_write_once(sends, written):
    check_tokens(sends, {"token": written})


@pytest.mark.parametrize(
    "sends, written",
    [
        pytest.param([send(0)], 0, id="acknowledged and not written"),
        pytest.param([send(0), send(5)], 2, id="written twice"),
        pytest.param([send(0, seconds=9) for _ in range(32)], 2, id="written twice by sends at once"),
        pytest.param([send(0, UNKNOWN), send(5)], 2, id="written twice across a lost answer"),
        pytest.param([send(0), send(LATE)], 1, id="an expired token accepted"),
        pytest.param([send(0), send(LATE, "mismatch", "b")], 1, id="an expired token remembered"),
        pytest.param([send(0), send(5, content="b")], 1, id="another content accepted"),
        pytest.param([send(0), send(5, "mismatch")], 1, id="the same content refused"),
        pytest.param([send(0), send(5, REFUSED)], 1, id="forgotten and tried again"),
        pytest.param([send(0, UNKNOWN), send(5, REFUSED)], 1, id="written, forgotten and cancelled"),
        pytest.param([send(0, REFUSED)], 1, id="cancelled and written"),
        pytest.param([send(0, "mismatch")], 0, id="a mismatch with nothing"),
    ],
)
def test_tokens_that_do_not(sends, written):
    with pytest.raises(Disagreement):
        check_tokens(sends, {"token": written})


def account(balance, moves, transfer="t"):
    return {
        "pk": {"S": ACCOUNTS},
        "sk": {"S": "007"},
        "balance": {"N": str(balance)},
        "moves": {"N": str(moves)},
        "transfer": {"S": transfer},
    }


def change(event, pk, sk, old=None, new=None):
    return Change(1, event, "1", {"pk": {"S": pk}, "sk": {"S": sk}}, old, new)


def test_moves_are_read_from_the_stream():
    changes = [
        change("INSERT", ACCOUNTS, "007", None, account(100, 0)),
        change("MODIFY", ACCOUNTS, "007", account(100, 0), account(70, 1, "a")),
        change("INSERT", "receipts-1", "a"),
        change("REMOVE", "receipts-1", "b"),
    ]
    assert read_moves(changes) == ([Move("a", 7, -30, 1, 70)], ["a"], ["b"])


@pytest.mark.parametrize("new", [account(70, 2), account(70, 0), None])
def test_a_move_that_is_not_counted(new):
    with pytest.raises(Disagreement):
        read_moves([change("MODIFY", ACCOUNTS, "007", account(100, 0), new)])
