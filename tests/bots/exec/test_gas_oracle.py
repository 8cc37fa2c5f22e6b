"""exec.gas_oracle: what an operation on a chain costs, and whether it runs now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec.gas_oracle import BOT, Config, Waiting, ask, review
from bots.kit import Instant
from bots.maths.gas import (
    DEFER,
    DROP,
    MILLION,
    RUN,
    SAMPLES_MIN,
    SLOT_NS,
    UNITS,
    cost_micros,
    decided,
    rank_micros,
    sampled,
    unit_price,
)
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot
from tests import world

NOW = world.NOW
LIMITS = (5.0, 800_000, 21_600)


def view(base: int = 100_000, priority: int = 30_000, native: int = 500_000) -> ChainSnapshot:
    """Return a view of a chain where gas costs 100 gwei, 30 more for haste, and the native token half a dollar."""
    plain = world.plainest(ChainSnapshot)
    return world._of(plain, {"base_fee_gwei_milli": base, "priority_gwei_milli": priority, "native_micros": native})


def wish(benefit: float, urgent: float = 0.0, label: str = "MERGE", name: str = "op1") -> SignalReport:
    """Return the question whether an operation of this benefit in dollars should run."""
    parts = (("freed", 50.0), ("urgent", urgent))
    return world.signal(signal="settlement", value=benefit, label=label, parts=parts, refs=(name, "M1"))


def history(*prices: int) -> tuple[tuple[int, int], ...]:
    """Return one sample for each five minutes before now."""
    first = NOW // SLOT_NS - len(prices)
    return tuple((first + place, price) for place, price in enumerate(prices))


class TestFixtures:
    def test_normal(self) -> None:
        """Benefit 5, cost .02: run, EXEC_GAS_RUN."""
        _, said = ask(Config(), Waiting(), wish(5.0), view(), NOW)
        assert said is not None
        assert (said.label, said.reason, said.refs) == ("RUN", "EXEC_GAS_RUN", ("op1", "M1"))
        assert said.value == pytest.approx(0.019375)

    def test_warning(self) -> None:
        """Percentile .9, worth more than it costs but not five times: wait, EXEC_GAS_DEFER."""
        now_price = unit_price(view())
        state = Waiting(samples=history(*[now_price - 1] * 18, *[now_price + 1] * 2))
        after, said = ask(Config(), state, wish(0.05), view(), NOW)
        assert said is not None
        assert (said.label, said.reason, said.part("percentile")) == ("DEFER", "EXEC_GAS_DEFER", 0.9)
        assert after.asked == wish(0.05)

    def test_hard(self) -> None:
        """Benefit .01, cost .05: dropped, EXEC_GAS_UNECONOMIC."""
        dear = view(base=260_000, priority=75_000)
        _, said = ask(Config(), Waiting(), wish(0.01), dear, NOW)
        assert said is not None
        assert (said.label, said.reason, round(said.value, 3)) == ("DROP", "EXEC_GAS_UNECONOMIC", 0.05)

    def test_failure(self) -> None:
        """Chain view lost: only what reduces risk runs, at three times the last cost, EXEC_GAS_UNKNOWN."""
        state = Waiting(price=unit_price(view()))
        _, waits = ask(Config(), state, wish(5.0), None, NOW)
        _, runs = ask(Config(), state, wish(5.0, urgent=1.0), None, NOW)
        assert waits is not None and runs is not None
        assert [(s.label, s.reason) for s in (waits, runs)] == [
            ("DEFER", "EXEC_GAS_UNKNOWN"),
            ("RUN", "EXEC_GAS_UNKNOWN"),
        ]
        assert runs.value == pytest.approx(3 * 0.019375)
        (read,) = [read for read in BOT.steps[0].reads if read.parameter == "view"]
        assert (read.optional, read.within_ns) == (True, 10_000 * 1_000_000)

    def test_a_cost_never_known_runs_nothing(self) -> None:
        """What reduces risk waits too where no view of the chain ever came."""
        _, said = ask(Config(), Waiting(), wish(5.0, urgent=1.0), None, NOW)
        assert said is not None and said.label == "DEFER"


DECISIONS = [
    ("five times the cost runs at any price", 500, 100, 999_999, 0, False, RUN),
    ("a micro less waits while gas is dear", 499, 100, 800_001, 0, False, DEFER),
    ("at the percentile gas is not dear", 499, 100, 800_000, 0, False, RUN),
    ("a second before the end it waits", 101, 100, 900_000, 21_599, False, DEFER),
    ("at the end it runs when it is worth more than it costs", 101, 100, 900_000, 21_600, False, RUN),
    ("at the end what is worth its cost and no more is dropped", 100, 100, 900_000, 21_600, False, DROP),
    ("what is cheap and worth nothing is dropped at once", 99, 100, 100_000, 0, False, DROP),
    ("what is urgent runs whatever it costs", 0, 10**9, 999_999, 0, True, RUN),
]


@pytest.mark.parametrize(("name", "benefit", "cost", "rank", "age", "urgent", "answer"), DECISIONS)
def test_decisions(name: str, benefit: int, cost: int, rank: int, age: int, urgent: bool, answer: str) -> None:
    """Each limit on both sides."""
    assert answer == decided(benefit, cost, rank, age, urgent, *LIMITS), name


def test_a_later_view_changes_the_answer_once() -> None:
    """What waits is looked at again with each view, and spoken of when the answer changed."""
    cheap, dear = view(base=10_000, priority=0), view()
    state = Waiting(samples=history(*[unit_price(cheap)] * 19))
    state, said = ask(Config(), state, wish(0.05), dear, NOW)
    assert said is not None and said.label == "DEFER"
    state, said = review(Config(), state, dear, world.position(), Instant(NOW + world.SECOND))
    assert said is None
    state, said = review(Config(), state, cheap, world.position(), Instant(NOW + 2 * world.SECOND))
    assert said is not None and (said.label, said.part("age_s")) == ("RUN", 2.0)
    state, said = review(Config(), state, cheap, world.position(), Instant(NOW + 3 * world.SECOND))
    assert (state.asked, said) == (None, None)


def test_waiting_counts_from_the_first_question() -> None:
    """The same operation asked about again has waited since then; another one begins."""
    state = Waiting(samples=history(*[1] * 20))
    state, _ = ask(Config(), state, wish(0.05), view(), NOW)
    later = Instant(NOW + 21_600 * world.SECOND)
    assert ask(Config(), state, wish(0.06), view(), later)[1].label == "RUN"  # type: ignore[union-attr]
    assert ask(Config(), state, wish(0.05, name="op2"), view(), later)[1].label == "DEFER"  # type: ignore[union-attr]


def test_nothing_is_learnt_where_nothing_was_ever_held() -> None:
    """A market without a position keeps no history."""
    assert (Waiting(), None) == review(Config(), Waiting(), view(), None, NOW)
    state, said = review(Config(), Waiting(), view(), world.position(size_lots=0), NOW)
    assert (said, state.price, len(state.samples)) == (None, unit_price(view()), 1)


def test_one_sample_for_each_five_minutes_of_the_window() -> None:
    """The window slides and never grows."""
    samples: tuple[tuple[int, int], ...] = ()
    for second in range(0, 3 * 3_600, 100):
        samples = sampled(samples, second, NOW + second * world.SECOND, 1)
    assert len(samples) == 12
    assert [slot for slot, _ in samples] == sorted({slot for slot, _ in samples})


def test_a_rank_needs_an_hour() -> None:
    """With fewer samples the price counts as the middle."""
    few = history(*[1] * (SAMPLES_MIN - 1))
    assert (500_000, MILLION) == (rank_micros(few, 99), rank_micros((*few, (NOW // SLOT_NS, 1)), 99))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**8), st.sampled_from(sorted(UNITS)))
def test_a_cost_is_rounded_up_and_grows_with_every_price(base: int, priority: int, native: int, operation: str) -> None:
    """Never below the exact cost, at most a micro above it, and no fee makes it cheaper."""
    seen = view(base, priority, native)
    exact = UNITS[operation] * unit_price(seen)
    cost = cost_micros(operation, unit_price(seen))
    assert 0 <= cost * 10**12 - exact < 10**12
    assert cost <= cost_micros(operation, unit_price(view(base + 1, priority + 1, native + 1)))
    assert cost <= cost_micros("UNHEARD_OF", unit_price(seen))
