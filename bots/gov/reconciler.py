"""Compare the own orders, fills, positions and cash with what the venue and the chain say, and open a case for each.

Says    reconciliation every cycle of 60 s and at once when its label or its cases change: OK, TIMING (a difference is
        younger than `settle_s`), BREAK (one is real) or MISSING (a source was not whole for a minute); refs are the
        open cases. One IncidentReport per real break: what differs, why, since when, and the entry that would correct
        it, which nobody posts. Those above `hard_usd`, fills that never were, and any activity of a disabled desk are
        of the family that stops the desk; a smaller break, and a market that waits for its payout, are not.
Why     Books that are corrected in silence hide the fault that made them wrong. The first statement of a process is
        that of its first whole sources, so nothing is taken for clean at a start.
Source  bots/maths/breaks.py, own_books.py; bots/library.toml.

Each source is compared with the own books as they stood when it was taken; the earliest of those times is the common
one. A snapshot that is not whole, or older than the last, changes nothing. Where tokens are on a chain, cash is the
chain's; a paper desk has no chain. Of the chain the newest view that a quorum of providers agrees on counts. Runs in
the desk, which alone has its orders and positions as they come, and whose safety state its incidents must reach.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, DeskContext, Instant, Latest, On, Seconds, Signal, State, Usd, fold
from bots.maths import breaks, chain_views, own_books
from bots.maths.breaks import Breaks, is_disabled
from bots.maths.chain_views import Providers
from bots.maths.own_books import Ledger
from contracts.control import IncidentReport, PolicyBundle
from contracts.market import ClockTick, MarketDefinition, Settlement
from contracts.order import Account, AccountSnapshot, Fill, OrderUpdate, PositionState, VenueOrderEvent
from contracts.reasons import GOV_RECON_BREAK, GOV_RECON_OK, GOV_RECON_SOURCE_MISSING, GOV_RECON_TIMING
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot

SECOND_NS, SOURCE_MS = 1_000_000_000, 60_000  # the catalogue's freshness of both snapshots
PAPER = frozenset({"paper", "shadow"})
VENUE, CHAIN, WORD = "venue", "chain", "word"
REASONS = {
    "OK": GOV_RECON_OK,
    "TIMING": GOV_RECON_TIMING,
    "BREAK": GOV_RECON_BREAK,
    "MISSING": GOV_RECON_SOURCE_MISSING,
}


class Config(BotConfig):
    """How long anything may take to settle, below what a break is ignored, and above what it stops the desk."""

    settle_s: Seconds = 60
    warn_usd: Usd = 1_000_000
    hard_usd: Usd = 10_000_000


class Compared(State):
    """The own side, the providers of the chain, the open breaks, when each source was last whole, and what was said."""

    ledger: Ledger = Ledger()
    providers: Providers = Providers()
    breaks: Breaks = ()
    venue_ns: int = 0
    chain_ns: int = 0
    born_ns: int = 0
    said: tuple[str, ...] = ()
    said_ns: int = 0


Said = tuple[Annotated[SignalReport, Signal("reconciliation")] | IncidentReport, ...]


def follow(
    config: Config,
    state: Compared,
    event: On[PositionState | OrderUpdate | Fill | Settlement],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Compared:
    """Keep the own side."""
    if isinstance(event, PositionState):
        ledger = own_books.held(state.ledger, event, definition, now)
    elif isinstance(event, OrderUpdate):
        ledger = own_books.ordered(state.ledger, event, definition, now)
    elif isinstance(event, Fill):
        ledger = own_books.filled(state.ledger, event, definition, now)
    else:
        ledger = own_books.over(state.ledger, definition)
    return state if ledger is state.ledger else replace(state, ledger=ledger)


def settle(config: Config, state: Compared, event: On[VenueOrderEvent], now: Instant) -> Compared:
    """Keep which matches are final, and open a case for one that the venue takes back."""
    ledger = own_books.settled(state.ledger, event, now)
    return state if ledger is state.ledger else _with_failed(config, replace(state, ledger=ledger), now)


def account(
    config: Config,
    state: Compared,
    said: On[AccountSnapshot],
    desk: Latest[DeskContext],
    money: Latest[Account | None],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> Compared:
    """Compare orders, positions and cash with the venue's account."""
    at_ns, ledger = said.taken_ns, state.ledger
    books = own_books.books_at(ledger, at_ns)
    if said.account != desk.account or not said.complete or not state.venue_ns < at_ns <= now or books is None:
        return state
    start = money.start_micros if money is not None and not _needs_chain(ledger, desk) else None
    found = own_books.venue_differences(ledger, said, books, start, is_disabled(policy, desk.desk_id))
    ledger = own_books.forgiven(ledger, said, books, config.settle_s * SECOND_NS)
    kept = breaks.compared(state.breaks, VENUE, at_ns, found, config.warn_usd, config.settle_s * SECOND_NS)
    after = replace(state, ledger=own_books.pruned(ledger, at_ns), breaks=kept, venue_ns=at_ns)
    return after if ledger is state.ledger else _with_failed(config, after, now)


