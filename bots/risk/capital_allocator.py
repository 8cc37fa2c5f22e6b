"""Decide how much capital an approved entry may use.

Says    RESHAPE to what the allocation and every cap leave, REJECT when that is below the minimum trade or when money,
        price band, fee or volatility is unknown, otherwise APPROVE; a CAPITAL_ALLOCATION with all that was compared.
        Seen is what was asked for, limit what is granted, both in micros.
Why     Caps are on notional, after leverage, with what rests counted as filled and fees on top, rounded down to lots,
        so that no rounding passes a cap. Available is equity less the worst case of what is held and rests. What only
        closes a position draws on nothing. An ENTRY rests on a belief, and so does what names a model's probability:
        these stay under a fraction of Kelly's stake at the cautious end of the fair value's band.
Source  bots/library.toml; Kelly, J. (1956); Thorp, E. (2006); bots/maths/sizing.py.
"""

from typing import Annotated

from bots.kit import DeskContext, Instant, Latest, On, Signal, State, Within, guard
from bots.maths import capital, entries
from bots.maths.entry import Ruling, told
from bots.maths.notional import reduces
from bots.maths.sizing import CapitalRules, Price, allocate
from bots.maths.standing import elsewhere
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, NO_LIMIT, QUOTE, REJECT, GuardReport, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import Account, AuthorisedOrder, OrderUpdate, PositionState
from contracts.reasons import (
    RISK_CAPITAL_GRANTED,
    RISK_CAPITAL_TRIMMED,
    RISK_CAPITAL_UNKNOWN,
    RISK_ENTRY_INPUT_INVALID,
    RISK_ENTRY_INSUFFICIENT_CAPITAL,
)
from contracts.signal import FairValue, SignalReport

GATE, EVENT = "risk.capital_allocator", "CAPITAL_ALLOCATION"
SIGNAL_AGE_MS, FAIR_AGE_MS = 60_000, 10_000  # the catalogue's freshness


class Config(CapitalRules):
    """Coefficients and caps; leverage of perpetuals."""


class Spent(State):
    """What is held and rests, by market and strategy."""

    ledger: entries.Ledger = entries.Ledger()


def watch(
    config: Config,
    state: Spent,
    event: On[AuthorisedOrder | OrderUpdate | PositionState],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Spent:
    """Keep what is held and what rests."""
    ledger = entries.after(state.ledger, event, definition, now, 0)
    return state if ledger is state.ledger else Spent(ledger)


def decide(
    config: Config,
    state: Spent,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    fair: Annotated[Latest[FairValue | None], Within(ms=FAIR_AGE_MS)],
    volatility: Annotated[Latest[SignalReport | None], Signal("volatility"), Within(ms=SIGNAL_AGE_MS)],
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    policy: Latest[PolicyBundle | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[RiskVote, GuardReport]:
    """Vote on one intent."""
    ledger, quotes = state.ledger, intent.intent_kind == QUOTE
    unseen = elsewhere(ledger, account) if account is not None else 0
    price = Price(*entries.costs(definition, intent.side, intent.price_ticks))
    found = capital.room(ledger, intent.market_id, intent.side, price.unit, quotes, unseen)
    ruling = Ruling(REJECT, RISK_CAPITAL_UNKNOWN, 0, ())
    closes = 0 < intent.size_lots <= found.free and not (position is not None and position.drift)
    if closes or reduces(intent, position):
        numbers = (("size_lots", intent.size_lots), ("closing_lots", found.free))
        ruling = Ruling(APPROVE, RISK_CAPITAL_GRANTED, NO_LIMIT, numbers)
    elif not 0 <= intent.confidence_milli <= 1_000:
        numbers = (("confidence_milli", intent.confidence_milli), ("max_confidence_milli", 1_000))
        ruling = Ruling(REJECT, RISK_ENTRY_INPUT_INVALID, 0, numbers)
    elif account is not None and entries.readable(account, position, now):
        known = capital.funds(config, ledger, found, intent, definition, fair, volatility, account, policy, desk)
        if known is not None:
            ruling = allocate(config, known, price, intent.size_lots)
    return told(GATE, EVENT, intent.intent_id, ruling)


BOT = guard(
    decide,
    watch,
    reasons={
        RISK_CAPITAL_GRANTED,
        RISK_CAPITAL_TRIMMED,
        RISK_CAPITAL_UNKNOWN,
        RISK_ENTRY_INPUT_INVALID,
        RISK_ENTRY_INSUFFICIENT_CAPITAL,
    },
    per="desk",
)
