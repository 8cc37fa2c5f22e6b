"""Name what a submitter is made of, and what it counts; the loop itself is flows/submit.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from connectors.inbox import Inbox
from connectors.outbox import Event, Outbox
from connectors.stops import Stops
from connectors.venue import Terms, Venue
from contracts.control import IncidentReport
from contracts.ids import symbol_of
from contracts.intent import RiskVote
from contracts.market import MarketDefinition
from contracts.order import AuthorisedOrder
from operators.last_gate import Limits, Quote, Scope, priced

OPENED_BY = "flows.submit"
P1 = "P1"


class Quotes(Protocol):
    """Where the newest touch of each market is received, in this process."""

    def newest(self, market_id: str) -> Quote | None:
        """Return the newest touch that was received; None for none. Never waits."""


class Signer(Protocol):
    """Whoever signs before a venue is asked; a venue that has its own signer needs none."""

    def sign(self, order: AuthorisedOrder, terms: Terms) -> None:
        """Make the signature ready; raises VenueFailed where there is none to be had."""


Deliver = Callable[[Sequence[Event]], None]
Revalidate = Callable[[AuthorisedOrder, MarketDefinition, Quote | None, Limits, int], RiskVote]


@dataclass(slots=True)
class Parts:
    """What a submitter is made of: one account at one venue.

    mode, account  whose
    markets        what is known of each market that may be traded
    deliver        takes what goes back to desks; the same again after a crash, under the same numbers
    clock          wall time in ns;  sleep  waits seconds
    poll_s         how often orders and fills are compared with the venue's;  look_s  how often doubts are looked up
    clock_error_ms the venue's clock may differ by so much
    """

    venue: Venue
    outbox: Outbox
    inboxes: Sequence[Inbox]
    stops: Stops
    quotes: Quotes
    markets: Mapping[str, MarketDefinition]
    mode: str
    account: str
    scope: Scope
    limits: Limits
    clock: Callable[[], int]
    sleep: Callable[[float], None]
    deliver: Deliver
    revalidate: Revalidate = priced
    signer: Signer | None = None
    heartbeat: Path | None = None
    poll_s: float = 2.0
    look_s: float = 1.0
    clock_error_ms: int = 1_500
    terms: dict[str, Terms] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Spell each market as the venue's module wants it."""
        self.terms = {market_id: terms_of(each) for market_id, each in self.markets.items()}


@dataclass(slots=True)
class Counts:
    """What happened since the start, for the heartbeat and for tests."""

    admitted: int = 0
    repeats: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    ambiguous: int = 0
    cancels: int = 0
    fills: int = 0
    told: int = 0
    errors: int = 0
    last_error: str = ""
    reasons: dict[str, int] = field(default_factory=dict)

    def error(self, err: BaseException) -> None:
        """Count a failure that the loop outlived."""
        self.errors, self.last_error = self.errors + 1, f"{type(err).__name__}: {err}"[:300]


def terms_of(definition: MarketDefinition) -> Terms:
    """Return what a venue's module must know of a market."""
    return Terms(
        definition.market_id,
        symbol_of(definition.venue_id, definition.market_id),
        definition.tick_micros,
        definition.lot_micros,
        definition.grid_ticks,
        definition.neg_risk,
        definition.complement_id,
    )


def incident(about: str, family: str, reason: str, *evidence: str, scope: str = "account") -> IncidentReport:
    """Return what a person must see; the same cause has the same key."""
    return IncidentReport(f"{OPENED_BY}/{family}/{about}"[:128], scope, family, P1, evidence, OPENED_BY, reason)
