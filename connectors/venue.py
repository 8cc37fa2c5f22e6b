"""Name what every venue of orders must be able to do, and what it may answer; each venue's module speaks its dialect.

A venue never guesses: an answer that may or may not have reached it is `Ambiguous`, and only proof from the venue, or a
person, ends that (`operators/outbox.py`). Prices, sizes and money are integers in the market's own units; a venue's
module spells them in decimals. No module holds a key: what must be signed goes to the signer (`connectors/signer.py`).
"""

from dataclasses import dataclass
from typing import Protocol

from connectors.errors import EdgeError
from contracts.order import PlannedOrder, VenueOrderEvent

# What a venue says of an order that it knows.
RESTING, FILLED, CANCELLED, REJECTED, EXPIRED = "RESTING", "FILLED", "CANCELLED", "REJECTED", "EXPIRED"


class VenueFailed(EdgeError):
    """A venue did not do what it was asked to; the message names it, the request and the answer, never a secret.

    code  the venue's own word or the HTTP status, for people and counters
    """

    def __init__(self, message: str, code: str = "") -> None:
        """Take the message, and the venue's own word."""
        super().__init__(message)
        self.code = code


class Retryable(VenueFailed):
    """Proven not to have been carried out; the same may be tried again, after `after_s` seconds."""

    def __init__(self, message: str, code: str = "", after_s: float = 0.0) -> None:
        """Take the message, the venue's own word, and when to try again."""
        super().__init__(message, code)
        self.after_s = after_s


class Final(VenueFailed):
    """Refused for good; nothing was done, and the same again would be refused too."""


class Ambiguous(VenueFailed):
    """It may or may not have been carried out; only a look-up can tell, never a second try."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a venue's module must know of a market to spell an order in it.

    market_id   ours;  symbol  the venue's own id
    tick_micros, lot_micros   one tick and one lot, in millionths
    grid_ticks  price 1 in ticks for binaries; 0 for perpetuals
    neg_risk    the event's outcomes exclude each other (Polymarket: another exchange contract)
    complement_id  the other outcome's token, where outcomes are separate tokens; empty where one book serves both
    """

    market_id: str
    symbol: str
    tick_micros: int
    lot_micros: int
    grid_ticks: int
    neg_risk: bool = False
    complement_id: str = ""


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue knows it.

    client_order_id  ours; empty where the venue does not say it
    venue_order_id   the venue's
    market_id        ours
    state            RESTING, FILLED, CANCELLED, REJECTED or EXPIRED
    side             1 buy, -1 sell, on the YES scale
    price_ticks, size_lots, filled_lots
    detail           the venue's word for a refusal
    """

    client_order_id: str
    venue_order_id: str
    market_id: str
    state: str
    side: int
    price_ticks: int
    size_lots: int
    filled_lots: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VenueFill:
    """A match as the venue states it. `settled` and `failed` are an axis of their own (Polymarket: MATCHED .. FAILED).

    trade_id         the venue's id, unique in the account
    venue_order_id, client_order_id (empty where not said), market_id, side, price_ticks, size_lots, fee_micros
    liquidity        maker or taker
    at_ns            the venue's time
    """

    trade_id: str
    venue_order_id: str
    client_order_id: str
    market_id: str
    side: int
    price_ticks: int
    size_lots: int
    fee_micros: int
    liquidity: str
    at_ns: int
    settled: bool = True
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Every page of a list, or what could be read of it; an incomplete one proves nothing.

    rows      orders or fills
    complete  every page was read
    """

    rows: tuple[VenueOrder, ...] | tuple[VenueFill, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the venue says the account holds: cash in micros, (market_id, signed lots on the YES scale)."""

    cash_micros: int
    positions: tuple[tuple[str, int], ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a venue can do, by which the submitter decides.

    finds_by_client_id  a look-up by client id exists and sees closed orders too
    refuses_repeats     the same client id twice is refused, never carried out twice (while the first is known)
    dead_man_s          time-out of its dead man's switch; 0 none
    cancel_batch        cancels in one request
    cancels_per_s       documented rate of cancel requests
    window_ms           how long a request in flight may still be accepted (receive window, or signed expiry)
    """

    finds_by_client_id: bool
    refuses_repeats: bool
    dead_man_s: float
    cancel_batch: int
    cancels_per_s: float
    window_ms: int


class Venue(Protocol):
    """A venue's order endpoints for one account. Blocking; every call has a time limit of its own.

    Every method raises Retryable, Final or Ambiguous, and nothing else from the network.
    """

    venue_id: str
    can: Abilities

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order under its client_order_id; returns the order as the venue then knows it."""

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        """Take an order back; None when the venue no longer knows it. Repeating a cancel is harmless."""

    def cancel_all(self, market_id: str = "") -> int:
        """Take back everything, or everything in a market; returns how many the venue said are gone."""

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        """Look an order up by our id, closed ones too; None when the venue has none. What that proves: Abilities."""

    def open_orders(self) -> Page:
        """Return every resting order of the account."""

    def fills(self, since_ns: int) -> Page:
        """Return the matches of the account since a time, oldest first."""

    def holdings(self) -> Holdings:
        """Return cash and positions."""

    def server_time_ns(self) -> int:
        """Return the venue's clock."""

    def arm(self) -> None:
        """Arm or renew the dead man's switch; does nothing where the venue has none."""

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        """Return what the user channel said since the last call, waiting at most `timeout_s`; empty without one."""

    def close(self) -> None:
        """Close every connection."""
