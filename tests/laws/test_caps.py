"""No cap is passed by any path: entry policy, capital allocator, exposure limits and the gate, over drawn portfolios.

The oracle shares no code with the guards but the formula of a fee. It keeps positions and resting orders as they were
drawn, in fractions, fills each side of each market whole, so that what closes is what costs least, and charges the
dearer fee. `make soak` draws five million.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from bots.kit import DeskContext
from bots.maths import entries
from bots.maths.entries import Ledger
from bots.maths.fees import charge
from bots.maths.positions import worst_loss
from bots.risk import capital_allocator, entry_policy, exposure
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, ENTRY, EXIT, HEDGE, QUOTE, REJECT, RESHAPE, OrderIntent, RiskVote
from contracts.market import FeeModel, MarketDefinition
from contracts.order import Account, OrderUpdate, PositionState
from contracts.policy import DeskRole, Slice
from operators import gate
from tests import world
from tests.world import NOW, SECOND, STRATEGY

USD = 1_000_000
GATES = ("risk.entry_policy", "risk.capital_allocator", "risk.exposure")
SKIPPED = ("risk.entry_policy", "risk.capital_allocator")
FEES = (FeeModel(), FeeModel("binary_quadratic", 70_000, 17_500, 100), FeeModel("linear_bps", 1_000, -200))
CLUSTER = world.signal(signal="cluster", label="c")
REGIMES = ("CALM", "NORMAL", "HOT", "UNKNOWN")
BLANK = world.plainest(PolicyBundle)


def _market(name: str, **more: Any) -> MarketDefinition:
    return world.definition(market_id=name, event_id=name, expiry_ns=NOW + 10**15, **more)


MARKETS = {
    "B1": _market("B1", lot_micros=10_000, fee=FEES[1]),
    "B2": _market("B2", lot_micros=USD, tick_micros=1_000, grid_ticks=1_000, fee=FEES[0]),
    "B3": _market("B3", lot_micros=USD, fee=FeeModel("binary_quadratic", 70_000, 0, 100, 0, 10_000)),
    "P1": _market("P1", lot_micros=1_000, tick_micros=100_000, grid_ticks=0, instrument_kind=1, fee=FEES[2]),
}


class Order(NamedTuple):
    """A resting order as drawn."""

    market_id: str
    side: int
    price_ticks: int
    lots: int
    reduce_only: bool = False


class Position(NamedTuple):
    """A position as drawn: signed lots and an entry price."""

    lots: int
    price_ticks: int


@dataclass
class Drawn:
    """One portfolio and one wish."""

    positions: dict[str, Position]
    orders: list[Order]
    wish: OrderIntent
    entry: entry_policy.Config
    capital: capital_allocator.Config
    limits: exposure.Config
    live_cap: int
    slice_cap: int
    equity: int


# ---- the oracle ---------------------------------------------------------------------------------------------------


def risked(market: MarketDefinition, side: int, price_ticks: int) -> Fraction:
    """Return what one lot may lose, in dollars."""
    price = Fraction(price_ticks * market.tick_micros, USD)
    at_risk = 1 - price if market.instrument_kind == 0 and side < 0 else price
    return at_risk * market.lot_micros / USD


def cost(order: Order, lots: int) -> Fraction:
    """Return what so many lots of an order may cost, the dearer of maker's and taker's fee on top."""
    market = MARKETS[order.market_id]
    value = risked(market, order.side, order.price_ticks) * lots
    if lots:
        price = order.price_ticks * market.tick_micros
        paid = [charge(market.fee, maker, order.side, price, lots, market.lot_micros)[0] for maker in (True, False)]
        value += Fraction(max(0, *paid), USD)
    return value


def filled(held: Position | None, orders: list[Order], side: int, market: MarketDefinition) -> Fraction:
    """Return what a side may cost once all of it is filled: it closes first, the cheapest, and then opens."""
    own = sorted((o for o in orders if o.side == side), key=lambda o: risked(market, side, o.price_ticks))
    lots = held.lots if held is not None else 0
    total = risked(market, side, held.price_ticks) * abs(lots) if held is not None and lots * side > 0 else Fraction(0)
    closing = max(0, -side * lots)
    for order in own:
        shut = min(closing, order.lots)
        closing -= shut
        total += cost(order, order.lots - shut)
    return total


def worst(drawn: Drawn, orders: list[Order], name: str) -> Fraction:
    """Return what a market may cost, fees included."""
    held, market = drawn.positions.get(name), MARKETS[name]
    own = [order for order in orders if order.market_id == name]
    return max(filled(held, own, side, market) for side in (1, -1))


def stressed(drawn: Drawn, orders: list[Order], name: str) -> Fraction:
    """Return a market's worst-case loss as risk.exposure means it: by outcome, perpetuals by their stress."""
    market, held = MARKETS[name], drawn.positions.get(name)
    falls = rises = Fraction(0)
    stress = Fraction(drawn.limits.perp_stress, USD) if market.instrument_kind else Fraction(1)
    if held is not None:
        side = 1 if held.lots > 0 else -1
        lose = risked(market, side, held.price_ticks) * abs(held.lots) * stress
        win = lose if market.instrument_kind else risked(market, -side, held.price_ticks) * abs(held.lots)
        falls, rises = (lose, -win) if side > 0 else (-win, lose)
    for order in orders:
        if order.market_id == name:
            lose = risked(market, order.side, order.price_ticks) * order.lots * stress
            falls, rises = (falls + lose, rises) if order.side > 0 else (falls, rises + lose)
    return max(falls, rises, Fraction(0))


