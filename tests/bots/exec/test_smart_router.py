"""exec.smart_router: the style of highest utility, or a refusal with its reason."""

import pytest

from bots.exec.smart_router import BOT, Config, route
from bots.kit import Book
from bots.maths.routing import styles
from contracts.intent import ApprovedIntent
from contracts.order import ExecutionPlan, OwnOrders, PositionState
from contracts.signal import SignalReport
from tests import world

NOW = world.NOW
WHOLE = 1_000_000
REST = ("PENDING_SUBMIT", "LIVE", "PARTIAL", "UNKNOWN", "PENDING_CANCEL")


def approved(post_only: bool = False, size: int = 1_000, reduce_only: bool = False, **wish: object) -> ApprovedIntent:
    """Return an approved entry: buy ten contracts at 51 or better, model at .55, mid .50, half-life a second."""
    values = {"intent_kind": "ENTRY", "post_only": False, "price_ticks": 51, "p_model_micros": 550_000}
    values |= {"alpha_half_life_ms": 1_000, **wish}
    return ApprovedIntent(world.intent(**values), size, post_only, reduce_only)


def cost(slippage: float = 0.01, fee: float = 0.0, rest: float = 0.002, intent: str = "") -> SignalReport:
    """Return a cost report for the intent."""
    parts = (("slippage", slippage), ("fee", fee), ("adverse", rest), ("q_exec", 0.51), ("maker_fee", 0.0))
    refs = (intent or world.intent().intent_id, world.HASH)
    return world.signal(signal="cost", value=slippage + fee, parts=parts, refs=refs, reason="EXEC_COST_ESTIMATED")


def fill(chance: float = 0.1, ahead: float = 5_000.0, seconds: float = 600.0) -> SignalReport:
    """Return a chance of a fill when joining."""
    parts = (("queue_ahead", ahead), ("t_fill", seconds))
    return world.signal(signal="fill_probability", value=chance, parts=parts, reason="EXEC_FILL_ESTIMATED")


def spread(bid: int = 49, ask: int = 51, shown: int = 5_000) -> Book:
    """Return a book of one level a side."""
    return world.book({bid: shown}, {ask: shown})


def plan(
    wish: ApprovedIntent,
    book: Book | None = None,
    costs: SignalReport | None = None,
    fills: SignalReport | None = None,
    own: OwnOrders | None = None,
    held: PositionState | None = None,
    config: Config | None = None,
    **market: object,
) -> ExecutionPlan:
    """Plan a wish with everything else at its defaults."""
    shown, known = book if book is not None else spread(), world.definition(**market)
    args = (costs or cost(), fills or fill(), own, held, world.desk(), NOW)
    return route(config or Config(), wish, shown, known, *args)


class TestFixtures:
    def test_normal(self) -> None:
        """Edge .05, take cost .01, fast decay: an immediate-or-cancel plan, EXEC_ROUTED."""
        made = plan(approved())
        (child,) = made.children
        assert (made.style, made.reasons) == ("TAKE", ("EXEC_ROUTED",))
        assert (child.time_in_force, child.price_ticks, child.size_lots, child.post_only) == ("IOC", 51, 1_000, False)
        assert child.builder_code == "lab"

    def test_warning(self) -> None:
        """A vote post_only: a JOIN plan, EXEC_ROUTE_PASSIVE_FORCED."""
        made = plan(approved(post_only=True), spread(49, 50), fills=fill(0.9))
        (child,) = made.children
        assert (made.style, made.reasons) == ("JOIN", ("EXEC_ROUTE_PASSIVE_FORCED",))
        assert (child.time_in_force, child.price_ticks, child.post_only) == ("GTC", 49, True)

    def test_hard(self) -> None:
        """Edge .01, cost .02, low fill: none, EXEC_ROUTE_NO_VALUE."""
        made = plan(approved(p_model_micros=510_000), costs=cost(0.02), fills=fill(0.05))
        assert (made.children, made.reasons) == ((), ("EXEC_ROUTE_NO_VALUE",))

    def test_failure(self) -> None:
        """No cost report: none, EXEC_ROUTE_INPUT_MISSING."""
        made = route(Config(), approved(), spread(), world.definition(), None, fill(), None, None, world.desk(), NOW)
        assert (made.children, made.reasons) == ((), ("EXEC_ROUTE_INPUT_MISSING",))