def chain(
    config: Config,
    state: Compared,
    said: On[ChainSnapshot],
    desk: Latest[DeskContext],
    money: Latest[Account | None],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> Compared:
    """Compare tokens and collateral with a provider's view, when enough others agree with it."""
    providers = chain_views.heard(state.providers, said) if said.account == desk.account else state.providers
    if providers is state.providers:
        return state
    state, agreeing = replace(state, providers=providers), chain_views.quorum(providers, now, SOURCE_MS).agreeing
    books = own_books.books_at(state.ledger, said.at_ns)
    believed = [known for known in agreeing if known.said is said]
    if not believed or len(agreeing) < chain_views.QUORUM or said.at_ns <= state.chain_ns or books is None:
        return state
    start = money.start_micros if money is not None else None
    found = own_books.chain_differences(state.ledger, believed[0], books, start, is_disabled(policy, desk.desk_id))
    kept = breaks.compared(state.breaks, CHAIN, said.at_ns, found, config.warn_usd, config.settle_s * SECOND_NS)
    return replace(state, breaks=kept, chain_ns=said.at_ns)


def beat(
    config: Config, state: Compared, tick: On[ClockTick], desk: Latest[DeskContext], now: Instant
) -> tuple[Compared, Said]:
    """Say what is due."""
    state = state if state.born_ns else replace(state, born_ns=int(now))
    kept, said = breaks.due(state.breaks, config.settle_s * SECOND_NS, config.hard_usd)
    if said:
        state = replace(state, breaks=kept)
    whole = [state.venue_ns, *([state.chain_ns] if _needs_chain(state.ledger, desk) else [])]
    age_ms = max(now - max(at_ns, state.born_ns) for at_ns in whole) // 1_000_000
    if age_ms <= SOURCE_MS and not all(whole):
        return state, said  # nothing is known yet
    report = breaks.statement(kept, REASONS, config.settle_s * SECOND_NS, age_ms, SOURCE_MS, int(now))
    spoken = (report.label, *report.refs)
    if spoken == state.said and now < state.said_ns + breaks.CYCLE_NS:
        return state, said
    return replace(state, said=spoken, said_ns=int(now - now % breaks.CYCLE_NS)), (report, *said)


def _needs_chain(ledger: Ledger, desk: DeskContext) -> bool:
    return desk.desk_mode not in PAPER and own_books.trades_on_chain(ledger)


def _with_failed(config: Config, state: Compared, now: Instant) -> Compared:
    found = own_books.failed_fills(state.ledger)
    return replace(
        state, breaks=breaks.compared(state.breaks, WORD, now, found, config.warn_usd, config.settle_s * SECOND_NS)
    )


BOT = fold(follow, settle, account, chain, beat, reasons=set(REASONS.values()), per="desk")
