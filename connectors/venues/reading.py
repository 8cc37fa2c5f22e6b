"""Read what venues state of orders and fills into the market's own units, and remember which order is which.

Venues spell sizes and prices as decimals; a row that cannot be read exactly makes its page incomplete, and is never
guessed. A match that is not on the grid (an average of several) is rounded by one tick against us.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from connectors.venue import Terms, VenueFill
from operators.normalise.spelling import MILLION, micros_of

REMEMBERED = 65_536


class Unread(ValueError):
    """A row of a venue cannot be read; the message names the field."""


def field(row: Mapping[str, object], name: str) -> object:
    """Return a field; raises Unread without it."""
    if name not in row or row[name] is None:
        raise Unread(name)
    return row[name]


def text(row: Mapping[str, object], name: str) -> str:
    """Return a field that is a text and not empty; raises Unread."""
    found = field(row, name)
    if not isinstance(found, str) or not found:
        raise Unread(name)
    return found


def micros(row: Mapping[str, object], name: str) -> int:
    """Return a decimal field in millionths, an empty text as 0; raises Unread for one that is none."""
    found = field(row, name)
    units = 0 if found == "" else micros_of(found)
    if units is None:
        raise Unread(name)
    return units


def lots(units: int, terms: Terms) -> int:
    """Return millionths of a contract in lots, cut: what is less than a lot is not counted as one."""
    return units // terms.lot_micros


def ticks(price_micros: int, side: int, terms: Terms) -> int:
    """Return a price in ticks; between two, the one that is worse for `side`."""
    down, rest = divmod(price_micros, terms.tick_micros)
    return down + 1 if rest and side > 0 else down


def whole(value: object) -> int:
    """Return a number, or its text, as an integer; raises Unread for one that is none."""
    if isinstance(value, bool):
        raise Unread("a number")
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) or (isinstance(value, str) and value):
        try:
            return int(Decimal(value))
        except (ArithmeticError, ValueError):
            raise Unread("a number") from None
    raise Unread("a number")


class Markets:
    """What is known of markets, by the venue's own ids; what nobody said is spelled on the venue's finest grid."""

    def __init__(self, known: Iterable[Terms], finest: Callable[[str], Terms]) -> None:
        """Take the markets that the desk trades, and the terms of any other."""
        self._own: dict[str, Terms] = {}
        self._other: dict[str, Terms] = {}
        self._finest = finest
        for terms in known:
            self.add(terms)

    def add(self, terms: Terms) -> None:
        """Know a market, and its complement as the other side of it."""
        self._own[terms.symbol] = terms
        if terms.complement_id:
            self._other[terms.complement_id] = terms

    def of(self, symbol: str) -> Terms:
        """Return the terms of a symbol: its own market's, or those of the market whose complement it is."""
        found = self._own.get(symbol) or self._other.get(symbol)
        return found or self._finest(symbol)

    def symbol(self, market_id: str) -> str:
        """Return the venue's id of a market of ours; the id itself where nobody said."""
        return next((terms.symbol for terms in self._own.values() if terms.market_id == market_id), market_id)


class Known(NamedTuple):
    """What is remembered of an order: our id, its market, and its size in millionths, which tells a venue's unit."""

    client_order_id: str
    terms: Terms | None = None
    size_micros: int = 0


class Names:
    """Which venue order is which of ours; bounded, the oldest is forgotten first."""

    def __init__(self) -> None:
        """Know none."""
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._theirs: dict[str, str] = {}

    def keep(self, client_order_id: str, venue_order_id: str, terms: Terms | None = None, size_micros: int = 0) -> None:
        """Remember a pair; an empty id is none."""
        if not client_order_id or not venue_order_id:
            return
        self._known[venue_order_id] = Known(client_order_id, terms, size_micros)
        self._theirs[client_order_id] = venue_order_id
        while len(self._known) > REMEMBERED:
            _, old = self._known.popitem(last=False)
            self._theirs.pop(old.client_order_id, None)

    def known(self, venue_order_id: str) -> Known:
        """Return what is remembered; an empty record where nobody said."""
        return self._known.get(venue_order_id, _NOBODY)

    def ours(self, venue_order_id: str) -> str:
        """Return our id; empty where nobody said."""
        return self.known(venue_order_id).client_order_id

    def theirs(self, client_order_id: str) -> str:
        """Return the venue's id; empty where nobody said."""
        return self._theirs.get(client_order_id, "")


_NOBODY = Known("")


class Seen:
    """Which fills were told already, each rung of its ladder once; bounded."""

    def __init__(self) -> None:
        """Have told none."""
        self._told: OrderedDict[tuple[str, str, bool, bool], None] = OrderedDict()

    def fresh(self, fills: Iterable[VenueFill]) -> Iterator[VenueFill]:
        """Yield what was not told before."""
        for fill in fills:
            key = (fill.trade_id, fill.venue_order_id, fill.settled, fill.failed)
            if key in self._told:
                continue
            self._told[key] = None
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            yield fill


def finest(tick_micros: int, lot_micros: int) -> Callable[[str], Terms]:
    """Return the terms of markets that nobody described, on a venue's finest grid."""

    def of(symbol: str) -> Terms:
        return Terms(symbol, symbol, tick_micros, lot_micros, MILLION // tick_micros)

    return of