BLIND = [
    "no definition",
    "no fill report",
    "a cost of another intent",
    "a cost without refs",
    "dead book",
    "no bid",
    "no ask",
]


@pytest.mark.parametrize("blind", BLIND)
def test_any_missing_estimate_is_a_refusal(blind: str) -> None:
    """Cost, fill, definition and both sides of a live book are needed; a cost made for another intent is none."""
    books = {"dead book": world.book(live=False), "no bid": world.book({}, {51: 9}), "no ask": world.book({49: 9}, {})}
    costs = {"a cost of another intent": cost(intent="x" * 26), "a cost without refs": world.signal(refs=())}
    made = route(
        Config(),
        approved(),
        books.get(blind, spread()),
        None if blind == "no definition" else world.definition(),
        costs.get(blind, cost()),
        None if blind == "no fill report" else fill(),
        None,
        None,
        world.desk(),
        NOW,
    )
    assert (made.children, made.reasons) == ((), ("EXEC_ROUTE_INPUT_MISSING",))


class TestUtility:
    def test_the_numbers_of_each_style(self) -> None:
        """U = P (edge - cost) - (1 - P) edge decay, against mid; joining earns its distance from mid."""
        half = cost(0.01, 0.002, 0.002)
        found = styles(
            approved(alpha_half_life_ms=60_000),
            spread(48, 52),
            world.definition(),
            half,
            fill(0.5, 5_000.0, 100.0),
            60,
            1,
        )
        assert [(s.name, s.price_ticks) for s in found] == [("TAKE", 51), ("JOIN", 48), ("IMPROVE", 49)]
        take, join, improve = found
        assert (take.chance_micros, take.utility_micros) == (0, -25_000)
        assert join.utility_micros == 500_000 * (50_000 - 2_000 + 20_000) // WHOLE - 500_000 * 25_000 // WHOLE
        assert improve.chance_micros > join.chance_micros
        assert improve.price_ticks == 49

    def test_taking_counts_only_what_stands_within_the_limit(self) -> None:
        """A book with half the size fills half."""
        found = styles(approved(), spread(shown=500), world.definition(), cost(), fill(), 60, 1)
        assert found[0].chance_micros == 500_000

    @pytest.mark.parametrize(("minimum", "style"), [(40_000, "NONE"), (39_999, "TAKE")])
    def test_a_utility_must_exceed_the_minimum(self, minimum: int, style: str) -> None:
        """At the minimum there is no plan; a millionth above it there is."""
        assert plan(approved(), config=Config(min_utility=minimum)).style == style

    def test_no_edge_is_no_plan(self) -> None:
        """A utility of zero or less, in every style."""
        assert plan(approved(p_model_micros=490_000), fills=fill(0.0)).style == "NONE"

    def test_slow_alpha_waits_and_fast_alpha_does_not(self) -> None:
        """What waiting may lose is the edge that decays until the horizon; an unknown half-life loses it all."""
        cheap = {"costs": cost(0.03), "fills": fill(0.6)}
        assert plan(approved(alpha_half_life_ms=3_600_000), **cheap).style == "JOIN"
        assert plan(approved(alpha_half_life_ms=1_000), **cheap).style == "TAKE"
        assert plan(approved(alpha_half_life_ms=0), **cheap).style == "TAKE"

    def test_the_horizon_is_configuration(self) -> None:
        """Over a short horizon little alpha decays, so waiting is cheap."""
        cheap = {"costs": cost(0.03), "fills": fill(0.6)}
        assert plan(approved(alpha_half_life_ms=20_000), **cheap).style == "TAKE"
        assert plan(approved(alpha_half_life_ms=20_000), config=Config(horizon_s=1), **cheap).style == "JOIN"

    def test_improving_stands_inside_the_touch_and_inside_the_limit(self) -> None:
        """It is open only where there is room, and by as many ticks as configured."""
        room = {"book": spread(45, 55), "fills": fill(0.2, 900.0, 95.0)}
        wish = approved(post_only=True, alpha_half_life_ms=3_600_000, price_ticks=54)
        assert [(plan(wish, config=Config(improve_ticks=n), **room).children[0].price_ticks) for n in (1, 3)] == [
            46,
            48,
        ]
        assert plan(approved(post_only=True, alpha_half_life_ms=3_600_000, price_ticks=45), **room).style == "JOIN"

    def test_a_seller_is_the_mirror(self) -> None:
        """Edge, join and improve on the other side."""
        wish = approved(side=-1, price_ticks=49, p_model_micros=450_000)
        assert plan(wish).style == "TAKE"
        found = styles(wish, spread(45, 55), world.definition(), cost(), fill(0.5), 60, 1)
        assert [(s.name, s.price_ticks) for s in found] == [("TAKE", 49), ("JOIN", 55), ("IMPROVE", 54)]
        assert found[0].chance_micros == 0

    def test_without_a_model_the_net_edge_is_the_measure(self) -> None:
        """The strategy's net edge is after costs, so the gross edge is both together."""
        made = plan(approved(p_model_micros=-1, edge_micros=40_000))
        assert made.style == "TAKE"
        assert plan(approved(p_model_micros=-1, edge_micros=0), fills=fill(0.0)).style == "NONE"

    def test_an_unknown_chance_of_joining_is_one_of_improving(self) -> None:
        """Without a rate there is no better guess."""
        found = styles(approved(post_only=True), spread(45, 55), world.definition(), cost(), fill(0.0, 0.0, 1e9), 60, 1)
        assert [s.chance_micros for s in found] == [0, 0]


