"""Build submitters for tests: markets, orders as a desk authorises them, an inbox that is a list, set quotes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.orders import Orders
from connectors.outbox import Event, Outbox
from connectors.stops import Stops
from contracts.envelope import Row
from contracts.ids import client_order_id, fact_id
from contracts.market import MarketDefinition
from contracts.order import CANCEL, AuthorisedOrder
from flows.submit import Submitter
from flows.submit_parts import Parts
from operators.last_gate import Limits, Quote, Scope
from operators.plan import AUTHORISE_RANK
from tests import world
from tests.flows.scripted_venue import Clock, ScriptedVenue

MARKETS = {f"KXRAIN-26JAN02-T{n}": world.definition(market_id=f"KXRAIN-26JAN02-T{n}") for n in range(4)}
FIRST, SECOND, THIRD, FOURTH = MARKETS
ALL = Scope()
FREE = Limits(cycle_orders=10_000, cycle_micros=10**15, order_age_ms=60_000)


def order_row(number: int, now_ns: int, market: str = FIRST, **child: object) -> Row:
    """Return the n-th authorised order: ten contracts bid at 44 unless said otherwise."""
    intent = f"i{number}"
    base = {"client_order_id": client_order_id(intent, 0, int(child.get("revision", 0))), "market_id": market}
    order = AuthorisedOrder(intent, "p1", world.STRATEGY, world.child(**{**base, **child}), (world.vote(),), "g")
    return Row(fact_id(1, number + 1), AUTHORISE_RANK, 0, now_ns, 0, order)


def cancel_row(of: Row, number: int = 900) -> Row:
    """Return the authorised cancel of an order."""
    child = world.child(
        **{name: getattr(of.payload.child, name) for name in of.payload.child.__struct_fields__ if name != "action"},
        action=CANCEL,
    )
    order = AuthorisedOrder(f"i{number}", "p2", world.STRATEGY, child, (world.vote(),), "g")
    return Row(fact_id(1, number), AUTHORISE_RANK, 0, of.at_ns, 0, order)


def id_of(row: Row) -> str:
    """Return an order's client id."""
    return str(row.payload.child.client_order_id)


@dataclass
class ListInbox:
    """An inbox that a test fills; it is read again from the noted place after a restart, as a file or a topic is."""

    rows: list[Row] = field(default_factory=list)
    desk_id: str = "lab"
    at: int = 0

    def begin(self, place: str) -> None:
        self.at = int(place or "0")

    def take(self, most: int) -> Orders:
        found = self.rows[self.at : self.at + most]
        self.at += len(found)
        return Orders(found, [], [])

    def place(self) -> str:
        return str(self.at)

    def close(self) -> None:
        pass


@dataclass
class SetQuotes:
    """Quotes as a test says; by default 44 at 46, received this moment."""

    clock: Clock
    said: dict[str, Quote | None] = field(default_factory=dict)

    def newest(self, market_id: str) -> Quote | None:
        return self.said.get(market_id, Quote(44, 46, 5_000, 5_000, self.clock()))


class Told:
    """What went back to desks, by number: what comes again under its number is the same thing."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self.repeats = 0

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            before = self.events.setdefault(event.number, event)
            assert before == event
            self.repeats += before is not event

    def of(self, order_id: str) -> list[str]:
        """Return the words on an order, in order."""
        found = sorted(self.events.items())
        return [event.said.event for _, event in found if event.said.client_order_id == order_id]


@dataclass
class Rig:
    """A submitter that can be begun again over the same folder, venue, inbox and clock."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    venue: ScriptedVenue | None = None
    inbox: ListInbox = field(default_factory=ListInbox)
    told: Told = field(default_factory=Told)
    limits: Limits = FREE
    scope: Scope = ALL
    mode: str = "paper"
    markets: dict[str, MarketDefinition] = field(default_factory=lambda: dict(MARKETS))
    environ: dict[str, str] = field(default_factory=dict)
    state: Path | None = None
    more: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.venue = self.venue or ScriptedVenue(self.clock)
        self.quotes = SetQuotes(self.clock)
        self.veto = self.folder / "veto"
        self.outbox: Outbox | None = None

    def begin(self) -> Submitter:
        """Begin, or begin again after a crash."""
        if self.outbox is not None:
            self.outbox.close()
        self.outbox = Outbox(self.folder / "outbox", self.mode, "acct")
        self.outbox._base.execute("PRAGMA synchronous=OFF")  # here a process dies, never a machine
        parts = Parts(
            self.venue, self.outbox, [self.inbox], Stops(self.veto, self.state, self.environ), self.quotes,
            self.markets, self.mode, "acct", self.scope, self.limits, self.clock, self.clock.sleep, self.told,
            **self.more,
        )  # fmt: skip
        submitter = Submitter(parts)
        submitter.start()
        return submitter

    def turns(self, submitter: Submitter, number: int = 4, seconds: float = 0.0) -> None:
        """Go round so many times, with time between."""
        for _ in range(number):
            submitter.turn()
            self.clock.sleep(seconds)

    def give(self, *rows: Row) -> None:
        """Let the desk authorise orders."""
        self.inbox.rows.extend(rows)

    def state_of(self, row: Row) -> str:
        """Return an order's state in the outbox."""
        found = self.outbox.row(id_of(row))
        return "" if found is None else found.state
