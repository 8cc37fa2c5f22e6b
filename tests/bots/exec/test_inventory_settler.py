"""exec.inventory_settler: pairs, resolved tokens and NO of one event become capital again."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec import inventory_settler as bot
from bots.exec.nonce_shepherd import Config as NamesConfig
from bots.exec.nonce_shepherd import Known, assign
from bots.exec.order_shaper import Config as ShaperConfig
from bots.exec.order_shaper import shape
from bots.kit import Instant
from bots.maths.settling import Token, Tokens, benefit_micros, convertible, noted, proposed
from contracts.control import SafetyState
from contracts.intent import BotNote
from contracts.market import MarketDefinition, Settlement
from contracts.order import ExecutionPlan
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot
from tests import world

NOW = world.NOW
CONTRACT = 100  # lots
DAY = 86_400 * world.SECOND


def market(name: str, other: str, outcome: str, **overrides: object) -> MarketDefinition:
    """Return one outcome token of a venue on a chain, 30 days before its end."""
    facts = {"market_id": name, "complement_id": other, "outcome": outcome, "venue_id": "polymarket"}
    return world.definition(**{**facts, "expiry_ns": NOW + 30 * DAY, **overrides})


YES, NO = market("Y", "N", "YES"), market("N", "Y", "NO")


@dataclass
class Scene:
    """A settler and what it reads."""

    config: bot.Config = field(default_factory=bot.Config)
    state: bot.Store = field(default_factory=bot.Store)
    resolution: SignalReport | None = None
    safety: SafetyState | None = field(default_factory=world.safety)
    now: Instant = NOW
    cause: int = world.FACT

    def read(self, definition: MarketDefinition) -> tuple[object, ...]:
        """Return the readings of a look."""
        return (definition, self.resolution, self.safety, world.desk(), self.cause, self.now)

    def hold(self, definition: MarketDefinition, contracts: int, drift: bool = False) -> SignalReport | BotNote | None:
        """Hear of a position."""
        event = world.position(market_id=definition.market_id, size_lots=contracts * CONTRACT, drift=drift)
        _, resolution, safety, desk, cause, now = self.read(definition)
        self.state, said = bot.look(self.config, self.state, event, definition, resolution, safety, desk, cause, now)
        return said

    def pay(self, definition: MarketDefinition, contracts: int, price: int = 100) -> SignalReport | BotNote | None:
        """Hear that a resolved position was paid."""
        paid = Settlement(
            definition.market_id, 1, price, 10_000, contracts * CONTRACT, 10_000, 0, "settlement", True, "EXEC_SETTLED"
        )
        _, resolution, safety, desk, cause, now = self.read(definition)
        self.state, said = bot.look(self.config, self.state, paid, definition, resolution, safety, desk, cause, now)
        return said

    def answer(
        self, definition: MarketDefinition, asked: SignalReport, label: str = "RUN"
    ) -> ExecutionPlan | BotNote | None:
        """Hear what gas says of it."""
        said = world.signal(signal="gas_decision", value=0.02, label=label, refs=asked.refs)
        self.state, made = bot.plan(self.config, self.state, said, definition, world.desk(), self.now)
        return made


def paired(contracts: int, **scene: object) -> tuple[Scene, SignalReport | BotNote | None]:
    """Return a desk that holds so many of both outcomes, and what it said of the second."""
    made = Scene(**scene)  # type: ignore[arg-type]
    made.hold(YES, contracts)
    return made, made.hold(NO, contracts)


class TestFixtures:
    def test_normal(self) -> None:
        """50 YES and 50 NO, and gas says RUN: merge 50, EXEC_SETTLE_PLANNED."""
        scene, asked = paired(50)
        assert isinstance(asked, SignalReport)
        assert (asked.label, asked.part("freed"), asked.part("urgent")) == ("MERGE", 50.0, 0.0)
        assert asked.value == pytest.approx(50 * 0.15 * 30 / 365, abs=1e-6)
        made = scene.answer(NO, asked)
        assert isinstance(made, ExecutionPlan)
        assert (made.style, made.intent_kind, made.reasons) == ("SETTLE", "SETTLE", ("EXEC_SETTLE_PLANNED",))
        (child,) = made.children
        assert (child.action, child.market_id, child.size_lots) == ("MERGE", "N", 50 * CONTRACT)
        assert (child.side, child.price_ticks, child.reduce_only, child.post_only) == (-1, 0, True, False)
        assert world.checked(made) == made

    def test_warning(self) -> None:
        """6 pairs: wait, EXEC_SETTLE_DEFERRED."""
        assert paired(6)[1] == BotNote("EXEC_SETTLE_DEFERRED", 6_000_000, 10_000_000)

    def test_hard(self) -> None:
        """A winner in dispute: none, EXEC_SETTLE_BLOCKED."""
        scene = Scene(resolution=world.signal(signal="resolution_state", label="DISPUTED"))
        assert scene.hold(YES, 50) == BotNote("EXEC_SETTLE_BLOCKED", 50 * CONTRACT, 0)

    def test_failure(self) -> None:
        """The drift flag is set, on this token or on its other half: none, EXEC_SETTLE_STATE_UNKNOWN."""
        scene = Scene()
        assert scene.hold(YES, 50, drift=True) == BotNote("EXEC_SETTLE_STATE_UNKNOWN", 1, 0)
        assert scene.hold(NO, 50) == BotNote("EXEC_SETTLE_STATE_UNKNOWN", 0, 0)


@pytest.mark.parametrize(("contracts", "asks"), [(9, False), (10, True)])
def test_at_the_fewest_pairs_they_are_merged(contracts: int, asks: bool) -> None:
    """min_pairs on both sides."""
    assert asks is isinstance(paired(contracts)[1], SignalReport)


def test_what_resting_sales_may_need_stays() -> None:
    """Pairs are what both outcomes hold beyond what is promised; an operation of ours promises nothing."""
    scene, _ = paired(50)
    sale = world.order_update(market_id="Y", side=-1, size_lots=45 * CONTRACT, filled_lots=5 * CONTRACT)
    own = world.own_orders(sale)
    scene.state = bot.follow(scene.config, scene.state, sale, YES, own, NOW)
    assert scene.hold(NO, 50) is not None
    assert scene.state.tokens.operation("N").size_lots == 10 * CONTRACT  # type: ignore[union-attr]
    scene.state = bot.follow(scene.config, scene.state, sale, YES, world.own_orders(), NOW)
    scene.hold(NO, 50)
    assert scene.state.tokens.operation("N").size_lots == 50 * CONTRACT  # type: ignore[union-attr]


def test_never_more_than_the_chain_shows() -> None:
    """A token that the chain does not show is not there."""
    scene = Scene()
    seen = world._of(world.plainest(ChainSnapshot), {"tokens": (("N", 20 * CONTRACT), ("Y", 30 * CONTRACT))})
    scene.state = bot.learn(scene.config, scene.state, seen, NOW)
    scene.hold(YES, 50)
    scene.hold(NO, 50)
    assert scene.state.tokens.operation("N").size_lots == 20 * CONTRACT  # type: ignore[union-attr]


ENDS = [("RESOLVED", True), ("VOID", True), ("CLOSED", False), ("PROPOSED", False)]


@pytest.mark.parametrize(("label", "asks"), ENDS)
def test_a_resolved_token_is_redeemed(label: str, asks: bool) -> None:
    """Once the outcome is known and paid, not before; a year of what it earns speaks for it."""
    scene = Scene(resolution=world.signal(signal="resolution_state", label=label))
    said = scene.pay(YES, 40)
    assert asks is isinstance(said, SignalReport)
    if isinstance(said, SignalReport):
        assert (said.label, said.value) == ("REDEEM", pytest.approx(40 * 0.15))
        made = scene.answer(YES, said)
        assert isinstance(made, ExecutionPlan) and made.children[0].action == "REDEEM"


def test_a_worthless_token_is_left_and_an_unknown_end_waits() -> None:
    """The loser is worth nothing; where nobody says how the market stands nothing is done."""
    scene = Scene(resolution=world.signal(signal="resolution_state", label="RESOLVED"))
    assert scene.pay(YES, 40, price=0) is None
    assert Scene().pay(YES, 40) == BotNote("EXEC_SETTLE_STATE_UNKNOWN", 0, 0)


def test_the_signal_of_the_end_is_enough() -> None:
    """A payment that came before the word of its end is redeemed with that word."""
    scene = Scene(resolution=world.signal(signal="resolution_state", label="CLOSED"))
    assert scene.pay(YES, 40) is None
    heard = world.signal(signal="resolution_state", label="RESOLVED")
    _, said = bot.resolved(scene.config, scene.state, heard, YES, scene.safety, world.desk(), scene.cause, scene.now)
    assert isinstance(said, SignalReport) and said.label == "REDEEM"


def test_no_of_one_event_is_converted() -> None:
    """Of k NO at quantity q (k - 1) q is freed; every NO token of the conversion is a child of the one plan."""
    nos = [market(f"n{i}", f"y{i}", "NO", event_id="E", neg_risk=True) for i in range(3)]
    scene, said = Scene(), None
    for token, contracts in zip(nos, (4, 40, 30), strict=True):
        said = scene.hold(token, contracts) or said
    assert isinstance(said, SignalReport)
    assert (said.label, said.part("freed"), said.refs[1:]) == ("CONVERT", 30.0, ("n1", "n2"))
    made = scene.answer(nos[2], said)
    assert isinstance(made, ExecutionPlan)
    assert [(c.action, c.market_id, c.size_lots, c.child_index) for c in made.children] == [
        ("CONVERT", "n1", 3_000, 0),
        ("CONVERT", "n2", 3_000, 1),
    ]


@pytest.mark.parametrize(("contracts", "asks"), [(24, False), (25, True)])
def test_a_conversion_frees_at_least_min_free_usd(contracts: int, asks: bool) -> None:
    """Both sides of the limit; what falls short is noted with its number."""
    scene = Scene()
    for i in range(2):
        token = market(f"n{i}", f"y{i}", "NO", event_id="E", neg_risk=True)
        said = scene.hold(token, contracts)
    assert asks is isinstance(said, SignalReport)
    assert asks or said == BotNote("EXEC_SETTLE_DEFERRED", contracts * 1_000_000, 25_000_000)


def test_other_events_and_other_sides_are_not_converted() -> None:
    """Only NO of the same neg-risk event."""
    scene = Scene()
    scene.hold(market("n0", "y0", "NO", event_id="E", neg_risk=True), 50)
    assert scene.hold(market("n1", "y1", "NO", event_id="F", neg_risk=True), 50) is None
    assert scene.hold(market("n2", "y2", "NO", event_id="E", neg_risk=False), 50) is None
    assert scene.hold(market("y3", "n3", "YES", event_id="E", neg_risk=True), 50) is None


GATES = [
    ("deferred by gas", "DEFER"),
    ("dropped by gas", "DROP"),
]


@pytest.mark.parametrize(("name", "label"), GATES)
def test_gas_decides(name: str, label: str) -> None:
    """What does not run waits with a note; a later RUN for the same question carries it out."""
    scene, asked = paired(50)
    assert isinstance(asked, SignalReport)
    assert scene.answer(NO, asked, label) == BotNote("EXEC_SETTLE_DEFERRED", 50_000_000, 20_000), name
    assert isinstance(scene.answer(NO, asked), ExecutionPlan)


def test_an_answer_to_another_question_is_not_acted_on() -> None:
    """Only the operation that is asked about now may run."""
    scene, asked = paired(50)
    assert isinstance(asked, SignalReport)
    assert scene.answer(NO, world.signal(refs=("other",))) is None


def test_one_operation_at_a_time() -> None:
    """While one is under way its tokens are left alone; once refused they rest, once done they are free."""
    scene, asked = paired(50)
    assert isinstance(asked, SignalReport)
    scene.answer(NO, asked)
    assert scene.answer(NO, asked) is None
    assert scene.hold(YES, 50) is None
    end = world.order_update(market_id="N", strategy=bot.BOT_ID, state="REJECTED", side=-1)
    refused = bot.follow(scene.config, scene.state, end, NO, None, NOW)
    rested = Scene(state=refused, now=Instant(NOW + bot.REST_NS - 1))
    assert rested.hold(YES, 50) is None
    rested.now = Instant(NOW + bot.REST_NS)
    assert isinstance(rested.hold(YES, 50), SignalReport)
    done = bot.follow(
        scene.config,
        scene.state,
        world.order_update(market_id="N", strategy=bot.BOT_ID, state="FILLED", side=-1),
        NO,
        None,
        NOW,
    )
    assert done.tokens.operations == ()


SAFE = [("ALLOW", "MERGE", 0.0), ("CLOSE_ONLY", "MERGE", 0.0), ("FLATTEN", "MERGE", 1.0)]


@pytest.mark.parametrize(("level", "label", "urgent"), SAFE)
def test_freeing_capital_is_urgent_under_flatten(level: str, label: str, urgent: float) -> None:
    """What ends exposure does not wait for cheap gas."""
    _, said = paired(50, safety=world.safety(kill_level=level))
    assert isinstance(said, SignalReport) and (said.label, said.part("urgent")) == (label, urgent)


def test_blocked_or_unknown_safety_does_nothing() -> None:
    """BLOCK sends nothing, and neither does a desk that does not know its state."""
    assert paired(50, safety=world.safety(kill_level="BLOCK"))[1] == BotNote("EXEC_SETTLE_BLOCKED", 5_000, 0)
    assert paired(50, safety=None)[1] == BotNote("EXEC_SETTLE_STATE_UNKNOWN", 0, 0)


def test_a_market_whose_outcomes_share_one_book_has_nothing_to_settle() -> None:
    """There YES and NO net by themselves, and a perpetual has no outcome."""
    scene = Scene()
    assert (scene.hold(world.definition(), 50), scene.state) == (None, bot.Store())


def test_the_refiners_let_an_operation_through_and_name_it() -> None:
    """The shaper leaves it as it is, and the shepherd gives it the identity by which a repetition is known."""
    scene, asked = paired(50)
    assert isinstance(asked, SignalReport)
    made = scene.answer(NO, asked)
    assert isinstance(made, ExecutionPlan)
    assert shape(ShaperConfig(), made, None, None, None, NOW) == made
    state, named = assign(NamesConfig(), Known(), made, None, NOW)
    (child,) = named.children
    assert (child.action, len(child.client_order_id), len(named.plan_hash)) == ("MERGE", 26, 64)
    assert assign(NamesConfig(), state, made, None, NOW)[1].children == ()


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6), st.integers(0, 5))
def test_a_conversion_changes_no_payoff(held: list[int], winner: int) -> None:
    """Whichever outcome wins: cash plus what is held pays after a conversion what it paid before."""
    tokens = Tokens()
    for i, lots in enumerate(held):
        token = market(f"n{i}", f"y{i}", "NO", event_id="E", neg_risk=True)
        tokens = noted(tokens, token, held_lots=lots)
    names, q = convertible(tokens, "n0")
    taken = [int(name[1:]) for name in names]
    before = sum(lots for i, lots in enumerate(held) if i != winner)
    left = [lots - (q if i in taken else 0) for i, lots in enumerate(held)]
    cash = max(0, len(taken) - 1) * q
    yes = 0 if winner in taken or not taken else q
    assert before == cash + yes + sum(lots for i, lots in enumerate(left) if i != winner)
    assert min(left) >= 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_merge_never_takes_what_is_not_free(yes: int, no: int, promised: int, shown: int) -> None:
    """At most what each token holds, shows on the chain, and has not promised."""
    tokens = noted(noted(Tokens(), YES, held_lots=yes, promised_lots=promised), NO, held_lots=no)
    tokens = Tokens(tokens.keys, tokens.items, (), (("N", shown), ("Y", yes)))
    found, _ = proposed(tokens, "Y", "op", False, 0, 10**18)
    size = found.size_lots if found is not None else 0
    assert size == max(0, min(yes - promised, no, shown))


def test_benefit_counts_days_that_are_left() -> None:
    """A started day counts whole, a year is the most, and a token without an end has a day."""
    scene, _ = paired(50)
    found = scene.state.tokens.operation("N")
    assert found is not None
    for left, days in ((DAY, 1), (DAY + 1, 2), (1_000 * DAY, 365), (-DAY, 1)):
        token = Token("Y", "E", True, False, 10_000, NOW + left)
        assert benefit_micros(found, token, 150_000, NOW) == 50_000_000 * 150_000 * days // (365 * 1_000_000)
    assert benefit_micros(found, Token("Y", "E", True, False, 10_000, 0), 150_000, NOW) == 20_547


def test_declared() -> None:
    """Every reason of the row is declared."""
    codes = {"PLANNED", "DEFERRED", "BLOCKED", "STATE_UNKNOWN"}
    assert bot.BOT.reasons == {f"EXEC_SETTLE_{code}" for code in codes}
