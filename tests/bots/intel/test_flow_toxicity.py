"""intel.flow_toxicity: one-sidedness on a volume clock, against its own history."""

from itertools import cycle, islice
from typing import Any

import pytest

from bots.intel.flow_toxicity import Config, Memory, on_print
from contracts.signal import SignalReport
from tests.bots.intel.test_snapshot_assembler import ticker
from tests.world import NOW, definition, snapshot, trade_print

DEFINITION = definition()
FIXED = ticker(volume_lots=10**9)
A_DAY = 10**6  # so that a bucket holds 1,000 lots, whatever is traded here
FEW = Config(n=5, min_history=10, buckets_per_day=A_DAY)


class Clock:
    """Drives the bot with prints of one bucket each."""

    def __init__(self, config: Config = FEW) -> None:
        """Begin at birth."""
        self.config, self.state, self.said = config, Memory(), None

    def print(self, lots: int, side: int, source: str = "venue", mid: int = 45) -> SignalReport | None:
        """One print."""
        trade = trade_print(size_lots=lots, aggressor=side, sign_source=source)
        snap = snapshot(bid_ticks=mid - 1, ask_ticks=mid + 1)
        self.state, said = on_print(self.config, self.state, trade, DEFINITION, snap, FIXED, NOW)
        self.said = said or self.said
        return said

    def buckets(self, count: int, buy_share: float) -> SignalReport | None:
        """So many buckets with this share bought."""
        for _ in range(count):
            bought = round(1_000 * buy_share)
            if bought:
                self.print(bought, 1)
            if bought < 1_000:
                self.print(1_000 - bought, -1)
        return self.said


def history(clock: Clock, buckets: int) -> Clock:
    """A past of mild and varied imbalance."""
    for share in islice(cycle((0.5, 0.55, 0.6, 0.45, 0.65, 0.4, 0.7)), buckets):
        clock.buckets(1, share)
    return clock


def test_normal_alternating_flow() -> None:
    """Fixture normal: alternating buys and sells: VPIN near 0 and normal."""
    clock = Clock()
    clock.buckets(8, 0.5)
    clock.buckets(4, 1.0)
    said = clock.buckets(60, 0.5)
    assert said is not None
    assert (0.0, "NORMAL", "INTEL_TOX_NORMAL") == (said.value, said.label, said.reason)


def test_warning_and_hard_one_sided_flow() -> None:
    """Fixtures warning and hard: 70/30 after a calm past is elevated; 98 percent buys are high, on the buyers' side."""
    clock = history(Clock(Config(n=50, min_history=200, buckets_per_day=A_DAY)), 300)
    labels = set()
    for _ in range(50):
        clock.buckets(1, 0.7)
        labels.add(clock.said.label if clock.said is not None else "")
    said = clock.buckets(50, 0.98)
    assert said is not None
    assert (0.96, "HIGH", "INTEL_TOX_HIGH", 1.0) == (said.value, said.label, said.reason, said.part("side"))
    assert "HIGH" in labels
    clock.buckets(300, 0.9)
    mixed = history(clock, 400)
    assert mixed.said is not None and mixed.said.label in {"NORMAL", "ELEVATED"}


@pytest.mark.parametrize(
    ("warn", "toxic", "label"),
    [
        (800_000, 850_000, "HIGH"),
        (850_000, 860_000, "ELEVATED"),
        (840_001, 850_001, "ELEVATED"),
        (850_001, 900_000, "NORMAL"),
    ],
)
def test_limits_of_the_percentile(warn: int, toxic: int, label: str) -> None:
    """A percentile of .85 at, below and above both limits (fixture warning names .85)."""
    from bots.intel.flow_toxicity import _report

    said = _report(Config(warn_pct=warn, toxic_pct=toxic), (40, 85, 1))
    reasons = {"HIGH": "INTEL_TOX_HIGH", "ELEVATED": "INTEL_TOX_ELEVATED", "NORMAL": "INTEL_TOX_NORMAL"}
    assert (label, reasons[label], 0.85) == (said.label, said.reason, said.part("percentile"))


def test_failure_too_little_history() -> None:
    """Fixture failure: 20 buckets are unknown, said once."""
    clock = Clock(Config(buckets_per_day=A_DAY))
    first = clock.print(1_000, 1)
    assert first is not None
    assert ("UNKNOWN", "INTEL_TOX_INSUFFICIENT") == (first.label, first.reason)
    assert None is clock.print(1_000, 1)
    clock.buckets(18, 0.5)
    assert (20, first) == (clock.state.buckets.closed, clock.said)


def test_history_is_enough_at_its_limit() -> None:
    """Nine buckets of ten are unknown, the tenth is not; and n buckets must be complete."""
    clock = Clock()
    clock.buckets(9, 0.5)
    assert clock.said is not None and clock.said.label == "UNKNOWN"
    clock.buckets(1, 0.5)
    assert clock.said.label != "UNKNOWN"
    wide = Clock(Config(n=20, min_history=10, buckets_per_day=A_DAY))
    wide.buckets(19, 0.5)
    assert wide.said is not None and wide.said.label == "UNKNOWN"
    wide.buckets(1, 0.5)
    assert wide.said.label != "UNKNOWN"


def test_unsigned_volume_is_shared_by_the_price_change() -> None:
    """Prints that the venue did not sign are split by the bulk rule: a rising price means buyers."""
    clock = Clock()
    for mid in (45, 46, 45, 46, 45, 46, 45, 46, 45, 46):
        clock.print(500, 0, "tick", mid)
        clock.print(500, 0, "tick", mid)
    before = clock.state.buckets
    clock.print(500, 1, "quote", 46)
    clock.print(500, 1, "quote", 52)
    assert clock.state.buckets.closed == before.closed + 1
    assert clock.state.buckets.ring[-1] > 0.9


def test_the_bucket_follows_the_volume_so_far() -> None:
    """Without a ticker the tape's own volume sizes the next bucket: a fiftieth of it."""
    state, config = Memory(), Config(buckets_per_day=10, n=2, min_history=2)
    for _ in range(30):
        state, _ = on_print(config, state, trade_print(size_lots=100), DEFINITION, None, None, NOW)
    assert 3_000 == state.traded_lots
    assert 200 <= state.buckets.size <= 300
    once, _ = on_print(config, Memory(), trade_print(size_lots=100), DEFINITION, None, None, NOW)
    assert (10, 10) == (once.buckets.closed, once.buckets.size)


def test_a_quiet_print_says_nothing() -> None:
    """Inside a bucket nothing is said; a perp's price is taken in logs."""
    clock = Clock()
    clock.buckets(12, 0.5)
    assert None is clock.print(10, 1)
    perp: Any = definition(instrument_kind=1, grid_ticks=0)
    state, said = on_print(FEW, Memory(), trade_print(), perp, snapshot(), FIXED, NOW)
    assert said is not None and abs(state.buckets.x_open - 3.8066624897703196) < 1e-12