class TestKinds:
    def test_an_urgent_exit_takes_whatever_its_utility(self) -> None:
        """EXIT with urgency HIGH forces TAKE, unless it may only rest."""
        wish = {"intent_kind": "EXIT", "p_model_micros": 400_000}
        assert plan(approved(urgency="HIGH", **wish)).style == "TAKE"
        assert plan(approved(urgency="NORMAL", **wish)).style == "NONE"
        assert plan(approved(post_only=True, urgency="HIGH", **wish)).style == "NONE"

    def test_a_leg_of_a_bundle_is_filled_or_killed(self) -> None:
        """Legs stand or fall together."""
        assert plan(approved(bundle_id="B1")).children[0].time_in_force == "FOK"

    def test_a_quote_rests_at_its_limit_after_cancels_of_its_side(self) -> None:
        """Own orders of its side that are not on their way out go first; then the quote, whatever its utility."""
        own = world.own_orders(
            *[world.order_update(client_order_id=state, state=state) for state in REST],
            world.order_update(client_order_id="other side", side=-1),
        )
        made = plan(approved(post_only=True, intent_kind="QUOTE", price_ticks=44, p_model_micros=1), own=own)
        assert [(c.action, c.client_order_id) for c in made.children] == [
            *[("CANCEL", state) for state in REST[:4]],
            ("PLACE", ""),
        ]
        quote = made.children[-1]
        assert (made.style, made.reasons, quote.child_index) == ("QUOTE", ("EXEC_ROUTE_PASSIVE_FORCED",), 0)
        assert (quote.price_ticks, quote.post_only, quote.time_in_force) == (44, True, "GTC")

    def test_a_quote_that_wants_to_rest_is_not_forced(self) -> None:
        """Its own wish is no constraint; it needs no ask to rest."""
        wish = ApprovedIntent(world.intent(price_ticks=44), 1_000, True, False)
        made = plan(wish, world.book({44: 9}, {}))
        assert (made.style, made.reasons) == ("QUOTE", ("EXEC_ROUTED",))

    def test_a_withdrawal_is_cancels_alone(self) -> None:
        """It needs neither cost nor book; with nothing to cancel it is a refusal."""
        wish = approved(intent_kind="WITHDRAW", side=-1)
        own = world.own_orders(world.order_update(side=-1), world.order_update(client_order_id="b"))
        dead = world.book(live=False)
        args = (dead, world.definition(), None, None)
        made = route(Config(), wish, *args, own, None, world.desk(builder_code="0xab"), NOW)
        (child,) = made.children
        assert (made.style, made.reasons) == ("CANCEL", ("EXEC_ROUTED",))
        assert (child.action, child.client_order_id) == ("CANCEL", world.order_update().client_order_id)
        assert (child.side, child.builder_code) == (-1, "0xab")
        for none in (None, world.own_orders()):
            empty = route(Config(), wish, *args, none, None, world.desk(), NOW)
            assert (empty.children, empty.reasons) == ((), ("EXEC_ROUTE_NO_VALUE",))


