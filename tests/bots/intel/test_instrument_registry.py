"""intel.instrument_registry: what becomes a definition, what makes a version, what holds a market in review."""

from typing import Any

import pytest
from msgspec.structs import replace

from bots.intel.instrument_registry import Config, Memory, on_clock, on_record, on_status
from bots.kit import Instant
from contracts.ids import instrument_id
from contracts.market import ClockTick, FeeModel, PriceBand, Status, VenueInstrumentRecord, VenueStatus

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW = Instant(1_800_000_000 * SECOND)
CONFIG = Config()


def record(**changes: Any) -> VenueInstrumentRecord:
    """A valid YES token on Polymarket, with its complement."""
    values: dict[str, Any] = {
        "fact": 1,
        "at_ns": int(NOW),
        "market": 0,
        "market_id": "111",
        "venue_id": "polymarket",
        "outcome": "YES",
        "tick_micros": 10_000,
        "fee": FeeModel("binary_quadratic", 70_000),
        "complement_id": "222",
        "expiry_ns": NOW + 10 * DAY,
        "rules_text": "Resolves YES if it happens.",
        "provenance_hash": "a" * 64,
    }
    return VenueInstrumentRecord(**values | changes)


def perp(**changes: Any) -> VenueInstrumentRecord:
    """A valid perpetual."""
    values: dict[str, Any] = {"funding_interval_h": 8, "settle_currency": "USDT", "multiplier_micros": 1_000_000}
    fixed: dict[str, Any] = {"instrument_kind": 1, "outcome": "", "complement_id": "", "expiry_ns": 0}
    return record(venue_id="bitget", market_id="BTCUSDT", **fixed | values | changes)


def status(code: int, **changes: Any) -> VenueStatus:
    """A change of life."""
    values: dict[str, Any] = {"settlement_micros": -1, "expiry_ns": 0, "tick_micros": 0, "price_bands": ()}
    return VenueStatus(
        fact=2, at_ns=int(NOW) + SECOND, market=0, status=code, venue_ns=0, provenance_hash="b" * 64, **values | changes
    )


def tick(at: int) -> ClockTick:
    """A boundary of a second."""
    return ClockTick(3, at, -1)


def known(**changes: Any) -> Memory:
    """The memory after one valid record."""
    return on_record(CONFIG, Memory(), record(**changes), NOW)[0]


def test_normal_publishes_linked_definitions() -> None:
    """Fixture normal: a valid YES and NO pair with tick 0.01 becomes two linked definitions of version 1."""
    _, yes = on_record(CONFIG, Memory(), record(), NOW)
    _, no = on_record(CONFIG, Memory(), record(market_id="222", outcome="NO", complement_id="111"), NOW)
    assert ("222", "111") == (yes.complement_id, no.complement_id)
    assert (1, 100, "INTEL_DEF_PUBLISHED") == (yes.version, yes.grid_ticks, yes.reason)
    assert (1, instrument_id("polymarket", "222", "NO")) == (no.version, no.instrument_id)
    assert int(NOW) == yes.valid_from_ns


def test_warning_holds_a_moved_expiry_in_review() -> None:
    """Fixture warning: expiry moved by two days is version 2 in REVIEW for 900 s, then version 3, OPEN again."""
    state, said = on_record(CONFIG, known(), record(expiry_ns=NOW + 12 * DAY), NOW)
    assert (2, Status.REVIEW, "INTEL_DEF_MATERIAL_CHANGE") == (said.version, said.status, said.reason)
    end = Instant(NOW + 900 * SECOND)
    same, quiet = on_clock(CONFIG, state, tick(end - 1), Instant(end - 1))
    assert (state, None) == (same, quiet)
    state, said = on_clock(CONFIG, state, tick(end), end)
    assert (3, Status.OPEN, "INTEL_DEF_PUBLISHED") == (said.version, said.status, said.reason)
    assert None is on_clock(CONFIG, state, tick(end), end)[1]


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"tick_micros": 0}, False),  # fixture hard
        ({"tick_micros": 100_000}, True),
        ({"tick_micros": 125_000}, False),
        ({"tick_micros": 30_000}, False),
        ({"tick_micros": 1}, True),
        ({"lot_micros": 0}, False),
        ({"lot_micros": 1}, True),
        ({"complement_id": ""}, False),
        ({"complement_id": "111"}, False),
        ({"complement_id": "", "venue_id": "kalshi"}, True),
        ({"outcome": ""}, False),
        ({"expiry_ns": 0}, False),
        ({"expiry_ns": 1}, True),
    ],
)
def test_hard_refuses_an_invalid_binary(changes: dict[str, Any], valid: bool) -> None:
    """Fixture hard and both sides of every validity limit: nothing is published, INTEL_DEF_INVALID is noted."""
    state, said = on_record(CONFIG, Memory(), record(**changes), NOW)
    assert valid == (state.definition is not None)
    assert ("INTEL_DEF_PUBLISHED" if valid else "INTEL_DEF_INVALID") == said.reason


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"multiplier_micros": 0}, False),
        ({"multiplier_micros": 1}, True),
        ({"funding_interval_h": 3}, False),
        ({"funding_interval_h": 1}, True),
        ({"settle_currency": ""}, False),
        ({"instrument_kind": 2}, False),
    ],
)
def test_a_perp_needs_multiplier_funding_and_currency(changes: dict[str, Any], valid: bool) -> None:
    """A perp needs multiplier, funding interval and settlement currency, and has no grid; spot is never valid."""
    state, said = on_record(CONFIG, Memory(), perp(**changes), NOW)
    assert valid == (state.definition is not None)
    assert ("INTEL_DEF_PUBLISHED" if valid else "INTEL_DEF_INVALID") == said.reason
    if valid:
        assert 0 == said.grid_ticks


