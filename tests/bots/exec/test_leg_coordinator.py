"""exec.leg_coordinator: legs go one after the other, or what is held of them goes back."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.exec import leg_coordinator as bot
from bots.exec.leg_coordinator import Config, Table
from bots.kit import Instant
from bots.maths import bundles
from contracts import ids
from contracts.control import IncidentReport
from contracts.intent import BotNote, OrderIntent
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import AuthorisedOrder, ExecutionPlan, Fill, OrderUpdate, PlannedOrder
from tests import world

MS = world.MS
BUNDLE = ids.bundle_id("lab", world.FACT, "strat.parity", 2)
ASK = {"Y": 48, "N": 49}


def wish(market: str, edge: float = 0.03, limit: int = 60, bundle: str = BUNDLE, **overrides: object) -> OrderIntent:
    """Return a leg: buy ten contracts at what is asked now, believed so; the limit leaves room."""
    facts = {"intent_id": f"i{market}", "market_id": market, "intent_kind": "ENTRY", "post_only": False}
    facts |= {"price_ticks": limit, "ref_micros": ASK[market] * 10_000, "edge_micros": round(edge * 1_000_000)}
    return world.intent(**{**facts, "bundle_id": bundle, "strategy": "strat.parity", **overrides})


def shown(market: str, ask: int | None = None, depth: int = 10_000, bid: int = 40) -> MarketSnapshot:
    """Return a market's state: its ask, and so much within three steps."""
    price = ASK[market] if ask is None else ask
    return world.snapshot(bid_ticks=bid, ask_ticks=price, ask_depth_lots=depth, bid_depth_lots=depth)


def market_of(name: str) -> MarketDefinition:
    """Return one of the two markets."""
    return world.definition(market_id=name)