# ---- what is drawn ------------------------------------------------------------------------------------------------


def draw(rng: Random) -> Drawn:
    """Draw a portfolio, a wish and the limits around them: often near the caps, sometimes past them."""
    positions, orders = {}, []
    for name, market in MARKETS.items():
        if rng.random() < 0.4:
            lots = rng.choice((1, -1)) * amount(rng, market)
            positions[name] = Position(lots, price(rng, market))
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            side = rng.choice((1, -1))
            orders.append(Order(name, side, price(rng, market), amount(rng, market), rng.random() < 0.1))
    name = rng.choice(list(MARKETS))
    market, kind, side = (
        MARKETS[name],
        rng.choice((ENTRY, ENTRY, ENTRY, QUOTE, QUOTE, HEDGE, EXIT)),
        rng.choice((1, -1)),
    )
    size = amount(rng, market) * rng.choice((1, 1, 3, 20))
    held = positions.get(name)
    if held is not None and rng.random() < 0.4:
        side = -1 if held.lots > 0 else 1
        size = rng.choice((abs(held.lots), max(1, abs(held.lots) - 1), abs(held.lots) + 1, size))
    wish = world.intent(
        market_id=name, intent_kind=kind, side=side, size_lots=size, price_ticks=price(rng, market),
        confidence_milli=rng.choice((650, 699, 700, 701, 760, 800, 1_000, 1_000)),
        reduce_only=rng.random() < 0.25, p_model_micros=rng.choice((-1, -1, 500_000)),
    )  # fmt: skip
    cap, whole = rng.choice((400, 1_000, 3_000)) * USD, rng.choice((1_000, 5_000)) * USD
    entry = entry_policy.Config(
        max_exposure_symbol_usd=cap, max_exposure_total_usd=whole, max_total=rng.choice((3, 10, 20))
    )
    capital = capital_allocator.Config(
        max_exposure_symbol_usd=cap, max_exposure_total_usd=whole, leverage=rng.choice((1.0, 1.5, 2.0, 5.0)),
        base_frac=rng.choice((200_000, 1_000_000)), min_trade_usd=rng.choice((0, 10 * USD)),
    )  # fmt: skip
    limits = exposure.Config(cap_instrument_usd=rng.choice((300, 1_000, 3_000)) * USD)
    live_cap = rng.choice((0, 0, 500, 2_000)) * USD
    slice_cap = rng.choice((0, 0, 300, 2_000)) * USD
    return Drawn(positions, orders, wish, entry, capital, limits, live_cap, slice_cap, rng.choice((500, 20_000)) * USD)


def price(rng: Random, market: MarketDefinition) -> int:
    """Draw a price."""
    return rng.randint(1, market.grid_ticks - 1) if market.grid_ticks else rng.randint(100, 50_000)


