"""Compare what a chain or venue shows of an account with what the desk's own books say, and say what may be spent.

    own cash      = start + sum over markets of (realised - fees + funding - worst loss of what is held)     binaries
    own cash      = start + sum over markets of (realised - fees + funding)                                  perpetuals
    chain's cash  = collateral + value of pairs of both outcomes that the own books have netted to cash already
    chain's net   = tokens of the market - tokens of its complement
    spendable     = min(theirs, own) - reserved; of a chain, pairs are not spendable before they are merged

A source speaks of the past: it is compared with the books of that moment, and moved by what was filled since, so that
a fill which it cannot know yet is no disagreement. Two numbers disagree when they are further apart than an amount and
than a share of the larger one, both. Cash of a venue is what it holds for the account, reserved for resting orders or
not; amounts in micros.
Source: catalogue rule of sec.chain_state_verifier; average-cost inventory as in bots/maths/positions.py.
"""

from typing import NamedTuple

from msgspec import Struct

from bots.maths.chain_views import Provider
from bots.maths.notional import loss
from bots.maths.ordered import find, put
from bots.maths.outlays import affordable, needs
from bots.maths.reserves import Rest, lots
from contracts.intent import NO_LIMIT
from contracts.market import Kind, MarketDefinition
from contracts.order import MERGE, PlannedOrder, PositionState

MILLION = 1_000_000


class Booked(Struct, frozen=True, gc=False):
    """What the own books say of one market: signed lots, what it adds to cash, its lot and its other outcome."""

    lots: int
    cash_micros: int
    margin_micros: int
    lot_micros: int
    complement_id: str


class Books(Struct, frozen=True, gc=False):
    """Every market that was ever held, by its id."""

    ids: tuple[str, ...] = ()
    booked: tuple[Booked, ...] = ()


Then = tuple[tuple[str, Books], ...]
VENUE = ""


class Money(NamedTuple):
    """Cash from both sides in micros; `theirs_free` is what of it can be spent there now."""

    theirs: int
    theirs_free: int
    own: int


class Holding(NamedTuple):
    """What is held in a market from both sides, in lots.

    long_lots, short_lots   of YES and of NO as they show it
    own_lots                signed, in the books of this market
    theirs_net, own_net     signed, over both outcomes: what must agree
    """

    long_lots: int
    short_lots: int
    own_lots: int
    theirs_net: int
    own_net: int


def entered(books: Books, position: PositionState, definition: MarketDefinition) -> Books:
    """Return the books after a position changed."""
    binary = definition.instrument_kind == Kind.BINARY
    cash = position.realised_micros - position.fees_micros + position.funding_micros
    booked = Booked(
        position.size_lots,
        cash - (position.exposure_micros if binary else 0),
        0 if binary else abs(position.cost_micros),
        definition.lot_micros,
        definition.complement_id,
    )
    place = find(books.ids, position.market_id)
    ids = books.ids if place >= 0 else put(books.ids, place, position.market_id)
    return Books(ids, put(books.booked, place, booked))


def held(books: Books) -> dict[str, int]:
    """Return signed lots by market."""
    return {market: booked.lots for market, booked in zip(books.ids, books.booked, strict=True)}


def remembered(then: Then, name: str, books: Books) -> Then:
    """Return the books as they were when each source spoke, after one spoke again."""
    return (*(entry for entry in then if entry[0] != name), (name, books))


def books_then(then: Then, name: str, books: Books) -> Books:
    """Return the books as they were when a source last spoke; the present ones when that is not known."""
    return next((old for source, old in then if source == name), books)


def own_cash(books: Books, start_micros: int) -> int:
    """Return the cash that the own books say there is."""
    return start_micros + sum(booked.cash_micros for booked in books.booked)


