"""strat.inventory_unwinder: positions are worked down on a schedule, reduce-only, and never through zero."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.kit import Instant
from bots.maths import unwinding as u
from bots.maths.notional import reduces
from bots.strat import inventory_unwinder as bot
from bots.strat.inventory_unwinder import Config, Work
from contracts.control import ControlCommand, IncidentReport, PolicyBundle, SafetyState
from contracts.envelope import Row
from contracts.ids import CONTROL_SOURCE, fact_id
from contracts.intent import BotNote, OrderIntent
from contracts.market import MarketDefinition, MarketSnapshot, Status
from contracts.order import OrderUpdate, PositionState
from contracts.policy import AccountStanding, LegalRule
from contracts.signal import SignalReport
from operators.interpret import interpreted
from operators.plan import OPERATOR_RANK
from operators.sequencer import merge
from tests import world
from tests.laws.engine_stream import Drive, desk, frames

NOW, SECOND = world.NOW, world.SECOND
FLATTEN = world.safety(kill_level="FLATTEN")


def command(wish: str = "flatten", status: str = "confirmed", target: str = "lab") -> ControlCommand:
    """Return an operator's word."""
    return ControlCommand("c1", "ann", target, wish, "", status, "", "test", "dev", "paper", "", "")


def breach(family: str = "limit_breach", scope: str = "market", evidence: tuple[str, ...] = ("M1",)) -> IncidentReport:
    """Return a report that a limit was passed."""
    return IncidentReport("k", scope, family, "P1", evidence, "risk.exposure", "RISK_EXPOSURE_CAP")


STANDINGS = [
    ("who is verified may close", AccountStanding(world.ACCOUNT, "DE", "VERIFIED"), False),
    ("who is not may not", AccountStanding(world.ACCOUNT, "DE", "PENDING"), True),
    ("another account's standing says nothing", AccountStanding("other", "DE", "PENDING"), False),
]


@pytest.mark.parametrize(("name", "standing", "barred"), STANDINGS, ids=[row[0] for row in STANDINGS])
def test_standings(name: str, standing: AccountStanding, barred: bool) -> None:
    """An account that may not trade cannot close; where nobody states one, the gate alone decides."""
    policy = world._of(world.plainest(PolicyBundle), {"standings": (standing,)})
    assert u.is_closing_barred(policy, world.ACCOUNT, world.definition()) is barred


@dataclass
class Scene:
    """An unwinder and what it reads: ten contracts long, 44 bid and 46 asked, nothing demanded."""

    config: Config = field(default_factory=Config)
    state: Work = field(default_factory=Work)
    snap: MarketSnapshot | None = field(default_factory=world.snapshot)
    definition: MarketDefinition = field(default_factory=world.definition)
    position: PositionState | None = field(default_factory=world.position)
    own: tuple[OrderUpdate, ...] = ()
    safety: SafetyState | None = field(default_factory=world.safety)
    policy: PolicyBundle | None = None
    resolution: SignalReport | None = None
    volatility: SignalReport | None = None
    now: int = int(NOW)

    def look(self) -> tuple[OrderIntent | BotNote, ...]:
        """Look at the market once."""
        own = world.own_orders(*self.own)
        readings = (self.snap, self.definition, self.position, own, self.safety, self.policy, self.resolution)
        context = (self.volatility, world.desk(), world.FACT, Instant(self.now))
        self.state, said = bot.work(self.config, self.state, world.snapshot(), *readings, *context)
        for each in said:
            assert world.checked(each) == each
        return said

    def tell(self, what: ControlCommand | IncidentReport) -> None:
        """Hear an operator or an incident."""
        if isinstance(what, ControlCommand):
            args = (what, self.definition, self.position, world.desk(), Instant(self.now))
            self.state = bot.on_command(self.config, self.state, *args)
        else:
            self.state = bot.on_incident(
                self.config, self.state, what, self.definition, self.position, Instant(self.now)
            )

    def slice(self) -> OrderIntent | None:
        """Look, and return the slice that is proposed."""
        said = self.look()
        return said[0] if said and isinstance(said[0], OrderIntent) else None