class TestSize:
    def test_a_reduce_only_order_is_no_larger_than_the_position(self) -> None:
        """Sell at most what is held long; a short or a flat position leaves nothing to reduce."""
        wish = approved(reduce_only=True, side=-1, price_ticks=49, p_model_micros=450_000)
        assert plan(wish, held=world.position(size_lots=400)).children[0].size_lots == 400
        assert plan(wish, held=world.position(size_lots=400)).children[0].reduce_only
        for held in (None, world.position(size_lots=-400), world.position(size_lots=0)):
            assert plan(wish, held=held).reasons == ("EXEC_ROUTE_NO_VALUE",)

    def test_what_rests_on_its_side_leaves_less_to_reduce(self) -> None:
        """Two exits together never are larger than the position; a quote's own cancels go first, and alone."""
        wish = {"reduce_only": True, "side": -1, "price_ticks": 49, "p_model_micros": 450_000}
        held, half = world.position(size_lots=400), world.order_update(side=-1, size_lots=300)
        assert plan(approved(**wish), own=world.own_orders(half), held=held).children[0].size_lots == 100
        whole = world.own_orders(world.order_update(side=-1, size_lots=400))
        assert plan(approved(**wish), own=whole, held=held).style == "NONE"
        made = plan(approved(intent_kind="QUOTE", **wish), own=whole, held=held)
        assert (made.style, [child.action for child in made.children]) == ("CANCEL", ["CANCEL"])
        buys = world.own_orders(world.order_update(side=1, size_lots=400))
        assert plan(approved(**wish), own=buys, held=held).children[0].size_lots == 400

    def test_separate_tokens_are_used_up_first(self) -> None:
        """Where each outcome has its own token, what is held of the other side is a child of its own."""
        held = world.position(size_lots=-300)
        assert [c.size_lots for c in plan(approved(), held=held, complement_id="T2").children] == [300, 700]
        assert [c.size_lots for c in plan(approved(), held=held).children] == [1_000]
        same = world.position(size_lots=300)
        assert [c.size_lots for c in plan(approved(), held=same, complement_id="T2").children] == [1_000]

    def test_size_and_side_never_grow(self) -> None:
        """Children together are at most the approved size, on the approved side."""
        made = plan(approved(size=777))
        assert sum(c.size_lots for c in made.children) == 777
        assert {c.side for c in made.children} == {1}


def test_a_plan_carries_its_estimates_and_its_intent() -> None:
    """Cost, chance, expiry and descent."""
    made = plan(approved(), costs=cost(0.0125, 0.002), fills=fill(0.123))
    intent = world.intent()
    assert (made.plan_id, made.intent_id, made.strategy) == ("p" + intent.intent_id, intent.intent_id, intent.strategy)
    assert (made.cost_micros, made.fill_milli, made.expires_ns) == (14_500, 123, intent.expires_ns)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {
        "EXEC_ROUTED",
        "EXEC_ROUTE_PASSIVE_FORCED",
        "EXEC_ROUTE_NO_VALUE",
        "EXEC_ROUTE_INPUT_MISSING",
    }


LEGS = [
    ("taken whole", False, 0.1, ["FOK"]),
    ("even where resting would be worth more", False, 0.99, ["FOK"]),
    ("never where it may only rest", True, 0.99, []),
]


@pytest.mark.parametrize(("name", "post_only", "chance", "forces"), LEGS, ids=[row[0] for row in LEGS])
def test_a_leg_of_a_bundle_is_taken_whole_or_not_at_all(
    name: str, post_only: bool, chance: float, forces: list[str]
) -> None:
    """What rests cannot stand or fall with the other legs."""
    made = plan(approved(post_only=post_only, bundle_id="b.2"), fills=fill(chance, 0.0, 1.0))
    assert [child.time_in_force for child in made.children] == forces
    assert made.reasons == (("EXEC_ROUTED",) if forces else ("EXEC_ROUTE_NO_VALUE",))