def margin(books: Books, leverage: float) -> int:
    """Return the margin that open perpetuals hold, rounded up."""
    notional = sum(booked.margin_micros for booked in books.booked)
    return -(-notional * 1_000 // max(1_000, round(leverage * 1_000)))


def chain_cash(believed: tuple[Provider, ...], books: Books, then: Then) -> tuple[int, int]:
    """Return (collateral with the pairs that the books count as cash, collateral alone) by whoever shows least."""
    shown = []
    for known in believed:
        old = books_then(then, known.said.provider, books)
        moved, cash = own_cash(books, 0) - own_cash(old, 0), known.said.cash_micros
        shown.append((cash + _pairs(dict(known.said.tokens), old) + moved, cash + min(0, moved)))
    return min(shown)


def _pairs(tokens: dict[str, int], books: Books) -> int:
    """Return the value of pairs of both outcomes that a chain shows and the books do not hold as two positions."""
    own, seen, total = held(books), set[str](), 0
    for market, booked in zip(books.ids, books.booked, strict=True):
        other = booked.complement_id
        if not other or market in seen:
            continue
        seen |= {market, other}
        yes, no = booked.lots, own.get(other, 0)
        kept = min(max(0, yes) + max(0, -no), max(0, no) + max(0, -yes))
        total += (min(tokens.get(market, 0), tokens.get(other, 0)) - kept) * booked.lot_micros
    return total


def chain_holding(believed: tuple[Provider, ...], books: Books, then: Then, definition: MarketDefinition) -> Holding:
    """Return what is held in a market of separate tokens, each token by the provider that shows least of it.

    What was sold since is taken off; what was bought since counts when a provider shows it.
    """
    market, other, own = definition.market_id, definition.complement_id, held(books)
    shown = []
    for known in believed:
        tokens, old = dict(known.said.tokens), held(books_then(then, known.said.provider, books))
        yes, no, moved = tokens.get(market, 0), tokens.get(other, 0), own.get(market, 0) - old.get(market, 0)
        net = yes - no + moved - own.get(other, 0) + old.get(other, 0)
        shown.append((yes + min(0, moved), no + min(0, -moved), net))
    longs, shorts, nets = zip(*shown, strict=True)
    own_net = own.get(market, 0) - own.get(other, 0)
    furthest = max(nets, key=lambda net: abs(net - own_net))
    return Holding(min(longs), min(shorts), own.get(market, 0), furthest, own_net)


def venue_holding(positions: tuple[tuple[str, int], ...], books: Books, then: Then, market_id: str) -> Holding:
    """Return what is held in a market of one book, by the venue's account and what was filled since."""
    own, old = held(books).get(market_id, 0), held(books_then(then, VENUE, books)).get(market_id, 0)
    theirs = dict(positions).get(market_id, 0) + own - old
    return Holding(max(0, theirs), max(0, -theirs), own, theirs, own)


def venue_cash(cash_micros: int, books: Books, then: Then) -> int:
    """Return the venue's cash, moved by what was filled since it was stated."""
    return cash_micros + own_cash(books, 0) - own_cash(books_then(then, VENUE, books), 0)


def apart(one_micros: int, other_micros: int, tol_micros: int, tol_frac_micros: int) -> bool:
    """True when two amounts are further apart than an amount and than a share (millionths) of the larger one."""
    gap, larger = abs(one_micros - other_micros), max(abs(one_micros), abs(other_micros))
    return gap > tol_micros and gap * MILLION > tol_frac_micros * larger


class Finding(NamedTuple):
    """What a plan may have: SHORT with the largest size of each order, or what does not hold.

    word   COVERED, SHORT or APART
    seen, limit   what can be spent and what is needed (micros; lots of tokens or position), or the two that differ
    size_lots, worth_micros   for SHORT, the most that each order may have, and what all of them then spend or give
    """

    word: str
    seen: int
    limit: int
    size_lots: int = 0
    worth_micros: int = 0


COVERED, SHORT, APART = "COVERED", "SHORT", "APART"


def covered(
    definition: MarketDefinition,
    placed: tuple[PlannedOrder, ...],
    money: Money,
    position: Holding,
    rests: tuple[Rest, ...],
    reserved_micros: int,
    leverage: float,
    tolerance: tuple[int, int],
) -> Finding:
    """Return whether orders can be paid for; `rests` and `reserved_micros` are what living orders may still take.

    Tolerance in micros and in millionths. Costs one look at each order.
    """
    cash = given = dearest = buyers = givers = 0
    free_lots = NO_LIMIT
    left = {side: _against(position, side) - lots(rests, definition.market_id, side) for side in (1, -1)}
    for child in placed:
        taken = needs(definition, child, left[child.side], leverage)
        if taken.lots:
            free_lots = min(free_lots, left[child.side] if child.reduce_only else NO_LIMIT)
        if child.reduce_only:
            given, givers = given + taken.lots, givers + 1
        left[child.side] -= 0 if child.reduce_only else taken.lots
        if taken.cash_micros:
            cash, dearest, buyers = cash + taken.cash_micros, max(dearest, taken.unit), buyers + 1
    if cash and apart(money.theirs, money.own, *tolerance):
        return Finding(APART, money.theirs, money.own)
    price = max((child.price_ticks for child in placed), default=0) * definition.tick_micros
    value = min(price, MILLION) if definition.grid_ticks else price
    nets = position.theirs_net, position.own_net
    worth = [size * value * definition.lot_micros // MILLION for size in nets]
    if (given or nets[0] * nets[1] < 0) and apart(worth[0], worth[1], *tolerance):
        return Finding(APART, *nets)
    free = min(money.theirs_free, money.own) - reserved_micros
    if given and given > free_lots:
        size = max(0, free_lots) // givers  # what only reduces is worth cutting to, however little is left
        return Finding(SHORT, max(0, free_lots), given, size, NO_LIMIT if size >= definition.min_size_lots else 0)
    if cash > free:
        size = affordable(free, dearest, buyers)
        return Finding(SHORT, max(0, free), cash, size, loss(dearest, size) * buyers)
    return Finding(COVERED, free, cash) if cash else Finding(COVERED, max(0, free_lots) if given else 0, given)


def _against(position: Holding, side: int) -> int:
    """Return the lots held against a side, by the source that shows fewer."""
    theirs = position.long_lots if side < 0 else position.short_lots
    return max(0, min(theirs, -side * position.own_lots))


def shown_tokens(known: Provider, child: PlannedOrder, complement_id: str) -> int:
    """Return the tokens that a provider shows for an operation: pairs for a merge, otherwise those of the market."""
    tokens = dict(known.said.tokens)
    own, other = tokens.get(child.market_id, 0), tokens.get(complement_id, 0)
    return min(own, other) if child.action == MERGE else max(own, other)
