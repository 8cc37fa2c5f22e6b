"""Keep the desk's money as the sum of its positions, moved by one position at a time.

Guards ask for equity on every intent, so it is never summed again: when a market's position changes, the account moves
by the difference, at constant cost. The day opens at midnight UTC with the equity of that moment; the peak only rises.
A held market without a mark makes equity unknown: it is counted in `unpriced`, and guards fail closed on it.
"""

from collections.abc import Sequence

from msgspec import structs

from contracts.market import MarketDefinition
from contracts.order import Account, PositionState
from operators.settlement import ENDED

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
RENEW_NS = 60 * SECOND_NS


def add(account: Account, old: PositionState | None, new: PositionState, now: int) -> Account:
    """Return the account after one market's position went from `old` (None: never held) to `new`; `now` in ns."""
    before = old.total_micros if old is not None else 0
    equity = account.equity_micros + new.total_micros - before
    return Account(
        account.account,
        account.start_micros,
        equity,
        _day_open(account, now),
        max(account.peak_micros, equity),
        account.exposure_micros + new.exposure_micros - (old.exposure_micros if old is not None else 0),
        account.unpriced + _unpriced(new) - (_unpriced(old) if old is not None else 0),
        now,
    )


def _day_open(account: Account, now: int) -> int:
    """Return the equity at the start of the day: the first touch after midnight opens it with what was last known."""
    if account.updated_ns and now // DAY_NS != account.updated_ns // DAY_NS:
        return account.equity_micros
    return account.day_open_micros


def _unpriced(position: PositionState) -> int:
    return 1 if position.size_lots and position.mark_micros < 0 else 0


def renewed(account: Account, now: int) -> Account:
    """Return the account confirmed at `now`: every market it holds was heard of, so its equity is still known."""
    return structs.replace(account, day_open_micros=_day_open(account, now), updated_ns=now)


def confirmed(account: Account, held: Sequence[tuple[MarketDefinition | None, bool, int]], now: int) -> Account | None:
    """Return the account confirmed at `now`, while every open market it holds has a believable, recent book; else None.

    `held` are (definition, book is usable, book's last confirmation in ns) of the markets held; of none nothing is
    confirmed. A market that has ended and is not paid yet keeps its last mark: no book can confirm it any more.
    """
    if held and all(_ended(known, now) or (usable and now - at_ns <= RENEW_NS) for known, usable, at_ns in held):
        return renewed(account, now)
    return None


def _ended(definition: MarketDefinition | None, now: int) -> bool:
    """True when a market's life is over, by its status or by the clock."""
    return definition is not None and (definition.status in ENDED or 0 < definition.expiry_ns <= now)
