"""Say what a report shows: plain values only, no envelope and no markup."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from web.series import Line


@dataclass(frozen=True, slots=True)
class Mark:
    """A fill, or a position paid at resolution.

    at_ns         when
    price_micros  price of one contract, in millionths
    side          1 bought or long, -1 sold or short
    size_micros   size, in millionths of a contract
    fee_micros    fee
    kind          maker, taker or settlement
    """

    at_ns: int
    price_micros: int
    side: int
    size_micros: int
    fee_micros: int
    kind: str


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a book could not be believed.

    start_ns  from
    end_ns    until; -1 it never was again
    cause     what brought it about
    """

    start_ns: int
    end_ns: int
    cause: str


@dataclass(frozen=True, slots=True)
class MarketView:
    """One market as the desk saw it and traded in it. Prices are millionths, sizes millionths of a contract.

    market_id  the venue's own id
    title      the venue's title; text from outside
    venue_id   the venue
    outcome    YES, NO or the outcome's name
    mid        middle of the book
    bid, ask   our best resting quotes
    inventory  what the desk holds; below zero is short
    fills      matches of our orders
    paid       settlements
    spells     times without a book that may be believed
    intents    how often a strategy asked
    result_micros  profit and loss of the market, marked; None when it never had a position
    """

    market_id: str
    title: str = ""
    venue_id: str = ""
    outcome: str = ""
    mid: Line = ()
    bid: Line = ()
    ask: Line = ()
    inventory: Line = ()
    fills: tuple[Mark, ...] = ()
    paid: tuple[Mark, ...] = ()
    spells: tuple[Spell, ...] = ()
    intents: int = 0
    result_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A run, ready to be shown.

    summary       the run's summary, with the keys of `pt run --json`
    markets       every market of the run, the most traded first
    equity        profit and loss of the desk, marked, in millionths
    votes         guard to verdict to count
    vote_reasons  code to how many votes gave it
    reasons       code to count, over everything said
    dead_letters  code to count
    desk          whose run it is
    start_ns      second of the first envelope
    end_ns        last envelope
    """

    summary: Mapping[str, object] = field(default_factory=dict)
    markets: tuple[MarketView, ...] = ()
    equity: Line = ()
    votes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    vote_reasons: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    desk: str = ""
    start_ns: int = 0
    end_ns: int = 0