@dataclass
class Scene:
    """A coordinator, what the desk holds, and everything that left."""

    config: Config = field(default_factory=Config)
    state: Table = field(default_factory=Table)
    held: dict[str, int] = field(default_factory=dict)
    now: int = int(world.NOW)
    fact: int = world.FACT
    said: list[object] = field(default_factory=list)
    left: list[PlannedOrder] = field(default_factory=list)

    def pass_ms(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms * MS

    def plan(self, intent: OrderIntent, depth: int = 10_000, odds: float = 0.5, lots: int = 1_000) -> bool:
        """Approve, route and shape a leg; return whether it was held back."""
        child = world.child(
            market_id=intent.market_id, side=intent.side, price_ticks=intent.price_ticks, size_lots=lots,
            time_in_force="FOK", post_only=False, client_order_id="", salt=0, venue_ts_ms=0,
        )  # fmt: skip
        plan = world.plan(
            plan_id="p" + intent.intent_id, plan_hash="", intent_id=intent.intent_id, strategy=intent.strategy,
            intent_kind=intent.intent_kind, style="TAKE", children=(child,), reasons=("EXEC_ROUTED",),
        )  # fmt: skip
        self.state, held = bot.refine(self.config, self.state, plan, Instant(self.now))
        approved = world.approved(intent=intent, size_lots=lots, post_only=False)
        fill = world.signal(signal="fill_probability", value=odds)
        readings = (market_of(intent.market_id), shown(intent.market_id, depth=depth), fill)
        self.state = bot.enlist(self.config, self.state, approved, *readings, Instant(self.now))
        return held is None

    def see(self, market: str, ask: int | None = None, bid: int = 40) -> ExecutionPlan | None:
        """Show a market; let what is planned leave under its names."""
        self.fact += 1
        snap = shown(market, ask, bid=bid)
        position = world.position(market_id=market, size_lots=self.held.get(market, 0))
        args = (market_of(market), position, world.desk(), self.fact, Instant(self.now))
        self.state, plan = bot.go(self.config, self.state, snap, *args)  # type: ignore[arg-type]
        if plan is not None:
            assert world.checked(plan) == plan
            self.state, through = bot.refine(self.config, self.state, plan, Instant(self.now))
            assert through == plan
            for child in plan.children:
                cid = ids.client_order_id(plan.intent_id, child.child_index, 0)
                named = world._of(child, {"client_order_id": cid})
                self.left.append(named)
                order = AuthorisedOrder(plan.intent_id, plan.plan_id, plan.strategy, named, (), "")
                self.state = bot.left(self.config, self.state, order, Instant(self.now))
        return plan

    def update(self, order: PlannedOrder, state: str, filled: int = 0) -> None:
        """Hear how an order stands."""
        said: OrderUpdate = world.order_update(
            client_order_id=order.client_order_id, market_id=order.market_id, side=order.side, state=state,
            size_lots=order.size_lots, filled_lots=filled,
        )  # fmt: skip
        self.state = bot.follow(self.config, self.state, said, Instant(self.now))

    def fill(self, order: PlannedOrder, price: int | None = None, lots: int | None = None) -> None:
        """Fill an order."""
        size = order.size_lots if lots is None else lots
        self.held[order.market_id] = self.held.get(order.market_id, 0) + order.side * size
        price = order.price_ticks if price is None else price
        self.update(order, "FILLED" if size == order.size_lots else "PARTIAL", size)
        facts = {"market_id": order.market_id, "client_order_id": order.client_order_id, "side": order.side}
        event: Fill = world.fill(**facts, price_ticks=price, size_lots=size)
        self.state, said = bot.filled(self.config, self.state, event, Instant(self.now))
        self.said += [said] if said is not None else []

    def tick(self) -> None:
        """Let a second strike."""
        self.state, said = bot.wait(self.config, self.state, world.tick(), Instant(self.now))
        self.said += [said] if said is not None else []

    def alarm(self, market: str) -> IncidentReport | None:
        """Ask for a report in a market."""
        self.state, said = bot.alarm(self.config, self.state, shown(market), market_of(market), Instant(self.now))
        return said


def begun(**scene: object) -> Scene:
    """Return a bundle of YES at .48 and NO at .49 of which the first leg, YES, has filled."""
    made = Scene(**scene)  # type: ignore[arg-type]
    assert made.plan(wish("Y"), odds=0.1)
    assert made.plan(wish("N"), odds=0.9)
    assert made.see("Y") is not None
    made.fill(made.left[-1], 48)
    return made


class TestFixtures:
    def test_normal(self) -> None:
        """YES and NO both fill at a sum of .97: done, EXEC_BUNDLE_COMPLETE."""
        scene = begun()
        second = scene.see("N")
        assert second is not None
        assert (second.intent_id, second.reasons, second.children[0].time_in_force) == ("iN", ("EXEC_ROUTED",), "FOK")
        scene.fill(scene.left[-1], 49)
        assert scene.said == [BotNote("EXEC_BUNDLE_COMPLETE", 0, 35_000)]
        assert scene.state.bundles == ()

    def test_warning(self) -> None:
        """The second leg is one tick worse, inside the overrun: re-priced, EXEC_BUNDLE_RETRY."""
        scene = begun()
        second = scene.see("N", ask=50)
        assert second is not None
        assert (second.children[0].price_ticks, second.reasons) == (50, ("EXEC_ROUTED", "EXEC_BUNDLE_RETRY"))
        scene.fill(scene.left[-1], 50)
        assert scene.said == [BotNote("EXEC_BUNDLE_COMPLETE", 10_000, 35_000)]

    def test_hard(self) -> None:
        """The second leg is gone by four ticks: the first is given back, EXEC_BUNDLE_UNWIND."""
        scene = begun()
        assert scene.see("N", ask=53) is None
        back = scene.see("Y", bid=46)
        assert back is not None
        assert (back.style, back.intent_kind, back.reasons) == ("TAKE", "EXIT", ("EXEC_BUNDLE_UNWIND",))
        (child,) = back.children
        assert (child.side, child.price_ticks, child.size_lots, child.reduce_only) == (-1, 46, 1_000, True)
        assert (child.time_in_force, child.post_only) == ("IOC", False)
        scene.fill(scene.left[-1])
        assert (scene.state.bundles, scene.said, scene.held["Y"]) == ((), [], 0)

    def test_failure(self) -> None:
        """No update after the timeout: frozen, EXEC_BUNDLE_STATE_LOST, and the residual is reported once."""
        scene = begun()
        assert scene.see("N") is not None
        scene.pass_ms(1_499)
        scene.tick()
        assert scene.said == []
        scene.pass_ms(1)
        scene.tick()
        assert scene.said == [BotNote("EXEC_BUNDLE_STATE_LOST", scene.now // MS, 1)]
        assert scene.see("N") is None and scene.see("Y") is None
        reports = [scene.alarm(market) for market in ("Y", "Y", "N", "N")]
        assert [r is not None for r in reports] == [True, False, True, False]
        assert reports[0] is not None
        assert (reports[0].scope, reports[0].cause_family, reports[0].evidence) == (
            "market", "broken_bundle", ("Y", BUNDLE),
        )  # fmt: skip
        assert scene.state.bundles == ()


ALLOWED = [
    ("three ticks: within the edge and the overrun", 52, 0.005, True),
    ("three ticks, and no more than that allowed", 52, 0.0, True),
    ("four ticks", 53, 0.005, False),
    ("four ticks where the overrun is a tick", 53, 0.01, True),
]


@pytest.mark.parametrize(("name", "ask", "overrun", "goes"), ALLOWED, ids=[row[0] for row in ALLOWED])
def test_a_leg_follows_while_it_costs_no_more_than_the_bundle_earns(
    name: str, ask: int, overrun: float, goes: bool
) -> None:
    """Both sides of edge and overrun; at the limit it goes."""
    scene = begun(config=Config(overrun=round(overrun * 1_000_000)))
    assert (scene.see("N", ask=ask) is not None) is goes
    assert (scene.see("Y") is not None) is not goes


def test_what_the_first_leg_saved_may_be_spent() -> None:
    """Costs of all legs count together."""
    scene = Scene()
    scene.plan(wish("Y"), odds=0.1)
    scene.plan(wish("N"), odds=0.9)
    scene.see("Y", ask=47)
    scene.fill(scene.left[-1], 47)
    assert scene.see("N", ask=53) is not None


def test_no_leg_goes_past_its_own_limit() -> None:
    """What was voted on bounds it; it waits for its price until it is due, then the others go back."""
    scene = Scene()
    scene.plan(wish("Y"), odds=0.1)
    scene.plan(wish("N", limit=50), odds=0.9)
    scene.see("Y")
    scene.fill(scene.left[-1], 48)
    assert scene.see("N", ask=51) is None
    assert scene.see("Y") is None
    again = scene.see("N", ask=50)
    assert again is not None and again.children[0].price_ticks == 50


def test_a_leg_that_cannot_go_in_time_is_given_up() -> None:
    """After leg_timeout_ms without a price the filled legs go back."""
    scene = begun()
    scene.pass_ms(1_500)
    assert scene.see("N", ask=100) is None
    assert scene.see("Y") is not None


def test_the_scarcest_leg_goes_first() -> None:
    """By its chance of a fill, then by its depth; the others wait for its fill."""
    for odds, depth, first in (((0.9, 0.1), (9_000, 9_000), "N"), ((0.5, 0.5), (8_000, 9_000), "Y")):
        scene = Scene()
        for market, chance, deep in zip("YN", odds, depth, strict=True):
            scene.plan(wish(market), deep, chance)
        second = "Y" if first == "N" else "N"
        assert scene.see(second) is None
        assert scene.see(first) is not None
        assert scene.see(second) is None


SIZES = [
    ("half of the thinnest depth", 600, 9_000, 300),
    ("never more than was approved", 9_000, 9_000, 1_000),
    ("exactly what was approved", 2_000, 2_000, 1_000),
]


@pytest.mark.parametrize(("name", "one", "two", "size"), SIZES, ids=[row[0] for row in SIZES])
def test_all_legs_have_one_size(name: str, one: int, two: int, size: int) -> None:
    """The smallest of what was approved and depth_frac of what is shown."""
    scene = Scene()
    scene.plan(wish("Y"), one, 0.1)
    scene.plan(wish("N"), two, 0.9)
    assert [leg.size_lots for leg in scene.state.bundles[0].legs] == [size, size]
    plan = scene.see("Y")
    assert plan is not None and plan.children[0].size_lots == size


def test_a_bundle_too_small_to_trade_is_dropped() -> None:
    """Without depth nothing is sent."""
    scene = Scene()
    scene.plan(wish("Y"), 1)
    scene.plan(wish("N"))
    assert scene.state.bundles == ()


def test_a_bundle_that_never_becomes_whole_is_never_sent() -> None:
    """A leg that was refused leaves the others unsent; after the timeout they are forgotten."""
    scene = Scene()
    scene.plan(wish("Y"))
    assert scene.see("Y") is None
    scene.pass_ms(1_500)
    scene.tick()
    assert (scene.state.bundles, scene.left) == ((), [])


def test_a_name_that_tells_no_number_is_no_bundle() -> None:
    """How many legs there are is in the name; one that does not say it is held and never sent."""
    assert [ids.bundle_legs(name) for name in (BUNDLE, "b", "b.x", "b.", "b.999")] == [2, 0, 0, 0, 0]
    scene = Scene()
    scene.plan(wish("Y", bundle="b"))
    scene.plan(wish("N", bundle="b"))
    assert scene.see("Y") is None and scene.see("N") is None


def test_a_first_leg_is_sent_as_believed_or_not_at_all() -> None:
    """Nothing is lost by waiting while nothing is held."""
    scene = Scene()
    scene.plan(wish("Y"), odds=0.1)
    scene.plan(wish("N"), odds=0.9)
    assert scene.see("Y", ask=49) is None
    assert scene.see("Y", ask=48) is not None


KILLS = [("REJECTED", True), ("CANCELLED", True), ("EXPIRED", True), ("LIVE", False)]


@pytest.mark.parametrize(("state", "ends"), KILLS)
def test_a_killed_first_leg_ends_the_bundle(state: str, ends: bool) -> None:
    """Nothing is held, so nothing is owed."""
    scene = Scene()
    scene.plan(wish("Y"), odds=0.1)
    scene.plan(wish("N"), odds=0.9)
    scene.see("Y")
    scene.update(scene.left[-1], state)
    assert (scene.state.bundles == ()) is ends


def test_a_killed_later_leg_is_tried_again_under_another_name() -> None:
    """While it is not due; its name is new, for its old one is spent."""
    scene = begun()
    scene.see("N")
    scene.update(scene.left[-1], "CANCELLED")
    again = scene.see("N")
    assert again is not None
    assert again.intent_id != "iN" and again.reasons[-1] == "EXEC_BUNDLE_RETRY"
    scene.fill(scene.left[-1], 49)
    assert scene.said == [BotNote("EXEC_BUNDLE_COMPLETE", 0, 35_000)]


def test_what_should_have_been_whole_and_was_cut_goes_back() -> None:
    """A part of a FOK breaks the bundle: each part that is held is given back."""
    scene = begun()
    scene.see("N")
    scene.fill(scene.left[-1], 49, 400)
    scene.update(scene.left[-1], "CANCELLED", 400)
    backs = [scene.see("N"), scene.see("Y")]
    assert [b.children[0].size_lots for b in backs if b is not None] == [400, 1_000]


def test_an_unknown_order_freezes_the_bundle() -> None:
    """Nobody knows whether the leg is filled, so nothing more is sent."""
    scene = begun()
    scene.see("N")
    scene.update(scene.left[-1], "UNKNOWN")
    assert scene.see("N") is None and scene.see("Y") is None
    assert scene.alarm("Y") is not None


def test_a_leg_that_never_left_breaks_the_bundle() -> None:
    """A guard stopped it before it had a name: that is no loss of state, the rest goes back."""
    scene = begun()
    scene.see("N")
    bundle = scene.state.bundles[0]
    nameless = bundles.with_leg(bundle, world._of(bundle.legs[1], {"orders": ()}))
    scene.state = Table((nameless,))
    scene.pass_ms(1_500)
    scene.tick()
    assert scene.see("Y") is not None


def test_what_cannot_be_given_back_is_reported() -> None:
    """A residual for which there is no bid in time is for another to work down."""
    scene = begun()
    scene.see("N", ask=53)
    assert scene.see("Y", bid=0) is None
    scene.pass_ms(1_500)
    scene.tick()
    scene.tick()
    assert scene.alarm("Y") is not None and scene.alarm("N") is None


def test_nothing_is_given_back_that_is_not_held() -> None:
    """The position bounds it, whatever the bundle remembers."""
    for held, size in ((400, 400), (0, 0), (-50, 0)):
        scene = begun()
        scene.see("N", ask=53)
        scene.held["Y"] = held
        back = scene.see("Y")
        assert (back.children[0].size_lots if back is not None else 0) == size


def test_a_rest_that_was_not_given_back_is_tried_again() -> None:
    """An exit that filled in part is followed by another for what is left."""
    scene = begun()
    scene.see("N", ask=53)
    scene.see("Y")
    scene.fill(scene.left[-1], lots=300)
    scene.update(scene.left[-1], "CANCELLED", 300)
    again = scene.see("Y")
    assert again is not None and again.children[0].size_lots == 700


def test_what_is_no_leg_passes() -> None:
    """Only a FOK is held back."""
    plan = world.plan()
    assert bot.refine(Config(), Table(), plan, world.NOW) == (Table(), plan)


def test_a_plan_held_for_another_approval_is_forgotten() -> None:
    """A leg whose plan was not made joins no bundle."""
    scene = Scene()
    plan = world.plan(children=(world.child(time_in_force="FOK"),), intent_id="other")
    scene.state, _ = bot.refine(scene.config, scene.state, plan, Instant(scene.now))
    approved = world.approved(intent=wish("Y"))
    scene.state = bot.enlist(scene.config, scene.state, approved, market_of("Y"), shown("Y"), None, world.NOW)
    assert scene.state == Table()


def test_few_bundles_are_remembered() -> None:
    """The oldest is forgotten."""
    scene = Scene()
    for number in range(bundles.BUNDLES_MAX + 3):
        scene.plan(wish("Y", bundle=ids.bundle_id("lab", number, "s", 2), intent_id=f"i{number}"))
    assert len(scene.state.bundles) == bundles.BUNDLES_MAX


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["Y", "N"]),
        st.integers(44, 58),
        st.sampled_from(["FILL", "PART", "CANCELLED", "REJECTED", "UNKNOWN", "NONE"]),
        st.integers(0, 900),
    ),
    max_size=25,
)