def told(what: ControlCommand | IncidentReport | None = None, **facts: object) -> Scene:
    """Return a scene in which something was demanded."""
    scene = Scene(**facts)  # type: ignore[arg-type]
    if what is not None:
        scene.tell(what)
    return scene


class TestFixtures:
    def test_normal(self) -> None:
        """A breach, medium: the first slice, a thirtieth rounded down, STRAT_UNWIND_SLICE."""
        wish = told(breach()).slice()
        assert wish is not None
        assert (wish.intent_kind, wish.side, wish.size_lots, wish.price_ticks) == ("EXIT", -1, 33, 44)
        assert (wish.reduce_only, wish.post_only, wish.urgency) == (True, False, "NORMAL")
        assert (wish.reason, wish.strategy, wish.p_model_micros) == ("STRAT_UNWIND_SLICE", bot.BOT_ID, -1)
        assert reduces(wish, world.position())

    def test_warning(self) -> None:
        """An empty bid side, low urgency: wait, STRAT_UNWIND_WAIT."""
        near = world.signal(signal="resolution_state", label="T24H")
        assert told(snap=world.snapshot(bid_ticks=0), resolution=near).look() == (
            BotNote("STRAT_UNWIND_WAIT", 1_000, 0),
        )

    def test_hard(self) -> None:
        """Closing is forbidden by law: none, STRAT_UNWIND_HALTED; where only opening is, the slice goes."""
        for close_only, halted in ((False, True), (True, False)):
            rule = LegalRule("r", "market", "", world.MARKET, 0, close_only)
            standing = AccountStanding(world.ACCOUNT, "DE", "VERIFIED")
            policy = world._of(world.plainest(PolicyBundle), {"rules": (rule,), "standings": (standing,)})
            said = told(breach(), policy=policy).look()
            assert (said == (BotNote("STRAT_UNWIND_HALTED", 1_000, 0),)) is halted

    def test_failure(self) -> None:
        """The drift flag is set: none, STRAT_UNWIND_STATE_LOST."""
        said = told(breach(), position=world.position(drift=True)).look()
        assert said == (BotNote("STRAT_UNWIND_STATE_LOST", 1_000, 0),)


T24H, T1H = (world.signal(signal="resolution_state", label=label) for label in ("T24H", "T1H"))
TRIGGERS = [
    ("nothing", None, {}, ""),
    ("flatten", None, {"safety": FLATTEN}, "HIGH"),
    ("a confirmed flatten", command(), {}, "HIGH"),
    ("a confirmed emergency exit of this market", command("emergency_exit", target="M1"), {}, "HIGH"),
    ("a flatten that is not confirmed", command(status="requested"), {}, ""),
    ("a flatten of another desk", command(target="bot4"), {}, ""),
    ("a strategy is stopped", command("stop"), {}, "LOW"),
    ("another wish", command("resume"), {}, ""),
    ("a broken bundle", breach("broken_bundle"), {}, "NORMAL"),
    ("a breach elsewhere", breach(evidence=("M2",)), {}, ""),
    ("a breach of the whole desk", breach(scope="desk"), {}, ""),
    ("an incident that is no breach", breach("market_halt"), {}, ""),
    ("the last day", None, {"resolution": T24H}, "LOW"),
    ("the last hour", None, {"resolution": T1H}, "LOW"),
    ("the last day, which does not count here", None, {"resolution": T24H, "config": Config(at_t24h=False)}, ""),
    ("close only", None, {"safety": world.safety(kill_level="CLOSE_ONLY")}, ""),
    ("safety unknown", None, {"safety": None}, ""),
]


@pytest.mark.parametrize(("name", "what", "facts", "urgency"), TRIGGERS, ids=[row[0] for row in TRIGGERS])
def test_triggers(name: str, what: ControlCommand | None, facts: dict[str, object], urgency: str) -> None:
    """What begins a schedule, and how urgent it is."""
    wish = told(what, **facts).slice()
    assert urgency == (wish.urgency if wish is not None else "")


def test_a_wish_means_what_is_held_when_it_comes() -> None:
    """A position that is opened after a flatten is not closed by it; one that was closed ends it."""
    scene = told(command(), position=None)
    scene.position = world.position()
    assert scene.look() == ()
    scene.tell(command())
    assert scene.slice() is not None
    scene.position = world.position(size_lots=0)
    assert (scene.look(), scene.state) == ((), Work())
    scene.position = world.position()
    assert scene.look() == ()


