"""intel.order_flow_analyzer: imbalance against its own usual size, microprice, impact, sweeps."""

from typing import Any

import pytest
from msgspec.structs import replace

from bots.intel.order_flow_analyzer import Config, Memory, Tape, on_print, on_touch
from bots.kit import ConfirmedAt, Instant
from bots.maths.flow import Window
from contracts.market import TradePrint
from tests.world import MS, NOW, definition, touch, trade_print

CONFIG = Config()
DEFINITION = definition()


class Flow:
    """Drives the bot with one memory."""

    def __init__(self, config: Config = CONFIG) -> None:
        """Begin at birth."""
        self.config, self.state, self.said = config, Memory(), []

    def touch(self, ms: float, **changes: Any) -> Any:
        """The touch changed."""
        now = Instant(NOW + int(ms * MS))
        self.state, said = on_touch(self.config, self.state, touch(**changes), DEFINITION, now)
        return self._keep(said)

    def trade(self, ms: float, confirmed_ms: float | None = None, known: Any = DEFINITION, **changes: Any) -> Any:
        """Somebody traded."""
        at = Instant(NOW + int(ms * MS))
        confirmed = ConfirmedAt(at if confirmed_ms is None else NOW + int(confirmed_ms * MS))
        said: TradePrint = trade_print(**changes)
        self.state, answer = on_print(self.config, self.state, said, known, confirmed, at)
        return self._keep(answer)

    def noise(self, seconds: int, size: int = 100) -> "Flow":
        """So many seconds in which the bid queue grows and shrinks by `size`."""
        for second in range(seconds):
            self.touch(second * 1_000, bid_lots=5_000 + size * (second % 2))
        return self

    def _keep(self, said: Any) -> Any:
        if said is not None:
            self.said.append(said)
        return said


def test_normal_equal_queues_and_no_trades() -> None:
    """Fixture normal: equal queues: microprice = mid, balanced, said once."""
    flow = Flow()
    said = flow.touch(0, bid_lots=5_000, ask_lots=5_000)
    assert (0.0, "BALANCED", "INTEL_FLOW_BALANCED") == (said.value, said.label, said.reason)
    assert (0.45, 0.5) == (said.part("microprice"), said.part("imbalance"))
    assert [None] * 50 == [flow.touch(ms * 100, bid_lots=5_000, ask_lots=5_000) for ms in range(1, 51)]


def test_warning_a_bid_queue_that_grows() -> None:
    """Fixture warning: the bid queue grows far beyond its usual changes: z 2.5, pressure, microprice above mid."""
    flow = Flow().noise(60)
    said = flow.touch(60_100, bid_lots=5_900)
    assert (2.5, "PRESSURE", "INTEL_FLOW_PRESSURE") == (said.value, said.label, said.reason)
    assert said.part("microprice") > 0.45


def test_hard_a_buyer_sweeps_four_levels() -> None:
    """Fixture hard: one buyer lifts four levels in 50 ms: sweep 1."""
    flow = Flow()
    flow.touch(0)
    answers = [flow.trade(10 * level, price_ticks=46 + level) for level in range(4)]
    assert [None, None] == answers[:2]
    assert ("SWEEP", "INTEL_FLOW_SWEEP", 1.0) == (answers[3].label, answers[3].reason, answers[3].part("sweep"))
    assert None is flow.touch(60)
    ended = flow.touch(131)
    assert ("BALANCED", 0.0) == (ended.label, ended.part("sweep"))


@pytest.mark.parametrize(
    ("gap_ms", "prices", "sides", "swept"),
    [
        (50, (46, 47, 48), (1, 1, 1), True),
        (51, (46, 47, 48), (1, 1, 1), False),
        (10, (46, 46, 47), (1, 1, 1), False),
        (10, (46, 47, 48), (1, -1, 1), False),
        (10, (46, 47, 48), (0, 0, 0), False),
        (10, (44, 43, 42), (-1, -1, -1), True),
    ],
)
def test_a_sweep_is_three_prices_of_one_side_inside_100_ms(
    gap_ms: int, prices: tuple[int, ...], sides: tuple[int, ...], swept: bool
) -> None:
    """Three levels in 100 ms are a sweep; slower, fewer levels, changing or unknown sides are not."""
    flow = Flow()
    flow.touch(0)
    for number, (price, side) in enumerate(zip(prices, sides, strict=True)):
        flow.trade(gap_ms * number, price_ticks=price, aggressor=side)
    assert swept == any(said.label == "SWEEP" for said in flow.said)
    patient = Flow(Config(sweep_levels=4))
    patient.touch(0)
    for number, (price, side) in enumerate(zip(prices, sides, strict=True)):
        patient.trade(gap_ms * number, price_ticks=price, aggressor=side)
    assert not any(said.label == "SWEEP" for said in patient.said)


