"""exec.order_shaper: child orders that the venue accepts, never larger, never past the bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec.order_shaper import BOT, HALF_LIFE_MS, SECOND_NS, Config, shape
from bots.maths.shaping import legal_price, sliced, undusted
from contracts.market import MarketDefinition, PriceBand
from contracts.order import ExecutionPlan, PlannedOrder
from tests import world

NOW = world.NOW
BANDS = (PriceBand(0, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 1_000, 1))


def order(**overrides: object) -> PlannedOrder:
    """Return an unnamed immediate order to buy 50 lots at 53."""
    values = {"price_ticks": 53, "size_lots": 50, "time_in_force": "IOC", "post_only": False, "client_order_id": ""}
    return world.child(**{**values, "salt": 0, "venue_ts_ms": 0, **overrides})


def plan(*children: PlannedOrder, **overrides: object) -> ExecutionPlan:
    """Return a routed plan of these orders."""
    return world.plan(
        **{"children": children, "style": "TAKE", "expires_ns": 0, "reasons": ("EXEC_ROUTED",), **overrides}
    )


def shaped(
    given_plan: ExecutionPlan,
    config: Config | None = None,
    depth: int | None = 10**9,
    held: int = 0,
    known: MarketDefinition | None = None,
) -> ExecutionPlan:
    """Shape a plan over a depth, a position and a definition of whole lots."""
    snap = None if depth is None else world.snapshot(bid_depth_lots=depth, ask_depth_lots=depth)
    position = world.position(size_lots=held) if held else None
    return shape(config or Config(), given_plan, known or world.definition(), snap, position, NOW)


class TestFixtures:
    def test_normal(self) -> None:
        """50 at .53, tick .01, lot 1: one child, EXEC_SHAPED."""
        made = shaped(plan(order()), known=world.definition(lot_micros=1_000_000))
        (child,) = made.children
        assert made.reasons == ("EXEC_ROUTED", "EXEC_SHAPED")
        assert (child.price_ticks, child.size_lots, child.delay_ms, child.expires_ns) == (53, 50, 0, 0)

    def test_warning(self) -> None:
        """1000 on a depth of 1000: 5 slices, EXEC_SHAPE_SLICED."""
        made = shaped(plan(order(size_lots=1_000)), depth=1_000)
        assert made.reasons[-1] == "EXEC_SHAPE_SLICED"
        assert [child.size_lots for child in made.children] == [200] * 5
        assert [child.child_index for child in made.children] == [0, 1, 2, 3, 4]

    def test_hard(self) -> None:
        """0.4 contract where one is the minimum: none, EXEC_SHAPE_BELOW_MIN."""
        made = shaped(plan(order(size_lots=40)), known=world.definition(min_size_lots=100))
        assert (made.children, made.reasons[-1]) == ((), "EXEC_SHAPE_BELOW_MIN")

    def test_failure(self) -> None:
        """No definition, or one too old to be given: none, EXEC_SHAPE_NO_DEFINITION."""
        made = shape(Config(), plan(order()), None, None, None, NOW)
        assert (made.children, made.reasons[-1]) == ((), "EXEC_SHAPE_NO_DEFINITION")
        (read,) = [read for read in BOT.steps[0].reads if read.parameter == "definition"]
        assert (read.optional, read.within_ns) == (True, 86_400_000 * 1_000_000)


PRICES = [
    ("a buyer is rounded down", 1, 457, 450),
    ("a seller is rounded up", -1, 457, 460),
    ("a legal price stays", 1, 450, 450),
    ("the fine band knows fine prices", 1, 57, 57),
    ("a seller beyond the last price has none", -1, 1_000, 0),
    ("a buyer below the first price has none", 1, 0, 0),
    ("the first price is one", 1, 1, 1),
]


@pytest.mark.parametrize(("name", "side", "price", "legal"), PRICES, ids=[row[0] for row in PRICES])
def test_prices_are_rounded_away_from_the_market(name: str, side: int, price: int, legal: int) -> None:
    """Never past the bound that was voted on."""
    known = world.definition(tick_micros=1_000, grid_ticks=1_000, price_bands=BANDS)
    assert legal_price(known, side, price) == legal
    made = shaped(plan(order(side=side, price_ticks=price)), known=known)
    assert [child.price_ticks for child in made.children] == ([legal] if legal else [])


def test_a_perpetual_has_no_highest_price() -> None:
    """Only a binary ends at one."""
    assert legal_price(world.definition(grid_ticks=0), -1, 6_500_000) == 6_500_000


DUST = [
    ("nothing left over", -100, 100, 100),
    ("an exit that would leave dust leaves a whole minimum", -95, 100, 90),
    ("an exit too small to shrink stays", -12, 15, 12),
    ("an exit may shrink to the minimum itself", -15, 20, 10),
    ("through zero into dust stops at flat", -105, 100, 100),
    ("through zero into more than dust goes on", -110, 100, 110),
    ("leaving exactly the minimum is no dust", -90, 100, 90),
    ("adding is never dust", 5, 100, 5),
    ("a short bought back is the mirror", 95, -100, 90),
    ("opening from flat is the minimum's matter", 5, 0, 5),
]


@pytest.mark.parametrize(("name", "change", "held", "size"), DUST, ids=[row[0] for row in DUST])
def test_no_dust_is_left_over(name: str, change: int, held: int, size: int) -> None:
    """A leftover below a minimum of ten is avoided by a smaller order."""
    assert undusted(change, held, 10) == size


def test_a_quantity_that_was_reduced_is_said() -> None:
    """The dust rule reaches the plan."""
    made = shaped(plan(order(side=-1, size_lots=95)), held=100, known=world.definition(min_size_lots=10))
    assert ([child.size_lots for child in made.children], made.reasons[-1]) == ([90], "EXEC_SHAPE_SLICED")


SLICES = [
    ("at the fraction: one", 200, 1_000, (200,)),
    ("one lot more: two", 201, 1_000, (200, 1)),
    ("the last slice is what is left", 450, 1_000, (200, 200, 50)),
    ("ten at most, the rest is left unplanned", 2_345, 1_000, (200,) * 10),
    ("exactly ten", 2_000, 1_000, (200,) * 10),
    ("ten and a little", 2_005, 1_000, (200,) * 10),
    ("without depth each slice is a minimum", 3, 0, (1, 1, 1)),
]


@pytest.mark.parametrize(("name", "size", "depth", "slices"), SLICES, ids=[row[0] for row in SLICES])
def test_slices(name: str, size: int, depth: int, slices: tuple[int, ...]) -> None:
    """A fifth of the depth each."""
    assert sliced(size, depth, 200_000, 10, 1) == slices
    assert tuple(child.size_lots for child in shaped(plan(order(size_lots=size)), depth=depth).children) == slices


def test_a_last_slice_below_the_minimum_joins_the_one_before() -> None:
    """The venue would refuse it."""
    assert sliced(409, 1_000, 200_000, 10, 10) == (200, 209)


def test_slicing_is_configuration() -> None:
    """slice_frac, max_children and jitter_ms."""
    config = Config(slice_frac=500_000, max_children=3, jitter_ms=0)
    made = shaped(plan(order(size_lots=9_000)), config, depth=1_000)
    assert [child.size_lots for child in made.children] == [500] * 3
    assert [child.delay_ms for child in made.children] == [0, HALF_LIFE_MS, 2 * HALF_LIFE_MS]


def test_slices_are_spaced_by_the_half_life_with_a_jitter_of_the_intent() -> None:
    """The first goes at once; the jitter is below its bound, the same in every run and not the same for all."""
    made = shaped(plan(order(size_lots=1_000)), depth=1_000)
    jitters = [child.delay_ms - n * HALF_LIFE_MS for n, child in enumerate(made.children)]
    assert jitters[0] == 0
    assert all(0 <= jitter < 400 for jitter in jitters)
    assert len(set(jitters)) > 2
    assert shaped(plan(order(size_lots=1_000)), depth=1_000) == made


def test_depth_is_that_of_the_side_the_order_meets() -> None:
    """A taker meets the other side, a resting order stands among its own; unknown depth slices to the minimum."""
    snap = world.snapshot(bid_depth_lots=100_000, ask_depth_lots=1_000)
    for post_only, side, children in ((False, 1, 5), (True, 1, 1), (False, -1, 1), (True, -1, 5)):
        wish = order(size_lots=1_000, post_only=post_only, side=side)
        assert len(shape(Config(), plan(wish, style="JOIN"), world.definition(), snap, None, NOW).children) == children
    assert len(shaped(plan(order(size_lots=5)), depth=None).children) == 5


def test_quotes_and_fill_or_kill_orders_are_not_sliced() -> None:
    """A quote asks for nobody's depth, and a leg of a bundle is whole or nothing."""
    assert len(shaped(plan(order(size_lots=1_000, time_in_force="GTC"), style="QUOTE"), depth=1_000).children) == 1
    assert len(shaped(plan(order(size_lots=1_000, time_in_force="FOK")), depth=1_000).children) == 1


