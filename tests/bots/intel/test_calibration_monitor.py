"""intel.calibration_monitor: what is held, scored and said."""

import pytest

from bots.intel import calibration_monitor as monitor
from bots.intel.calibration_monitor import PARTS, Config, Memory
from bots.kit import Instant
from bots.maths.calibration import IDENTITY
from contracts.market import Status
from scripts.makers.signals import SIGNALS
from tests import world
from tests.world import NOW, SECOND

HOUR = 3_600 * SECOND
CONFIG = Config(horizons_h="24")
EXPIRY = NOW + 1_000 * HOUR


class Lane:
    """A lane in which markets live and end, one after the other."""

    def __init__(self, config=CONFIG):
        """Begin with nothing known."""
        self.config, self.state, self.said = config, Memory(), ()

    def time(self, left_h, label="OPEN", told=-1.0, fair=True, snap=True, status=None, **market):
        """Let time pass up to so many hours before the end."""
        definition = world.definition(expiry_ns=EXPIRY, **market)
        parts = (("proposed_outcome", told), ("dispute_count", 0.0), ("escalated", 0.0))
        word = world.signal(signal="resolution_state", label=label, parts=parts)
        fair = world.fair() if fair is True else fair
        snap = world.snapshot() if snap is True else snap
        now = Instant(EXPIRY - int(left_h * HOUR))
        self.state, self.said = monitor.on_time(self.config, self.state, word, definition, fair, snap, status, now)
        return self.said

    def life(self, p, q, y, name="M1", **market):
        """Live a market through: forecast p, price q (in cents), outcome y; return what is said at its end."""
        market = {"market_id": name, "series_id": "S1"} | market
        fair = world.fair(p_model_micros=round(p * 1_000_000))
        snap = world.snapshot(bid_ticks=q, ask_ticks=q)
        assert () == self.time(30, fair=fair, snap=snap, **market)
        assert () == self.time(24, fair=fair, snap=snap, **market)
        paid = world.status(status=int(Status.RESOLVED), settlement_micros=round(y * 1_000_000))
        return self.time(-2, "RESOLVED", status=paid, **market)


def resolved(count, good, bad, config=CONFIG):
    """Return the last reports after `count` markets at 50: a model of 60 that is right, and one that is wrong."""
    lane = Lane(config)
    for number in range(count):
        right = number * good % (good + bad) < good
        said = lane.life(0.6 if number % 2 else 0.4, 50, float((number % 2 == 1) == right), name=f"M{number}")
    return lane, said


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """300 resolved, skill .04: the map and INTEL_CAL_SKILLED."""
    lane, said = resolved(300, 6, 4)
    overall = said[-1]
    assert ("SKILLED", "INTEL_CAL_SKILLED", 0) == (overall.label, overall.reason, overall.horizon_ms)
    assert 0.04 == pytest.approx(overall.value)
    assert (300.0, 0.6) == (overall.part("n"), overall.confidence)
    values = [overall.part(f"map_{place:02}") for place in range(21)]
    assert values == sorted(values) and values != list(IDENTITY)
    assert Memory().forecasts == lane.state.forecasts


def test_warning():
    """Skill -.02: INTEL_CAL_NO_SKILL."""
    _, said = resolved(320, 21, 19)
    assert -0.02 == pytest.approx(said[-1].value)
    assert ("NO_SKILL", "INTEL_CAL_NO_SKILL") == (said[-1].label, said[-1].reason)


def test_hard():
    """Skill -.08, n 400: INTEL_CAL_NEGATIVE."""
    _, said = resolved(400, 9, 11)
    assert -0.08 == pytest.approx(said[-1].value)
    assert ("NEGATIVE", "INTEL_CAL_NEGATIVE", 400.0) == (said[-1].label, said[-1].reason, said[-1].part("n"))


def test_failure():
    """30 resolved: the identity map, no skill, no slope, INTEL_CAL_SPARSE."""
    _, said = resolved(30, 6, 4)
    overall = said[-1]
    assert ("UNKNOWN", "INTEL_CAL_SPARSE", 0.0, 0.0, 0.0) == (
        overall.label, overall.reason, overall.value, overall.se, overall.confidence,
    )  # fmt: skip
    assert list(IDENTITY) == [overall.part(f"map_{place:02}") for place in range(21)]
    assert (30.0, 30.0, 0.0, 1.0) == tuple(overall.part(name) for name in ("n", "slope_n", "intercept", "slope"))


