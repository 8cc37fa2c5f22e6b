"""Let a position be opened or added to only when nine checks in order allow it.

Says    the code of the first check that ends them, APPROVE for RISK_ENTRY_ALLOWED and RISK_ENTRY_SCALE_IN_ALLOWED,
        else REJECT; RESHAPE of a quote to what closes the position. Beside it an ENTRY_POLICY_DECISION with all that
        was compared. Seen and limit are the pair that decided. What rests counts as exposure and as a position.
Why     One place decides when capital is put at risk, and says why not. Without a readable portfolio every entry is
        refused, and no exit. The cooldowns start when an ENTRY is accepted; quotes and exits start none. A position's
        regime is that of its entry. Scale-ins are counted here, since venues merge positions.
Source  bots/library.toml; the checks stand in bots/maths/entry.py.
"""

from typing import Annotated

from bots.kit import Instant, Latest, On, Signal, State, Within, guard
from bots.maths import entries, standing
from bots.maths.entries import UNKNOWN, Ledger
from bots.maths.entry import SECOND_NS, EntryRules, Wish, judge, told
from contracts.intent import QUOTE, ApprovedIntent, GuardReport, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import Account, AuthorisedOrder, OrderUpdate, PositionState
from contracts.reasons import (
    RISK_ENTRY_ALLOWED,
    RISK_ENTRY_BYPASS_REDUCE_ONLY,
    RISK_ENTRY_COOLDOWN,
    RISK_ENTRY_INPUT_INVALID,
    RISK_ENTRY_LOW_CONFIDENCE,
    RISK_ENTRY_MAX_EXPOSURE,
    RISK_ENTRY_MAX_POSITIONS,
    RISK_ENTRY_REGIME_RULE,
    RISK_ENTRY_SCALE_IN_ALLOWED,
    RISK_ENTRY_SCALE_IN_REFUSED,
    RISK_POLICY_UNAVAILABLE,
)
from contracts.signal import SignalReport

GATE, EVENT = "risk.entry_policy", "ENTRY_POLICY_DECISION"
SIGNAL_AGE_MS = 60_000  # the catalogue's freshness of SignalReport
Volatility = Annotated[Latest[SignalReport | None], Signal("volatility"), Within(ms=SIGNAL_AGE_MS)]


class Config(EntryRules):
    """The limits of the nine checks."""


class Entered(State):
    """What is held and rests, on which terms, and when an entry was last accepted."""

    ledger: Ledger = Ledger()


def note(config: Config, state: Entered, approved: On[ApprovedIntent], volatility: Volatility, now: Instant) -> Entered:
    """Note the terms of what may be executed, for the orders that come of it."""
    return Entered(entries.approved(state.ledger, approved, regime_of(volatility)))


def watch(
    config: Config,
    state: Entered,
    event: On[AuthorisedOrder | OrderUpdate | PositionState],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Entered:
    """Keep what is held and what rests."""
    keep_ns = config.cooldown_symbol_s * SECOND_NS
    ledger = entries.after(state.ledger, event, definition, now, keep_ns)
    return state if ledger is state.ledger else Entered(ledger)


def decide(
    config: Config,
    state: Entered,
    intent: On[OrderIntent],
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    volatility: Volatility,
    now: Instant,
) -> tuple[RiskVote, GuardReport]:
    """Vote on one intent."""
    view, ledger, quotes = None, state.ledger, intent.intent_kind == QUOTE
    if account is not None and entries.readable(account, position, now):
        unseen = standing.elsewhere(ledger, account)
        where = (intent.market_id, intent.side, quotes, intent.bundle_id, regime_of(volatility))
        view = standing.look(ledger, *where, unseen)
    confidence = intent.confidence_milli * 1_000
    wish = Wish(intent.intent_kind, intent.side, intent.size_lots, confidence, intent.reduce_only)
    return told(GATE, EVENT, intent.intent_id, judge(config, wish, view, now))


def regime_of(volatility: SignalReport | None) -> str:
    """Return the regime of a market; an unknown one is a bucket of its own."""
    return volatility.label if volatility is not None else UNKNOWN


BOT = guard(
    decide,
    note,
    watch,
    reasons={
        RISK_ENTRY_ALLOWED,
        RISK_ENTRY_BYPASS_REDUCE_ONLY,
        RISK_ENTRY_COOLDOWN,
        RISK_ENTRY_INPUT_INVALID,
        RISK_ENTRY_LOW_CONFIDENCE,
        RISK_ENTRY_MAX_EXPOSURE,
        RISK_ENTRY_MAX_POSITIONS,
        RISK_ENTRY_REGIME_RULE,
        RISK_ENTRY_SCALE_IN_ALLOWED,
        RISK_ENTRY_SCALE_IN_REFUSED,
        RISK_POLICY_UNAVAILABLE,
    },
    per="desk",
)
