"""The engine's laws: generated equals interpreted, batches and restarts change nothing, the unsure refuses."""

import pickle
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.kit import Bot, BotConfig, Instant, Latest, On, State, fold, rule
from bots.registry import library
from contracts.base import Refused
from contracts.envelope import rows_of
from contracts.intent import OrderIntent, RiskDecision, RiskVote
from contracts.market import MarketSnapshot, Touch
from contracts.order import AuthorisedOrder
from contracts.signal import FairValue
from operators.interpret import interpreted
from operators.plan import Choice, compile_plan
from operators.sequencer import merge
from tests.laws.engine_stream import Drive, desk, frames, heads, run

ASSETS, FRAMES = 4, 3_000
GATES = tuple(desk().configured.required_gates)
MODED = [
    "risk.drawdown", "risk.market_quality", "risk.self_trade_wash_guard", "intel.order_flow_analyzer",
    "intel.flow_toxicity", "disc.event_calendar_mapper", "exec.fill_probability_estimator",
]  # fmt: skip


def said(blocks, kind: type) -> list:
    """Payloads of one kind, in order."""
    return [r.payload for b in blocks if b.chain == "decisions" for r in b.rows if type(r.payload) is kind]


@pytest.fixture(scope="module")
def stream():
    """A market with trades, and with lost changes that break trust now and then."""
    return frames(FRAMES, ASSETS, seed=11, drop_every=211, trade_every=17)


@pytest.fixture(scope="module")
def reference(stream):
    """The blocks of an undisturbed run."""
    return run(stream, ASSETS)[0]


def test_the_stream_of_these_laws_makes_the_desk_trade(reference) -> None:
    """The laws below speak of real work: intents, refusals, orders and fills all occur."""
    kinds = Counter(type(r.payload).__name__ for b in reference if b.chain == "decisions" for r in b.rows)
    verdicts = Counter(decision.verdict for decision in said(reference, RiskDecision))
    assert min(kinds["OrderIntent"], kinds["AuthorisedOrder"], kinds["Fill"]) > 0, kinds
    assert verdicts["APPROVE"] > 0 and verdicts["REJECT"] > 0, verdicts


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(1, 10_000),
    drop=st.sampled_from([0, 97, 211]),
    modes=st.dictionaries(
        st.sampled_from(MODED), st.sampled_from(["off", "shadow", "advisory", "quarantine"]), max_size=3
    ),
)
def test_generated_equals_interpreted(seed: int, drop: int, modes: dict[str, str]) -> None:
    """The generated functions and the interpreter seal the same bytes, for any modes and any stream."""
    given_frames = frames(700, 3, seed, drop, 13)
    fast = run(given_frames, 3, assembly=desk(**modes))[0]
    slow = run(given_frames, 3, assembly=desk(interpreted, **modes))[0]
    decisions = [[b.data for b in blocks if b.chain == "decisions"] for blocks in (fast, slow)]
    assert decisions[1] == decisions[0]


@pytest.mark.parametrize("batch", [1, 8, 64, 1_000])
def test_batches_change_nothing(stream, reference, batch: int) -> None:
    """Any batch size gives the same heads."""
    assert heads(reference) == heads(run(stream, ASSETS, batch)[0])


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_random_splits_change_nothing(stream, reference, cuts: list[int]) -> None:
    """However the same frames are cut into blocks, the heads are the same."""
    flat = [frame for block in merge([stream], 100_000) for frame in block]
    drive, start = Drive(desk(), ASSETS), 0
    while start < len(flat):
        size = cuts[start % len(cuts)]
        drive.feed([flat[start : start + size]])
        start += size
    assert heads(reference) == heads(drive.close())


@pytest.mark.parametrize("at", [1, 3, 7])
def test_a_restart_changes_nothing(stream, reference, at: int) -> None:
    """A snapshot of every step between two blocks, pickled and restored, goes on to the same heads."""
    blocks = list(merge([stream], 256))
    drive = Drive(desk(), ASSETS)
    drive.feed(blocks[:at])
    resumed = Drive.__new__(Drive)
    resumed.assembly = drive.assembly._replace(
        lane=pickle.loads(pickle.dumps(drive.assembly.lane)), desk=pickle.loads(pickle.dumps(drive.assembly.desk))
    )
    for name in ("normaliser", "books", "freshness", "address"):
        setattr(resumed, name, pickle.loads(pickle.dumps(getattr(drive, name))))
    resumed.blocks = drive.blocks
    resumed.feed(blocks[at:])
    assert heads(reference) == heads(resumed.close())


def test_no_two_envelopes_share_an_id(stream) -> None:
    """Cause, rank and index name one envelope, in the journal and in the decisions, also when markets share a tick."""
    blocks, _ = run(stream, ASSETS)
    for chain in ("journal", "decisions"):
        rows = [row for block in blocks if block.chain == chain for row in rows_of(block.data, chain)]
        ids = Counter((row.cause, row.rank, row.index) for row in rows)
        assert [] == [name for name, count in ids.items() if count > 1][:3]


def test_no_two_orders_share_an_id(reference) -> None:
    """An intent, and an order placed, each has an id of its own."""
    intents = [intent.intent_id for intent in said(reference, OrderIntent)]
    placed = [o.child.client_order_id for o in said(reference, AuthorisedOrder) if o.child.action == "PLACE"]
    assert len(intents) == len(set(intents))
    assert len(placed) == len(set(placed))