def test_failure_marks_a_silent_source_once() -> None:
    """Fixture failure: 24 h after the last record nothing, a second later one stale marker, then silence."""
    edge = Instant(NOW + DAY)
    assert None is on_clock(CONFIG, known(), tick(edge), edge)[1]
    late = Instant(edge + SECOND)
    state, said = on_clock(CONFIG, known(), tick(late), late)
    assert ("INTEL_DEF_SOURCE_STALE", 86_401_000, 86_400_000) == (said.reason, said.seen, said.limit)
    assert None is on_clock(CONFIG, state, tick(late), late)[1]
    assert not on_record(CONFIG, state, record(), late)[0].overdue


def test_a_repeated_record_is_not_said_again() -> None:
    """The same metadata with other provenance is the same version and is not said."""
    assert None is on_record(CONFIG, known(), record(provenance_hash="c" * 64, at_ns=int(NOW) + 5), NOW)[1]


@pytest.mark.parametrize(
    "changes",
    [{"tick_micros": 1_000}, {"lot_micros": 1}, {"fee": FeeModel("none")}, {"title": "Other"}, {"status": 3}],
)
def test_a_change_is_a_new_version_without_a_hold(changes: dict[str, Any]) -> None:
    """Tick, lot, fee, title and status bump the version and do not hold."""
    _, said = on_record(CONFIG, known(), record(**changes), NOW)
    assert (2, "INTEL_DEF_PUBLISHED") == (said.version, said.reason)


def test_changed_rules_hold_and_a_second_change_prolongs() -> None:
    """Rules that change hold the market; another change starts the hold again."""
    state, said = on_record(CONFIG, known(), record(rules_text="Other rules."), NOW)
    assert Status.REVIEW == said.status
    later = Instant(NOW + 600 * SECOND)
    state, _ = on_record(CONFIG, state, record(rules_text="Third rules."), later)
    assert later + 900 * SECOND == state.hold_until_ns


def test_status_moves_life_tick_bands_and_expiry() -> None:
    """A status message changes the life at once, the grid with its bands, and the expiry under review."""
    state, said = on_status(CONFIG, known(), status(int(Status.HALTED)), NOW)
    assert Status.HALTED == said.status
    _, said = on_status(CONFIG, state, status(int(Status.OPEN)), NOW)
    assert (3, Status.OPEN) == (said.version, said.status)
    bands = (PriceBand(1, 999, 10),)
    _, said = on_status(CONFIG, known(), status(-1, tick_micros=1_000, price_bands=bands), NOW)
    assert (1_000, 1_000, bands, Status.OPEN) == (said.tick_micros, said.grid_ticks, said.price_bands, said.status)
    _, said = on_status(CONFIG, known(), status(0, expiry_ns=NOW + 11 * DAY), NOW)
    assert (Status.REVIEW, NOW + 11 * DAY) == (said.status, said.expiry_ns)


def test_an_end_during_review_ends_the_hold() -> None:
    """A market that resolves while in review is RESOLVED at once and stays so."""
    state, _ = on_record(CONFIG, known(), record(expiry_ns=NOW + 12 * DAY), NOW)
    state, said = on_status(CONFIG, state, status(int(Status.RESOLVED), settlement_micros=1_000_000), NOW)
    assert (Status.RESOLVED, 0) == (said.status, state.hold_until_ns)


def test_status_of_an_unknown_market_or_with_a_bad_tick_says_no_definition() -> None:
    """Without a definition there is nothing to change, and a bad tick is refused."""
    assert (Memory(), None) == on_status(CONFIG, Memory(), status(2), NOW)
    assert "INTEL_DEF_INVALID" == on_status(CONFIG, known(), status(0, tick_micros=300_000), NOW)[1].reason
    assert (Memory(), None) == on_clock(CONFIG, Memory(), tick(int(NOW)), NOW)


def test_the_hold_is_a_parameter() -> None:
    """`review_hold_s` 0 holds nothing; `max_binary_tick` bounds the tick."""
    free = Config(review_hold_s=0)
    assert Status.OPEN == on_record(free, known(), record(expiry_ns=NOW + 12 * DAY), NOW)[1].status
    narrow = replace(CONFIG, max_binary_tick=5_000)
    assert "INTEL_DEF_INVALID" == on_record(narrow, Memory(), record(), NOW)[1].reason
