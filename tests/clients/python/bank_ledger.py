"""The bank's books: what its clients did and were told, and whether the database agrees.

An account counts its moves, so that a sum names the state of each account that it saw. The change
stream gives the order of all moves; against it every answer is checked: each transfer is in it
whole, once and where its time allows, and each sum is the state at one point of it.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

from crash_ledger import Disagreement

# What became of a transfer, as far as its client was told.
MADE, REFUSED, UNKNOWN = "made", "refused", "unknown"

# The one partition that all accounts are in.
ACCOUNTS = "accounts"

# For how long a token is remembered (AWS: ten minutes after the first request with it).
TOKEN_SECONDS = 600


@dataclass
class Transfer:
    """Money moved from one account to another; perhaps with a receipt, which a later transfer closes.

    One from an account to itself, of nothing, is a write of that account alone. Accounts are numbers;
    times are seconds of the monotonic clock.
    """

    name: str
    source: int
    target: int
    amount: int
    has_receipt: bool = False
    closes: str | None = None
    outcome: str = UNKNOWN
    began: float = 0.0
    ended: float = float("inf")


@dataclass
class Move:
    """What the stream says of one account in one transfer."""

    transfer: str
    account: int
    difference: int
    moves: int
    balance: int


@dataclass
class Sum:
    """What a reader saw at once: balance and count of moves of each account."""

    began: float
    ended: float
    balances: list
    moves: list
    # Whether it has to have all that was acknowledged before it began.
    is_current: bool = True


def check_transfers(transfers, moves, receipts_made=(), receipts_closed=()):
    """Each transfer that was made is there whole and once; none that was refused; nothing else."""
    told = {}
    for move in moves:
        told.setdefault(move.transfer, []).append((move.account, move.difference))
    made = count_each(receipts_made)
    closed = count_each(receipts_closed)
    for transfer in transfers:
        found = sorted(told.pop(transfer.name, []))
        # In one entry where it is a write of one account.
        whole = sorted({transfer.source: -transfer.amount, transfer.target: transfer.amount}.items())
        possible = {MADE: [whole], REFUSED: [[]], UNKNOWN: [whole, []]}[transfer.outcome]
        if found not in possible:
            raise Disagreement(f"{transfer.outcome}: {transfer}, found {found}")
        if made.pop(transfer.name, 0) != (transfer.has_receipt and found == whole):
            raise Disagreement(f"the receipt of {transfer} is there without it, or it without the receipt")
        if transfer.closes and closed.pop(transfer.closes, 0) != (found == whole):
            raise Disagreement(f"what {transfer} closes is there after it, or closed without it")
    if told or made or closed:
        raise Disagreement(f"nobody made these: {[*told, *made, *closed][:5]}")


def count_each(names):
    """How often each name is there."""
    counts = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def check_balances(opening, transfers, balances):
    """Without the stream: each account is what was acknowledged makes of it, up to the unknown."""
    if sum(balances) != opening * len(balances):
        raise Disagreement(f"the accounts hold {sum(balances)}, they began with {opening * len(balances)}")
    least, most = [opening] * len(balances), [opening] * len(balances)
    for transfer in transfers:
        if transfer.outcome != REFUSED:
            least[transfer.source] -= transfer.amount
            most[transfer.target] += transfer.amount
        if transfer.outcome == MADE:
            most[transfer.source] -= transfer.amount
            least[transfer.target] += transfer.amount
    for account, balance in enumerate(balances):
        if not max(least[account], 0) <= balance <= most[account]:
            raise Disagreement(
                f"account {account} holds {balance}, possible are {least[account]} to {most[account]}"
            )


class Order:
    """The order of all moves, and what the clock says about who came before whom."""

    def __init__(self, transfers, moves, accounts, opening):
        self.balance = {(account, 0): opening for account in range(accounts)}
        self.place = {(account, 0): -1 for account in range(accounts)}
        first, last = {}, {}
        for place, move in enumerate(moves):
            self.place[move.account, move.moves] = place
            self.balance[move.account, move.moves] = move.balance
            first.setdefault(move.transfer, place)
            last[move.transfer] = place
        there = [transfer for transfer in transfers if transfer.name in last]
        made = sorted((transfer.ended, last[transfer.name]) for transfer in there if transfer.outcome == MADE)
        self.ends = [ended for ended, _ in made]
        self.highest_by_end = list(accumulate((place for _, place in made), max))
        begun = sorted((transfer.began, first[transfer.name]) for transfer in there)
        self.begins = [began for began, _ in begun]
        lowest = accumulate((place for _, place in reversed(begun)), min)
        self.lowest_by_begin = list(lowest)[::-1]
        self.there, self.first = there, first

    def acknowledged_by(self, moment):
        """The last place of all moves that were acknowledged before `moment`; -1 for none."""
        count = bisect_left(self.ends, moment)
        return self.highest_by_end[count - 1] if count else -1

    def begun_after(self, moment):
        """The first place of all moves that were sent after `moment`."""
        count = bisect_left(self.begins, moment)
        return self.lowest_by_begin[count] if count < len(self.begins) else float("inf")

    def check_transfers(self):
        """What ended before a transfer began is before it."""
        for transfer in self.there:
            if self.first[transfer.name] < self.acknowledged_by(transfer.began):
                raise Disagreement(f"{transfer} stands before what was acknowledged before it began")

    def check_sum(self, seen):
        """A sum is the state at one point of the order, and at one that its time allows."""
        total, opening = sum(seen.balances), sum(self.balance[account, 0] for account in range(len(seen.balances)))
        if total != opening:
            raise Disagreement(f"a sum of {total}, it has to be {opening}: {seen}")
        # It is before `end`, and has all up to `start`.
        start, end = -1, float("inf")
        for account, (balance, moves) in enumerate(zip(seen.balances, seen.moves, strict=True)):
            if self.balance.get((account, moves)) != balance:
                raise Disagreement(f"account {account} never held {balance} after {moves} moves")
            start = max(start, self.place[account, moves])
            end = min(end, self.place.get((account, moves + 1), end))
        if start >= end:
            raise Disagreement(f"a sum that has move {start} but not move {end}: {seen}")
        if start >= self.begun_after(seen.ended):
            raise Disagreement(f"a sum that has what was sent after it ended: {seen}")
        if seen.is_current and end <= self.acknowledged_by(seen.began):
            raise Disagreement(f"a sum without what was acknowledged before it began: {seen}")


@dataclass
class Send:
    """A request with a ClientRequestToken. `content` names what it asks for; `answer` is one of
    MADE, REFUSED (cancelled), "mismatch" and UNKNOWN."""

    token: str
    content: str
    began: float
    ended: float
    answer: str


@dataclass
class _Remembered:
    """A token that may be remembered: `began` to `ended` is when it may have been written."""

    content: str
    began: float
    ended: float
    # Whether it is known to have been written at all.
    is_certain: bool


def check_tokens(sends, written):
    """A token writes once in ten minutes, whatever is sent with it, and anew after them.

    `written` says how often each token's content was written. Sends of one token may overlap where
    they ask for the same.
    """
    by_token = {}
    for send in sorted(sends, key=lambda send: send.began):
        by_token.setdefault(send.token, []).append(send)
    for token, sent in by_token.items():
        least, most = _writes_possible(sent)
        if not least <= written.get(token, 0) <= most:
            raise Disagreement(
                f"token {token} was written {written.get(token, 0)} times, possible are {least} to {most}: {sent}"
            )


def _writes_possible(sent):
    """The least and most writes that the sends of one token can have made; a wrong answer is raised."""
    least = most = 0
    held = None
    for send in sent:
        if held and send.began > held.ended + TOKEN_SECONDS:
            held = None
        is_in_time = held is not None and send.ended < held.began + TOKEN_SECONDS
        is_after = held is not None and send.began > held.ended
        is_repeat = held is not None and send.content == held.content
        if send.answer == "mismatch":
            if held is None or is_repeat:
                raise Disagreement(f"refused for another content, and there is none: {send}")
        elif send.answer == REFUSED:
            if is_in_time and is_after and held.is_certain:
                raise Disagreement(f"cancelled, though its token stands for {held}: {send}")
            if is_in_time and is_after:
                # So what nobody knew of was not written.
                most, held = most - 1, None
        elif is_repeat:
            if send.answer == MADE and not held.is_certain:
                least += 1
            if not is_in_time:
                # The token may have been forgotten meanwhile.
                most += 1
            if not (is_in_time and is_after and held.is_certain):
                held.ended = max(held.ended, send.ended)
            held.is_certain |= send.answer == MADE
        elif is_in_time and held.is_certain:
            if send.answer == MADE:
                raise Disagreement(f"made, though its token stands for {held}: {send}")
        else:
            is_made = send.answer == MADE
            least, most = least + is_made, most + 1
            held = _Remembered(send.content, send.began, send.ended, is_certain=is_made)
    return least, most


def read_moves(changes):
    """Takes the stream's records apart: moves of accounts, names of receipts made, and of those closed."""
    moves, made, closed = [], [], []
    for change in changes:
        if change.keys["pk"]["S"] != ACCOUNTS:
            (made if change.event == "INSERT" else closed).append(change.keys["sk"]["S"])
        elif change.event != "INSERT":
            old, new = account_state(change.old), account_state(change.new)
            if new.moves != old.moves + 1:
                raise Disagreement(f"record {change.number}: from {old.moves} moves to {new.moves}")
            moves.append(
                Move(new.transfer, new.account, new.balance - old.balance, new.moves, new.balance)
            )
    return moves, made, closed


def account_state(item):
    """An account's item as a move that led to it, without the difference."""
    if item is None:
        raise Disagreement("an account was closed")
    return Move(
        transfer=item["transfer"]["S"],
        account=int(item["sk"]["S"]),
        difference=0,
        moves=int(item["moves"]["N"]),
        balance=int(item["balance"]["N"]),
    )
