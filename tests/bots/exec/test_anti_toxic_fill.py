"""exec.anti_toxic_fill: quotes are moved or pulled before informed trades hit them, and never made more aggressive."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec import anti_toxic_fill as bot
from bots.exec.anti_toxic_fill import Config, Shield
from bots.kit import Instant
from bots.maths.toxic import Guarded, danger_milli, guarded, is_quote, moved
from contracts.market import MarketDefinition, PriceBand
from contracts.order import CANCEL, ExecutionPlan, OwnOrders, PlannedOrder
from contracts.signal import MarketCandidate, SignalReport
from tests import world

NOW = world.NOW
WEIGHTS = (-4.0, 3.0, 0.5, 2.0, 1.0, 0.3)


def flow(z: float = 0.0, sweep: float = 0.0) -> SignalReport:
    """Return pressure of so many standard deviations: below zero sellers, who hit bids."""
    parts = (("microprice", 0.45), ("imbalance", 0.5), ("kyle_lambda", 0.0), ("sweep", sweep))
    return world.signal(signal="order_flow", value=z, label="BALANCED", parts=parts)


def toxicity(percentile: float = 0.5, label: str = "NORMAL") -> SignalReport:
    """Return a VPIN at this percentile of its past."""
    return world.signal(signal="toxicity", label=label, parts=(("percentile", percentile), ("side", 0.0)))


def quote(side: int, **overrides: object) -> PlannedOrder:
    """Return a new quote of ten contracts, without a name: bid 44 or ask 46."""
    price = 44 if side > 0 else 46
    return world.child(**{"side": side, "price_ticks": price, "client_order_id": "", **overrides})


def cancel(side: int, cid: str = "old") -> PlannedOrder:
    """Return a cancel of what rests."""
    return world.child(action=CANCEL, side=side, client_order_id=cid, post_only=False)


@dataclass
class Scene:
    """A shield and what it reads: calm flow, median toxicity."""

    config: Config = field(default_factory=Config)
    state: Shield = field(default_factory=Shield)
    flow: SignalReport | None = field(default_factory=flow)
    toxicity: SignalReport | None = field(default_factory=toxicity)
    regime: SignalReport | None = None
    calendar: MarketCandidate | None = None
    news: SignalReport | None = None
    own: OwnOrders | None = None
    definition: MarketDefinition | None = field(default_factory=world.definition)
    now: Instant = NOW

    def rest(self) -> tuple[object, ...]:
        """Return the readings on danger."""
        return self.flow, self.toxicity, self.regime, self.calendar, self.news

    def refine(self, *children: PlannedOrder) -> ExecutionPlan:
        """Refine a plan of these children."""
        plan = world.plan(children=children, reasons=("EXEC_SHAPED",))
        args = (self.definition, self.own, *self.rest(), self.now)
        self.state, made = bot.refine(self.config, self.state, plan, *args)  # type: ignore[arg-type]
        return made

    def hear(self) -> ExecutionPlan | None:
        """Hear a signal."""
        args = (self.own, self.definition, *self.rest(), world.desk(), world.FACT, self.now)
        self.state, made = bot.on_signal(self.config, self.state, self.flow or flow(), *args)  # type: ignore[arg-type]
        return made

    def tick(self) -> ExecutionPlan | None:
        """Let a second pass."""
        args = (self.own, self.definition, self.flow, world.desk(), world.FACT, self.now)
        self.state, made = bot.on_tick(self.config, self.state, world.tick(), *args)  # type: ignore[arg-type]
        return made


def prices(plan: ExecutionPlan) -> list[tuple[int, int]]:
    """Return (side, price) of the quotes of a plan."""
    return [(child.side, child.price_ticks) for child in plan.children if child.action != CANCEL]


def resting(*sides: int, **overrides: object) -> OwnOrders:
    """Return one resting order on each of these sides."""
    orders = [
        world.order_update(client_order_id=f"c{side}", side=side, price_ticks=45 - side, **overrides) for side in sides
    ]
    return world.own_orders(*orders)


class TestFixtures:
    def test_normal(self) -> None:
        """Percentile .5, calm: danger .08, keep, EXEC_TOX_KEEP."""
        assert danger_milli(WEIGHTS, 1, flow(), toxicity(0.5), None, None) == 75
        made = Scene().refine(quote(1), quote(-1))
        assert (prices(made), made.reasons) == ([(1, 44), (-1, 46)], ("EXEC_SHAPED", "EXEC_TOX_KEEP"))

    def test_warning(self) -> None:
        """Percentile .9, two deviations of buying: danger .43, the ask moves by two, EXEC_TOX_WIDEN."""
        assert danger_milli(WEIGHTS, -1, flow(2.0), toxicity(0.9), None, None) == 425
        made = Scene(flow=flow(2.0), toxicity=toxicity(0.9)).refine(quote(1), quote(-1))
        assert (prices(made), made.reasons[-1]) == ([(1, 44), (-1, 48)], "EXEC_TOX_WIDEN")

    def test_hard(self) -> None:
        """Percentile .97, four deviations of selling, a sweep: danger .95, the bid is pulled, EXEC_TOX_PULL."""
        scene = Scene(flow=flow(-4.0, 1.0), toxicity=toxicity(0.97), own=resting(1, -1))
        assert danger_milli(WEIGHTS, 1, flow(-4.0, 1.0), toxicity(0.97), None, None) == 948
        made = scene.refine(cancel(1), quote(1), quote(-1))
        assert ([child.action for child in made.children], prices(made)) == (["CANCEL", "PLACE"], [(-1, 46)])
        assert made.reasons[-1] == "EXEC_TOX_PULL"
        pulled = scene.hear()
        assert pulled is not None
        assert ([(c.action, c.client_order_id) for c in pulled.children]) == [("CANCEL", "c1")]
        assert (pulled.style, pulled.intent_kind, pulled.reasons) == ("CANCEL", "WITHDRAW", ("EXEC_TOX_PULL",))
        assert pulled.strategy == world.STRATEGY

    def test_failure(self) -> None:
        """No flow report for so long that it is not given: both sides are pulled, EXEC_TOX_UNKNOWN."""
        scene = Scene(flow=None, own=resting(1, -1))
        pulled = scene.tick()
        assert pulled is not None
        assert ([c.client_order_id for c in pulled.children], pulled.reasons) == (["c1", "c-1"], ("EXEC_TOX_UNKNOWN",))
        made = scene.refine(quote(1), quote(-1))
        assert (made.children, made.reasons[-1]) == ((), "EXEC_TOX_UNKNOWN")
        (read,) = [read for read in bot.BOT.steps[0].reads if read.parameter == "flow"]
        assert (read.optional, read.within_ns) == (True, 5_000 * 1_000_000)


LIMITS = [
    ("below d_widen it is kept", 299, False, 0),
    ("at d_widen it moves by one", 300, False, 1),
    ("danger of a third of max_shift and a little moves by two", 334, False, 2),
    ("below d_pull it moves by two", 599, False, 2),
    ("at d_pull it is pulled", 600, True, 2),
    ("certain danger", 1_000, True, 3),
]


@pytest.mark.parametrize(("name", "danger", "pulled", "shift"), LIMITS, ids=[row[0] for row in LIMITS])
def test_limits_of_danger(name: str, danger: int, pulled: bool, shift: int) -> None:
    """Each limit on both sides, max_shift of three steps."""
    made = guarded(Guarded(), danger, 300, 600, 3, NOW, 20)
    assert (made.pulled, made.shift) == (pulled, shift)


def test_a_pulled_side_is_back_after_calm() -> None:
    """It takes calm_s below d_widen without a break; danger in between begins it again."""
    second = world.SECOND
    side = guarded(Guarded(), 700, 300, 600, 3, NOW, 20 * second)
    side = guarded(side, 299, 300, 600, 3, NOW + second, 20 * second)
    assert guarded(side, 100, 300, 600, 3, NOW + 21 * second - 1, 20 * second).pulled
    assert not guarded(side, 100, 300, 600, 3, NOW + 21 * second, 20 * second).pulled
    broken = guarded(side, 300, 300, 600, 3, NOW + 10 * second, 20 * second)
    assert (broken.pulled, broken.calm_ns) == (True, 0)
    assert guarded(broken, 100, 300, 600, 3, NOW + 21 * second, 20 * second).pulled


BOTH = [
    ("a shock", {"regime": world.signal(signal="volatility", label="SHOCK")}, "EXEC_TOX_PULL"),
    ("news that states the outcome", {"news": world.signal(signal="news", label="RULE_HIT")}, "EXEC_TOX_PULL"),
    ("toxicity unknown", {"toxicity": toxicity(label="UNKNOWN")}, "EXEC_TOX_UNKNOWN"),
    ("toxicity never heard", {"toxicity": None}, "EXEC_TOX_UNKNOWN"),
]


@pytest.mark.parametrize(("name", "facts", "reason"), BOTH, ids=[row[0] for row in BOTH])
def test_both_sides_are_pulled(name: str, facts: dict[str, object], reason: str) -> None:
    """Where nobody can say which side will be hit, neither is quoted, and what rests goes."""
    scene = Scene(own=resting(1, -1), **facts)  # type: ignore[arg-type]
    made = scene.refine(quote(1), quote(-1))
    assert (made.children, made.reasons[-1]) == ((), reason)
    pulled = scene.hear()
    assert pulled is not None and len(pulled.children) == 2


def test_a_desk_may_quote_without_toxicity() -> None:
    """keep_when_tox_unknown counts it as the median."""
    scene = Scene(config=Config(keep_when_tox_unknown=True), toxicity=None)
    assert prices(scene.refine(quote(1))) == [(1, 44)]


def test_events_and_news_add_danger() -> None:
    """A LIVE window and a density of news raise it, whatever the side."""
    live, news = world.candidate(aspect="calendar", window="LIVE"), world.signal(signal="news", value=10.0)
    seen = [danger_milli(WEIGHTS, side, flow(), toxicity(0.5), live, news) for side in (1, -1)]
    assert seen == [817, 817]


def test_a_sweep_concerns_the_side_that_it_comes_towards() -> None:
    """Without a direction it concerns both."""
    at = [danger_milli(WEIGHTS, side, flow(z, 1.0), toxicity(), None, None) for z in (2.0, 0.0) for side in (1, -1)]
    assert at == [75, 622, 377, 377]


def test_what_rests_is_cancelled_when_it_must_move_further() -> None:
    """Once, and not again while it need not move further than it did."""
    scene = Scene(flow=flow(2.0), toxicity=toxicity(0.9), own=resting(-1))
    first = scene.hear()
    assert first is not None and [c.client_order_id for c in first.children] == ["c-1"]
    assert scene.hear() is None


def test_a_quote_that_rests_where_it_would_be_moved_to_stays() -> None:
    """It keeps its place in the queue; a larger one, or one at another price, does not stay."""
    for price, lots, stays in ((48, 1_000, True), (48, 1_001, False), (47, 1_000, False)):
        old = world.order_update(client_order_id="old", side=-1, price_ticks=price, size_lots=lots)
        scene = Scene(flow=flow(2.0), toxicity=toxicity(0.9), own=world.own_orders(old))
        made = scene.refine(cancel(-1), quote(-1))
        assert made.children == (() if stays else (cancel(-1), quote(-1, price_ticks=48)))


PASSES = [
    ("a taker", world.child(post_only=False, time_in_force="IOC")),
    ("what only reduces", world.child(reduce_only=True)),
    ("a cancel", cancel(1)),
]


@pytest.mark.parametrize(("name", "child"), PASSES, ids=[row[0] for row in PASSES])
def test_what_is_no_quote_passes_untouched(name: str, child: PlannedOrder) -> None:
    """Whatever the danger, and without a word."""
    plan = world.plan(children=(child,))
    scene = Scene(flow=None)
    args = (scene.definition, None, *scene.rest(), NOW)
    made = bot.refine(scene.config, scene.state, plan, *args)  # type: ignore[arg-type]
    assert made == (Shield(), plan)
    assert not is_quote(child)


def test_exits_that_rest_are_never_pulled() -> None:
    """What only reduces may stay where it is, and so may what is already on its way out."""
    for facts in ({"reduce_only": True}, {"state": "PENDING_CANCEL"}):
        scene = Scene(flow=flow(-4.0, 1.0), toxicity=toxicity(0.97), own=resting(1, **facts))
        assert scene.hear() is None


def test_a_price_that_does_not_exist_is_not_quoted() -> None:
    """A bid moved below the first price, or a market without a definition, is taken out."""
    toxic = {"flow": flow(-2.0), "toxicity": toxicity(0.9)}
    assert Scene(**toxic).refine(quote(1, price_ticks=2)).children == ()  # type: ignore[arg-type]
    assert Scene(**toxic, definition=None).refine(quote(1)).children == ()  # type: ignore[arg-type]


@given(
    st.sampled_from([1, -1]),
    st.integers(1, 999),
    st.floats(-8, 8),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0]),
)
def test_no_quote_becomes_more_aggressive(side: int, price: int, z: float, percentile: float, sweep: float) -> None:
    """Whatever is heard: the same order, further from the market, on a legal price, or none."""
    bands = (PriceBand(0, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 1_000, 1))
    known = world.definition(grid_ticks=1_000, tick_micros=1_000, price_bands=bands)
    start = price - price % known.step_ticks(price)
    if start:
        given_quote = quote(side, price_ticks=start)
        scene = Scene(flow=flow(z, sweep), toxicity=toxicity(percentile), definition=known)
        for child in scene.refine(given_quote).children:
            assert side * (start - child.price_ticks) >= 0
            assert child.price_ticks % known.step_ticks(child.price_ticks) == 0
            assert moved(known, side, start, 0) == start
            assert world._of(child, {"price_ticks": start}) == given_quote


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert bot.BOT.reasons == {f"EXEC_TOX_{code}" for code in ("KEEP", "WIDEN", "PULL", "UNKNOWN")}