def amount(rng: Random, market: MarketDefinition) -> int:
    """Draw a size that is worth some hundreds of dollars."""
    dollars = rng.choice((1, 15, 100, 300, 600, 1_500))
    return max(1, dollars * USD // (market.lot_micros if market.grid_ticks else market.lot_micros * 2_000))


# ---- the guards ---------------------------------------------------------------------------------------------------


class Books(NamedTuple):
    """What the guards remember of a drawn portfolio."""

    ledger: Ledger
    exposed: exposure.Exposed
    position: PositionState | None
    account: Account


def remembered(drawn: Drawn, rng: Random) -> Books:
    """Tell the guards of every position and every order, as a desk would."""
    ledger, exposed, own, lost = Ledger(), exposure.Exposed(), None, 0
    events: list[PositionState | OrderUpdate] = []
    for name, held in drawn.positions.items():
        market = MARKETS[name]
        paid = held.price_ticks * market.tick_micros * held.lots * market.lot_micros // USD
        risk = worst_loss(held.lots, paid, market.lot_micros, not market.instrument_kind)
        state = world.position(market_id=name, size_lots=held.lots, cost_micros=paid, exposure_micros=risk)
        own, lost = (state if name == drawn.wish.market_id else own), lost + risk
        events.append(state)
    for place, order in enumerate(drawn.orders):
        events.append(
            world.order_update(
                client_order_id=str(place),
                market_id=order.market_id,
                side=order.side,
                size_lots=order.lots,
                price_ticks=order.price_ticks,
                reduce_only=order.reduce_only,
            )
        )
    for event in events:
        market = MARKETS[event.market_id]
        ledger = entries.after(ledger, event, market, int(NOW), 300 * SECOND)
        exposed = exposure.watch(drawn.limits, exposed, event, market, CLUSTER, NOW)
    terms = [entries.Terms(ENTRY, rng.choice((600, 700, 1_000)), rng.choice(REGIMES)) for _ in ledger.holdings]
    holdings = tuple(replace(one, terms=own) for one, own in zip(ledger.holdings, terms, strict=True))
    traded = rng.choice((entries.NEVER, entries.NEVER, NOW - 59 * SECOND, NOW - 60 * SECOND))
    ledger = replace(ledger, holdings=holdings, traded_ns=traded)
    account = world.account(equity_micros=drawn.equity, exposure_micros=lost)
    return Books(ledger, exposed, own, account)


def voted(drawn: Drawn, books: Books, rng: Random) -> list[RiskVote]:
    """Ask the guards in order until one refuses."""
    wish, market = drawn.wish, MARKETS[drawn.wish.market_id]
    volatility = world.signal(signal="volatility", value=rng.choice((0.0, 1e-4, 1e-3)), label=rng.choice(REGIMES))
    cents = wish.price_ticks * market.tick_micros
    fair = world.fair(lower_micros=int(cents * rng.choice((0.9, 1.1, 1.6))), upper_micros=int(cents * 0.8))
    roles = (DeskRole("lab", "live_main", "live", max_notional_micros=drawn.live_cap),)
    slices = (Slice(STRATEGY, drawn.slice_cap),) if drawn.slice_cap else ()
    policy = replace(BLANK, roles=roles, slices=slices)
    desk = DeskContext("lab", "live" if drawn.live_cap else "paper")
    known = (books.position, books.account)
    entered, spent = entry_policy.Entered(books.ledger), capital_allocator.Spent(books.ledger)
    votes = []
    if not (wish.reduce_only and _proven(drawn)):
        vote, _ = entry_policy.decide(drawn.entry, entered, wish, *known, volatility, NOW)
        votes.append(vote)
        if vote.verdict != REJECT:
            told = (market, fair, volatility, *known, policy, desk, NOW)
            vote, _ = capital_allocator.decide(drawn.capital, spent, wish, *told)
            votes.append(vote)
    if not votes or votes[-1].verdict != REJECT:
        votes.append(exposure.decide(drawn.limits, books.exposed, wish, market, CLUSTER, *known, NOW))
    return votes


def _proven(drawn: Drawn) -> bool:
    held = drawn.positions.get(drawn.wish.market_id)
    return held is not None and 0 < drawn.wish.size_lots <= -drawn.wish.side * held.lots


def settled(drawn: Drawn, votes: list[RiskVote]) -> int:
    """Return the size that the gate lets through; 0 when it refuses."""
    skipped = SKIPPED if drawn.wish.reduce_only and _proven(drawn) else ()
    asked = [name for name in GATES if name not in skipped]
    _, approval = gate.settle(drawn.wish, votes, asked, GATES, skipped, 1, "")
    if approval is None:
        return 0
    assert approval.intent.side == drawn.wish.side
    return approval.size_lots


# ---- the law ------------------------------------------------------------------------------------------------------


def held_to_caps(drawn: Drawn, size: int) -> None:
    """Compare before and after: what an order worsens stands at its cap at most, fees and all that rests included."""
    wish, name, capital = drawn.wish, drawn.wish.market_id, drawn.capital
    orders = [*drawn.orders, Order(name, wish.side, wish.price_ticks, size)]
    slack = Fraction(len(orders) + len(drawn.positions) + 1, USD)  # each may be rounded by a micro
    for measure, symbol_cap, caps in (
        (worst, capital.max_exposure_symbol_usd, (capital.max_exposure_total_usd, drawn.live_cap)),
        (stressed, drawn.limits.cap_instrument_usd, (drawn.limits.cap_total_usd,)),
    ):
        was, now = measure(drawn, drawn.orders, name), measure(drawn, orders, name)
        if now <= was:
            continue
        elsewhere = sum((measure(drawn, orders, other) for other in MARKETS if other != name), Fraction(0))
        assert now <= Fraction(symbol_cap, USD) + slack, (drawn, size, was, now)
        for cap in caps:
            assert not cap or now + elsewhere <= Fraction(cap, USD) + slack, (drawn, size, was, now, elsewhere)


def exits_pass(drawn: Drawn, books: Books) -> None:
    """A proven exit is approved by both guards, whatever else is unknown, and loses nothing of its size."""
    wish, market = drawn.wish, MARKETS[drawn.wish.market_id]
    entered, spent = entry_policy.Entered(books.ledger), capital_allocator.Spent(books.ledger)
    for account in (books.account, None):
        first, _ = entry_policy.decide(drawn.entry, entered, wish, books.position, account, None, NOW)
        told = (market, None, None, books.position, account, None, DeskContext(), NOW)
        second, _ = capital_allocator.decide(drawn.capital, spent, wish, *told)
        assert (first.verdict, second.verdict) == (APPROVE, APPROVE)
        assert min(first.size_lots_max, second.size_lots_max) >= wish.size_lots


def trials(seed: int, count: int) -> Counter[str]:
    """Run so many trials and count how they ended."""
    rng, ends = Random(seed), Counter[str]()
    for _ in range(count):
        drawn = draw(rng)
        books = remembered(drawn, rng)
        votes = voted(drawn, books, rng)
        size = settled(drawn, votes)
        assert 0 <= size <= drawn.wish.size_lots
        for vote in votes:
            assert vote.verdict in (APPROVE, RESHAPE, REJECT)
            assert vote.verdict != RESHAPE or vote.size_lots_max < drawn.wish.size_lots
            ends[vote.reason] += 1
        ends["sent"] += size > 0
        if drawn.wish.reduce_only and _proven(drawn):
            assert size == drawn.wish.size_lots or votes[-1].gate == "risk.exposure"
            exits_pass(drawn, books)
            ends["exits"] += 1
        elif size:
            held_to_caps(drawn, size)
    return ends


REACHED = entry_policy.BOT.reasons | capital_allocator.BOT.reasons
NOT_DRAWN = {"RISK_ENTRY_BYPASS_REDUCE_ONLY", "RISK_POLICY_UNAVAILABLE"}  # exits are spared both guards by the gate


def test_some_portfolios() -> None:
    """In two thousand drawn cases nothing passes a cap, and orders of every fate are among them."""
    ends = trials(1, 2_000)
    assert min(ends["sent"], ends["exits"], ends["RISK_CAPITAL_TRIMMED"], ends["RISK_ENTRY_MAX_EXPOSURE"]) > 20


@pytest.mark.campaign
def test_no_cap_is_passed() -> None:
    """In 100,000 drawn portfolios and intents no cap is passed by any path, and every reason that can be is drawn."""
    ends = trials(2, 100_000)
    assert set() == REACHED - NOT_DRAWN - ends.keys()
    assert ends["sent"] > 5_000


@pytest.mark.soak
def test_no_cap_is_passed_in_millions() -> None:
    """In five million drawn portfolios and intents no cap is passed by any path."""
    assert trials(3, 5_000_000)["sent"] > 250_000