HALTS = [
    ("blocked", {"safety": world.safety(kill_level="BLOCK", mode="EMERGENCY_STOP")}, True),
    ("safe, which blocks", {"safety": world.safety(kill_level="BLOCK", mode="SAFE")}, True),
    ("halted by its venue", {"snap": world.snapshot(status=int(Status.HALTED))}, True),
    ("open", {}, False),
]


@pytest.mark.parametrize(("name", "facts", "halted"), HALTS, ids=[row[0] for row in HALTS])
def test_halts(name: str, facts: dict[str, object], halted: bool) -> None:
    """Where nothing could be carried out nothing is proposed, and that is said."""
    said = told(command(), **facts).look()
    assert (said == (BotNote("STRAT_UNWIND_HALTED", 1_000, 0),)) is halted


def test_a_perpetual_may_be_closed_while_safe() -> None:
    """Its margin does not wait for a person (risk.kill_switch lets it pass)."""
    perp = world.definition(instrument_kind=1, grid_ticks=0)
    safe = world.safety(kill_level="BLOCK", mode="SAFE")
    assert told(command(), safety=safe, definition=perp).slice() is not None


BOOKS = [
    ("long, both sides: meets the bid", 1_000, 44, 46, FLATTEN, 44),
    ("short, both sides: meets the ask", -1_000, 44, 46, FLATTEN, 46),
    ("long, only a bid above the floor", 1_000, 2, 0, FLATTEN, 2),
    ("long, only a bid at the floor", 1_000, 1, 0, FLATTEN, 0),
    ("long, no bid", 1_000, 0, 46, FLATTEN, 0),
    ("short, only an ask below one less the floor", -1_000, 0, 98, FLATTEN, 98),
    ("short, only an ask at it", -1_000, 0, 99, FLATTEN, 0),
]


@pytest.mark.parametrize(("name", "held", "bid", "ask", "safety", "price"), BOOKS, ids=[row[0] for row in BOOKS])
def test_prices(name: str, held: int, bid: int, ask: int, safety: SafetyState, price: int) -> None:
    """The best price of the other side; a one-sided book only when urgent and better than the floor."""
    snap = world.snapshot(bid_ticks=bid, ask_ticks=ask)
    scene = Scene(snap=snap, position=world.position(size_lots=held), safety=safety)
    wish = scene.slice()
    assert price == (wish.price_ticks if wish is not None else 0)
    assert wish is None or wish.side == (-1 if held > 0 else 1)


def test_a_medium_exit_waits_for_both_sides() -> None:
    """Only what is urgent crosses a one-sided book."""
    scene = told(breach(), snap=world.snapshot(ask_ticks=0))
    assert scene.look() == (BotNote("STRAT_UNWIND_WAIT", 1_000, 0),)


def test_low_rests_and_crosses_at_the_end() -> None:
    """It stands at its own touch, post-only, until the last of its slices."""
    scene = told(command("stop"))
    first = scene.slice()
    assert first is not None and (first.price_ticks, first.post_only, first.urgency) == (46, True, "LOW")
    scene.now += 7_200 * SECOND * 29 // 30
    last = scene.slice()
    assert last is not None
    assert (last.price_ticks, last.post_only, last.urgency, last.size_lots) == (44, False, "HIGH", 1_000)


def test_what_rests_is_withdrawn_before_a_crossing() -> None:
    """An exit that stood for a second is taken back first, so that the same lots are not sold twice."""
    old = world.order_update(side=-1, strategy=bot.BOT_ID, since_ns=int(NOW), size_lots=10, reduce_only=True)
    scene = told(command(), own=(old,))
    assert scene.slice() is not None
    scene.now += SECOND
    wish = scene.slice()
    assert wish is not None and (wish.intent_kind, wish.side) == ("WITHDRAW", -1)
    for fact in ({"strategy": "strat.maker_tight"}, {"state": "PENDING_CANCEL"}, {"side": 1}):
        other = told(command(), own=(world._of(old, fact),), now=int(NOW) + SECOND).slice()
        assert other is not None and other.intent_kind == "EXIT"