# ---- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "label"), [(99, "UNKNOWN"), (100, "SKILLED")])
def test_how_many_are_enough(count, label):
    """A hundred markets are the fewest that say anything."""
    assert label == resolved(count, 6, 4)[1][-1].label


def test_skill_at_its_limits():
    """At the warning level a model is skilled, below it not; at the hard level it is not negative, below it is."""
    value = resolved(100, 6, 4)[1][-1].value
    labels = {}
    for name, warn, hard in (("at warn", 0.0, -1.0), ("below warn", 1e-6, 0.0), ("below hard", 1e-6, 1e-6)):
        config = Config(horizons_h="24", skill_warn=value + warn, skill_hard=value + hard)
        labels[name] = resolved(100, 6, 4, config)[1][-1].label
    assert {"at warn": "SKILLED", "below warn": "NO_SKILL", "below hard": "NEGATIVE"} == labels


# ---- what is said --------------------------------------------------------------------------------------------------


def test_each_horizon_is_said_and_then_all_of_them():
    """Three horizons held: the category's score at each, longest first, then the model's over all."""
    lane = Lane(Config())
    for left in (200, 168, 24, 1):
        assert () == lane.time(left)
    paid = world.status(status=int(Status.RESOLVED), settlement_micros=1_000_000)
    said = lane.time(-1, "RESOLVED", status=paid)
    assert [168, 24, 1, 0] == [report.horizon_ms // 3_600_000 for report in said]
    assert {(("S1",), "identity-1", 1.0)} == {(r.refs, r.model_version, r.part("n")) for r in said}
    assert all(world.checked(report) == report for report in said)
    assert SIGNALS["calibration"].parts == tuple(name for name, _ in said[0].parts) == PARTS


def test_a_book_that_stands_alone_teaches_only_the_slope():
    """Without a model's value nothing is scored: n stays 0, and the price is learnt from."""
    said = Lane().life(-1e-6, 50, 1.0)
    assert [(0, 0.0, 1.0)] == [(r.horizon_ms, r.part("n"), r.part("slope_n")) for r in said]


def test_categories_and_models_are_scored_apart():
    """Another series has a slope of its own, another model a score of its own."""
    lane = Lane()
    lane.life(0.6, 50, 1.0)
    other = lane.life(0.6, 50, 1.0, name="M2", series_id="S2")
    assert [(1.0, 1.0), (2.0, 1.0)] == [(r.part("n"), r.part("slope_n")) for r in other]


@pytest.mark.parametrize(
    ("market", "why"),
    [
        ({"instrument_kind": 1}, "a perpetual never resolves"),
        ({"complement_id": "A"}, "its complement counts"),
    ],
)
def test_who_is_not_scored(market, why):
    """Perpetuals, and the second token of a question, are nobody's forecast."""
    lane = Lane()
    assert () == lane.life(0.6, 50, 1.0, **market), why
    assert Memory() == lane.state


def test_ends_that_say_nothing():
    """A void market and one that pays a half are forgotten; one whose outcome nobody has said yet is kept."""
    lane = Lane()
    assert () == lane.life(0.6, 50, 0.5)
    assert Memory() == lane.state
    lane.time(30)
    lane.time(24)
    kept = lane.state
    assert () == lane.time(-1, "RESOLVED")
    assert lane.state is kept
    assert () == lane.time(-1, "VOID")
    assert Memory() == lane.state
    assert () == lane.time(-1, "VOID")


@pytest.mark.parametrize(("outcome", "told", "loss"), [("YES", 1.0, 0.16), ("YES", 0.0, 0.36), ("NO", 1.0, 0.36)])
def test_the_oracle_is_believed_where_the_venue_is_silent(outcome, told, loss):
    """Its value is that of YES; a market of the outcome NO pays the rest."""
    lane = Lane()
    fair = world.fair(p_model_micros=600_000)
    for left in (30, 24):
        lane.time(left, fair=fair, outcome=outcome)
    assert loss == pytest.approx(lane.time(-1, "RESOLVED", told=told, outcome=outcome)[-1].part("brier"))


@pytest.mark.parametrize("missing", [{"fair": None}, {"snap": None}, {"snap": world.snapshot(ask_ticks=101)}])
def test_what_is_not_known_at_a_horizon_is_not_held(missing):
    """Without a fair value, or two sides of a book, there is nothing to score."""
    lane = Lane()
    lane.time(30)
    lane.time(24, **missing)
    paid = world.status(status=int(Status.RESOLVED), settlement_micros=1_000_000)
    assert () == lane.time(-1, "RESOLVED", status=paid)
    assert Memory() == lane.state
