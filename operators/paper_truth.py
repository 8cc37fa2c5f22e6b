"""Say what the paper venue would say of itself and of the account: its health, and what it holds of ours.

A live desk hears both from outside. A paper desk's venue is `operators/paper_venue.py`, so its health is whether an
outage holds it, and what it says of the account follows from the same orders and fills that the desk was told. So a
guard that wants a second source finds one, and a paper desk runs behind the same guards as a live one.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from contracts.control import DeskConfigured
from contracts.market import ClockTick, Kind, MarketDefinition
from contracts.order import Account, AccountSnapshot, PositionState
from contracts.venue import VenueHealthSample
from operators.paper_venue import PaperVenue

EVERY_S = 1
SURFACES = ("rest_trade", "ws_market", "ws_user")
PAPER_MODES = frozenset({"paper", "shadow"})
QUOTA = 1_000  # requests that a paper venue always has left: what it cannot run out of
SUB_FROM = 0x800  # order events that fall due before a tick are numbered from 1, and are never this many
_SECOND_NS = 1_000_000_000


class MarketRow(Protocol):
    """What is read of a market's row; OwnOrders too, where somebody reads it."""

    MarketDefinition: MarketDefinition | None
    PositionState: PositionState | None


class PaperDesk(Protocol):
    """What is read of a desk."""

    @property
    def rows(self) -> Sequence[MarketRow]:
        """One for each market."""

    venue: PaperVenue
    configured: DeskConfigured
    account: Account


def is_due(tick: ClockTick, configured: DeskConfigured) -> bool:
    """True when the venue speaks at this tick: every second, on paper and in shadow."""
    return configured.desk_mode in PAPER_MODES and tick.at_ns // _SECOND_NS % EVERY_S == 0


def told(desk: PaperDesk, tick: int, now: int) -> list[VenueHealthSample | AccountSnapshot]:
    """Return all that the paper venue of a desk says at a tick; in an outage nothing of the account."""
    venues = {row.MarketDefinition.venue_id for row in desk.rows if row.MarketDefinition is not None}
    is_out = desk.venue.is_out(now)
    health = samples(venues, desk.configured.ack_latency_ms, is_out, tick, now)
    return [*health, *([] if is_out else [snapshot(desk.account, desk.rows, now)])]


def samples(venues: Iterable[str], latency_ms: int, is_out: bool, cause: int, at_ns: int) -> list[VenueHealthSample]:
    """Return a sample of each surface of each venue; during an outage every request failed."""
    made: list[VenueHealthSample] = []
    for venue_id in sorted(venues):
        for surface in SURFACES:
            fact = cause | (SUB_FROM + len(made))
            requests, errors = 1, int(is_out and surface != "ws_market")
            made.append(
                VenueHealthSample(
                    fact, at_ns, -1, venue_id, surface, latency_ms, requests, errors, 0, 0, QUOTA, maintenance=False
                )
            )
    return made


def snapshot(account: Account, rows: Sequence[MarketRow], at_ns: int) -> AccountSnapshot:
    """Return the account as the paper venue holds it: positions, resting orders, and cash not bound in positions.

    cash = equity - (what the open positions gained) - (what binaries can still lose), all in micros: a bought contract
    is paid for, a sold one is bought as its complement; a perpetual costs nothing but its fees.
    """
    known = [(row.PositionState, row.MarketDefinition) for row in rows if row.PositionState is not None]
    held = [position for position, _ in known if position.size_lots]
    gained = sum(position.unrealised_micros for position in held)
    bound = sum(
        position.exposure_micros for position, of in known if of is not None and of.instrument_kind == Kind.BINARY
    )
    positions = tuple((position.market_id, position.size_lots) for position in held)
    own = [orders for row in rows if (orders := getattr(row, "OwnOrders", None)) is not None]
    orders = tuple(order.client_order_id for book in own for order in book.orders)
    cash = account.equity_micros - gained - bound
    return AccountSnapshot(account.account, True, cash, positions, orders, at_ns)