def test_a_slice_a_second_at_most() -> None:
    """One that came back unfilled is asked again, not at every change of the book."""
    scene = Scene(safety=FLATTEN)
    assert scene.slice() is not None
    scene.now += SECOND - 1
    assert scene.slice() is None
    scene.now += 1
    assert scene.slice() is not None


def test_a_stale_book_waits() -> None:
    """Nobody crosses a price that may be gone; the reading is not given after 2 s."""
    assert Scene(snap=None, safety=FLATTEN).look() == (BotNote("STRAT_UNWIND_WAIT", 1_000, 0),)
    (read,) = [read for read in bot.BOT.steps[0].reads if read.parameter == "snap"]
    assert (read.optional, read.within_ns) == (True, 2_000 * 1_000_000)


def test_a_greater_urgency_begins_anew_and_a_loosened_level_ends() -> None:
    """A schedule is not slowed down by a lesser wish, and ends with its cause."""
    scene = told(breach())
    scene.look()
    assert (scene.state.schedule.urgency, scene.state.schedule.span_ns) == (u.MEDIUM, 600 * SECOND)
    scene.safety = FLATTEN
    scene.look()
    assert (scene.state.schedule.urgency, scene.state.schedule.span_ns) == (u.HIGH, 30 * SECOND)
    calm = Scene(safety=FLATTEN)
    calm.look()
    calm.safety = world.safety()
    assert (calm.look(), calm.state) == ((), Work())


def test_a_position_that_turned_or_grew_is_a_new_one() -> None:
    """The schedule is of what is held now."""
    scene = Scene(safety=FLATTEN)
    scene.look()
    for held in (-500, 2_000):
        scene.position, scene.now = world.position(size_lots=held), scene.now + SECOND
        scene.look()
        assert (scene.state.schedule.lots, scene.state.schedule.start_ns) == (held, scene.now)


def test_no_dust_is_left() -> None:
    """A slice below the smallest order waits; one that would leave less than that takes all."""
    known = world.definition(min_size_lots=100)
    assert Scene(safety=FLATTEN, definition=known).slice() is None
    schedule = u.Schedule(1_000, 0, 30, u.HIGH)
    assert [u.due_lots(schedule, 1_000, 0, at, 0.0, 100) for at in (2, 27, 28)] == [100, 1_000, 1_000]


@given(st.floats(0.001, 1e5), st.floats(0, 1), st.floats(0, 10))
def test_a_schedule_falls_from_all_to_nothing(span: float, share: float, kappa: float) -> None:
    """The share left is 1 at the start, 0 at the end, never grows, and lies on or below the straight line."""
    shares = [u.left_micros(span, span * part / 20, kappa) for part in range(21)]
    assert (shares[0], shares[-1]) == (1_000_000, 0)
    assert all(one >= two for one, two in pairwise(shares))
    assert u.left_micros(span, span * share, kappa) <= (1.0 - share) * 1_000_000 + 2


def test_a_steeper_schedule_sells_sooner() -> None:
    """By the formula: half-way a kappa T of 2 leaves sinh(1) / sinh(2), and an enormous one nothing."""
    assert [u.left_micros(10.0, 5.0, kappa) for kappa in (0.0, 0.2, 1e6)] == [500_000, 324_027, 0]


def test_the_pace_is_zero_where_a_number_is_missing() -> None:
    """Without volatility, depth or spread the slices are equal; with them risk weighs against cost."""
    schedule, known = u.Schedule(1_000, 0, 1, u.HIGH), world.definition()
    pace = u.pace(schedule, 1e-6, 0.01, world.snapshot(), known)
    assert pace == pytest.approx((1e-6 * 0.01**2 / (0.01 / 120.0)) ** 0.5)
    for snap, sigma in (
        (world.snapshot(), 0.0),
        (world.snapshot(bid_depth_lots=0), 0.1),
        (world.snapshot(ask_ticks=44), 0.1),
    ):
        assert u.pace(schedule, 1e-6, sigma, snap, known) == 0.0


STEPS = st.lists(
    st.tuples(st.integers(0, 4_000), st.sampled_from(["all", "part", "none", "rest"]), st.integers(0, 100)),
    max_size=60,
)