def _broken(gate: str, how: str):
    """A desk whose guard `gate` raises, answers nothing, or answers something else."""

    def raises(*readings: object) -> RiskVote:
        raise ValueError("broken on purpose")

    answers = {"raises": raises, "none": lambda *readings: None, "other": lambda *readings: "APPROVE"}
    assembly = desk()
    names = assembly.desk.plain[AuthorisedOrder].__globals__
    node = next(node for node in assembly.desk.plan.gates if node.bot_id == gate)
    names[f"f{node.key}"] = answers[how]
    return assembly


@pytest.mark.parametrize("how", ["raises", "none", "other"])
@pytest.mark.parametrize("gate", GATES)
def test_a_broken_guard_refuses(gate: str, how: str) -> None:
    """A guard that raises or does not vote refuses every intent that reaches it, under its own name."""
    blocks, _ = run(frames(900, 2, 5), 2, assembly=_broken(gate, how))
    placed = [order for order in said(blocks, AuthorisedOrder) if order.child.action == "PLACE"]
    blamed = [d.votes[-1] for d in said(blocks, RiskDecision) if d.votes and d.votes[-1].gate == gate]
    assert [] == placed
    assert {"RISK_BOT_FAULT"} == {vote.reason for vote in blamed}


@pytest.mark.parametrize("gate", GATES)
def test_a_quarantined_guard_refuses(gate: str) -> None:
    """A quarantined guard refuses what it touches."""
    blocks, _ = run(frames(600, 2, 5), 2, assembly=desk(**{gate: "quarantine"}))
    assert [] == [order for order in said(blocks, AuthorisedOrder) if order.child.action == "PLACE"]


def test_every_order_has_every_required_vote(reference) -> None:
    """No order is authorised without an approval that carries a vote of every required gate."""
    decisions = {d.subject_id: d for d in said(reference, RiskDecision)}
    orders = [order for order in said(reference, AuthorisedOrder) if order.child.action == "PLACE"]
    for order in orders:
        decision = decisions[order.intent_id]
        voted = {vote.gate for vote in decision.votes} | set(decision.not_run)
        assert decision.verdict in ("APPROVE", "RESHAPE")
        assert set(GATES) <= voted
    assert orders


class _Config(BotConfig):
    """Nothing."""


class _State(State):
    """Nothing."""


def _reads_what_nobody_says(config: _Config, snap: On[MarketSnapshot], fair: Latest[FairValue], now: Instant) -> None:
    """Reads a fair value."""


def _fair_from_snapshot(
    config: _Config, touch: On[Touch], snap: Latest[MarketSnapshot], now: Instant
) -> FairValue | None:
    """Says what the other one reads."""


def _snapshot_from_fair(
    config: _Config, touch: On[Touch], fair: Latest[FairValue], now: Instant
) -> MarketSnapshot | None:
    """Says what the first one reads."""


def _intends(
    config: _Config, state: _State, snap: On[MarketSnapshot], now: Instant
) -> tuple[_State, tuple[OrderIntent, ...]]:
    """A signal service that would trade."""


def _plan(where: str, *bots: tuple[str, Bot], gates: tuple[str, ...] = ()) -> None:
    compile_plan(library(), where, [Choice(bot_id, bot, _Config(), "enforced") for bot_id, bot in bots], (), gates)


@pytest.mark.parametrize(
    ("where", "bots", "gates", "words"),
    [
        ("lane", [("intel.fair_value_engine", rule(_reads_what_nobody_says, reasons=set()))], (), "nobody produces"),
        (
            "lane",
            [
                ("intel.fair_value_engine", rule(_fair_from_snapshot, reasons=set())),
                ("intel.snapshot_assembler", rule(_snapshot_from_fair, reasons=set())),
            ],
            (),
            "cycle",
        ),
        ("lane", [("intel.fair_value_engine", fold(_intends, reasons=set()))], (), "may not say OrderIntent"),
        ("desk", [], (), "without an enforced guard"),
        ("desk", [], ("risk.kill_switch",), "required but pending or off"),
        ("desk", [], ("intel.book_builder",), "not an intent gate"),
    ],
)
def test_a_plan_that_cannot_hold_is_refused(where: str, bots: list, gates: tuple[str, ...], words: str) -> None:
    """Unread types, cycles, a class that oversteps, and a desk without a guard are errors before anything runs."""
    with pytest.raises(Refused, match=words):
        _plan(where, *bots, gates=gates)


def test_a_frame_that_moves_no_best_price_calls_few_bots() -> None:
    """Silence costs nothing: a change behind the touch triggers no bot of the lane at all."""
    drive = Drive(desk(), 1)
    given_frames = frames(40, 1, 3)
    drive.feed(merge([given_frames], 256))
    lane = drive.assembly.lane
    calls: list[str] = []
    lane.plain = {kind: (lambda *a, k=kind: calls.append(k.__name__)) for kind in lane.plain}
    book = drive.books
    behind = frames(60, 1, 3)[len(given_frames) :]
    entries = book.step(drive.normaliser.step([f for f in behind if b"price_changes" in f.data]).facts)
    lane.step(entries)
    touches = sum(type(entry) is Touch for entry in entries)
    assert touches == calls.count("Touch")
    assert len(calls) < len(entries)