@settings(max_examples=300)
@given(EVENTS)
def test_whatever_happens_no_leg_passes_its_bounds(events: list[tuple[str, int, str, int]]) -> None:
    """No leg is larger or dearer than was voted on, an exit never goes through zero, one leg at most is under way."""
    scene = Scene()
    scene.plan(wish("Y", limit=55), odds=0.1)
    scene.plan(wish("N", limit=55), odds=0.9)
    for market, ask, answer, ms in events:
        scene.pass_ms(ms)
        scene.tick()
        plan = scene.see(market, ask=ask, bid=ask - 2)
        if plan is None:
            continue
        order = scene.left[-1]
        if order.reduce_only:
            assert 0 < order.size_lots <= scene.held[market]
        else:
            assert order.price_ticks <= 55 and scene.held.get(market, 0) + order.size_lots <= 1_000
        assert sum(leg.state == bundles.SENT for b in scene.state.bundles for leg in b.legs) <= 1
        if answer == "FILL":
            scene.fill(order)
        elif answer == "PART" and order.size_lots > 1:
            scene.fill(order, lots=order.size_lots // 2)
            scene.update(order, "CANCELLED", order.size_lots // 2)
        elif answer not in ("PART", "NONE"):
            scene.update(order, answer)
    assert all(0 <= lots <= 1_000 for lots in scene.held.values())


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert bot.BOT.reasons == {f"EXEC_BUNDLE_{code}" for code in ("COMPLETE", "RETRY", "UNWIND", "STATE_LOST")}