@settings(max_examples=300)
@given(
    st.integers(-5_000, 5_000),
    st.sampled_from([FLATTEN, command(), command("stop"), breach(), None]),
    st.floats(0, 0.5),
    st.integers(1, 150),
    STEPS,
)
def test_what_is_sold_is_at_most_what_is_held(
    held: int, what: object, sigma: float, smallest: int, steps: list[tuple[int, str, int]]
) -> None:
    """Over any schedule, whatever fills, rests or does not, nothing adds up to more than the position or flips it."""
    volatility = world.signal(signal="volatility", label="CALM", parts=(("price_sigma", sigma),))
    scene = Scene(
        position=world.position(size_lots=held), volatility=volatility,
        definition=world.definition(min_size_lots=smallest),
        safety=what if isinstance(what, SafetyState) else world.safety(),
    )  # fmt: skip
    if isinstance(what, ControlCommand | IncidentReport):
        scene.tell(what)
    sign, left, resting, sold = (held > 0) - (held < 0), abs(held), 0, 0
    for ms, how, percent in steps:
        scene.now += ms * world.MS
        filled_later = resting * percent // 100 if how == "part" else 0
        resting, left, sold = resting - filled_later, left - filled_later, sold + filled_later
        rests = world.order_update(
            side=-sign, size_lots=max(1, resting), strategy=bot.BOT_ID, since_ns=scene.now, reduce_only=True
        )
        scene.own = (rests,) if resting else ()
        scene.position = world.position(size_lots=sign * left)
        wish = scene.slice()
        if wish is None:
            continue
        assert (wish.side, wish.reduce_only) == (-sign, True)
        assert reduces(wish, scene.position) and wish.size_lots + resting <= left
        assert wish.size_lots >= smallest
        got = {"all": wish.size_lots, "part": wish.size_lots * percent // 100, "none": 0, "rest": 0}[how]
        resting += wish.size_lots if how == "rest" else 0
        left, sold = left - got, sold + got
        assert 0 <= left - resting and sold <= abs(held)


@given(st.integers(1, 10**9), st.integers(0, 1_000), st.floats(0, 5))
def test_slices_add_up_to_the_position(lots: int, smallest: int, kappa: float) -> None:
    """A schedule whose every slice fills ends flat, unless less than the smallest order was held."""
    schedule, held = u.Schedule(lots, 0, 30 * SECOND, u.HIGH), lots
    for second in range(30):
        due = u.due_lots(schedule, held, 0, second * SECOND, kappa, smallest)
        assert 0 <= due <= held
        held -= due
    assert held == (0 if lots >= smallest else lots)


def test_flatten_ends_flat_in_the_engine() -> None:
    """A desk that makes markets and is told to flatten holds nothing soon after, generated and interpreted alike."""
    given_frames, heads = frames(6_000, 4, seed=11, trade_every=5), []
    for functions in ((), (interpreted,)):
        assembly = desk(*functions, **{"strat.inventory_unwinder": "enforced"})
        drive, blocks = Drive(assembly, 4), list(merge([given_frames], 64))
        drive.feed(blocks[:60])
        engine = assembly.desk
        held = [row.PositionState.size_lots for row in engine.rows if row.PositionState is not None]
        assert sum(map(bool, held)) == 4
        wish = command("FLATTEN", "requested")
        drive.blocks += engine.step([Row(fact_id(CONTROL_SOURCE, 1), OPERATOR_RANK, 0, engine.now, -1, wish)])
        drive.feed(blocks[60:])
        assert [row.PositionState.size_lots for row in engine.rows if row.PositionState is not None] == [0] * 4
        rows = [row for block in drive.close() for row in block.rows]
        intents = [row.payload for row in rows if type(getattr(row, "payload", None)) is OrderIntent]
        heads.append([wish for wish in intents if wish.strategy == bot.BOT_ID])
        assert engine.faults == []
    assert heads[0] == heads[1] and len(heads[0]) > 20


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert bot.BOT.reasons == {f"STRAT_UNWIND_{code}" for code in ("SLICE", "WAIT", "HALTED", "STATE_LOST")}