@pytest.mark.parametrize(
    ("intent_expires", "expires"),
    [(0, 120 * SECOND_NS), (119 * SECOND_NS, 119 * SECOND_NS), (121 * SECOND_NS, 120 * SECOND_NS)],
)
def test_what_rests_expires_with_its_intent_or_its_time_to_live(intent_expires: int, expires: int) -> None:
    """The earlier of the two; what does not rest has no expiry."""
    until = NOW + intent_expires if intent_expires else 0
    made = shaped(plan(order(time_in_force="GTC"), order(), expires_ns=until))
    assert [(c.time_in_force, c.expires_ns) for c in made.children] == [("GTD", NOW + expires), ("IOC", 0)]
    short = shaped(plan(order(time_in_force="GTC")), Config(ttl_s=1))
    assert short.children[0].expires_ns == NOW + SECOND_NS


def test_cancels_pass_and_go_even_when_the_new_order_is_too_small() -> None:
    """They only reduce; what is placed is numbered for itself, so that cancels do not change its name."""
    gone = order(action="CANCEL", client_order_id="old", child_index=0)
    made = shaped(plan(gone, order(child_index=1), style="QUOTE"))
    assert made.children[0] is gone
    assert made.children[1].child_index == 0
    small = shaped(plan(gone, order(size_lots=5)), known=world.definition(min_size_lots=10))
    assert (small.children, small.reasons[-1]) == ((gone,), "EXEC_SHAPE_BELOW_MIN")


@given(
    st.integers(1, 10_000), st.integers(0, 5_000), st.integers(1, 50), st.integers(-500, 500), st.sampled_from([1, -1])
)
def test_children_never_exceed_the_plan(size: int, depth: int, smallest: int, held: int, side: int) -> None:
    """Together at most the planned size, each at least the minimum, none more aggressive."""
    known = world.definition(min_size_lots=smallest)
    made = shaped(plan(order(size_lots=size, side=side)), depth=depth, held=held, known=known)
    assert sum(child.size_lots for child in made.children) <= size
    assert all(child.size_lots >= smallest for child in made.children)
    assert all(side * child.price_ticks <= side * 53 for child in made.children)
    assert len(made.children) <= 10


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {"EXEC_SHAPED", "EXEC_SHAPE_SLICED", "EXEC_SHAPE_BELOW_MIN", "EXEC_SHAPE_NO_DEFINITION"}