@pytest.mark.parametrize(("age_ms", "stale"), [(500, False), (501, True), (900, True)])
def test_failure_an_old_book(age_ms: int, stale: bool) -> None:
    """Fixture failure: a trade against a book 900 ms old gives a note and no report; 500 ms is young enough."""
    flow = Flow()
    flow.touch(0)
    note = flow.trade(age_ms, confirmed_ms=0)
    assert stale == (note is not None)
    if stale:
        assert ("INTEL_FLOW_BOOK_STALE", age_ms, 500) == (note.reason, note.seen, note.limit)


def test_a_trade_before_any_touch_is_stale_too() -> None:
    """Without a book there is nothing to measure against."""
    assert "INTEL_FLOW_BOOK_STALE" == Flow().trade(0, confirmed_ms=0).reason


@pytest.mark.parametrize(
    ("z", "label"),
    [(1.99, "BALANCED"), (2.0, "PRESSURE"), (3.99, "PRESSURE"), (4.0, "SWEEP"), (-2.0, "PRESSURE"), (-4.0, "SWEEP")],
)
def test_limits_of_z(z: float, label: str) -> None:
    """Absolute z at or above 2 is pressure, at or above 4 counts as a sweep; judged on z cut to halves."""
    window = Window(NOW + 10**12, (), round(z * 100), 1.0, 50, 0.01)
    state = Memory(touch(), 0, window)
    _, said = on_touch(CONFIG, state, touch(), DEFINITION, NOW)
    assert said is not None and label == said.label
    _, eased = on_touch(Config(ofi_z_warn=9.0, ofi_z_hard=10.0), state, touch(), DEFINITION, NOW)
    assert eased is not None and eased.label == "BALANCED"


def test_it_speaks_when_z_moved_by_half() -> None:
    """From 1.0 as said, 1.49 is no news and 1.5 is."""
    window = Window(NOW + 10**12, (), 149, 1.0, 50, 0.01)
    state = Memory(touch(), 0, window, 1.0)
    assert None is on_touch(CONFIG, state, touch(), DEFINITION, NOW)[1]
    state = replace(state, window=replace(window, total=150))
    assert None is not on_touch(CONFIG, state, touch(), DEFINITION, NOW)[1]


def test_impact_is_learnt_from_trades() -> None:
    """A mid that always rises by the same logit after one contract bought teaches that impact."""
    flow = Flow()
    for number in range(200):
        flow.touch(number * 10, bid_ticks=44 + number % 2, ask_ticks=46 + number % 2)
        flow.trade(number * 10 + 1, aggressor=1 if number % 2 == 0 else -1, size_lots=100)
    rise = 0.0402
    assert abs(flow.state.tape.slope.b - rise) < 0.001
    assert flow.state.tape.slope.count == 199
    free = Flow(Config(phi=1.0))
    free.touch(0)
    free.trade(1)
    assert free.state.tape.mid is not None


def test_a_perp_measures_impact_in_logs() -> None:
    """The mid of a perp is taken in logs."""
    flow = Flow()
    flow.touch(0)
    flow.trade(1, known=definition(instrument_kind=1, grid_ticks=0))
    assert flow.state.tape.mid is not None and abs(flow.state.tape.mid - 3.8066624897703196) < 1e-12


def test_a_side_that_empties_interrupts_the_flow() -> None:
    """A one-sided touch has no event, and the next full one starts again."""
    flow = Flow()
    flow.touch(0)
    flow.touch(1, ask_ticks=-1, ask_lots=0)
    assert None is flow.state.touch
    flow.touch(2, bid_lots=9_000)
    assert 0 == flow.state.open_lots


def test_windows_are_forgotten() -> None:
    """Pressure leaves the window after `window_s`."""
    flow = Flow(Config(window_s=1))
    flow.touch(0)
    flow.touch(1, bid_lots=6_000)
    assert 1_000 == flow.state.open_lots
    flow.touch(500, bid_lots=6_000)
    assert 1_000 == flow.state.window.total
    flow.touch(1_200, bid_lots=6_000)
    assert 0 == flow.state.window.total


def test_the_calibration_table_is_not_there_yet() -> None:
    """Version 0 has no cell, so min_cell_n changes nothing."""
    one = on_touch(CONFIG, Memory(), touch(), DEFINITION, NOW)
    two = on_touch(Config(min_cell_n=0), Memory(), touch(), DEFINITION, NOW)
    assert one == two
    assert Tape() == one[0].tape
