"""intel.resolution_rule_parser: the catalogue's four cases, both sides of the limits, and the lane's memory."""

from typing import Any

import pytest
from msgspec.structs import replace

from bots.intel.resolution_rule_parser import Config, Memory, read
from bots.kit import Instant
from contracts.ids import content_hash
from contracts.market import MarketDefinition
from contracts.signal import SignalReport
from tests.world import definition

NOW = Instant(0)
CLEAR = (
    "Resolves YES if, according to CoinGecko, the closing price of Bitcoin is above $100,000 on 2026-12-31 at 23:59"
    " UTC. If no data is published the market is cancelled and refunded."
)
TITLE = "Will Bitcoin be above $100k on Dec 31, 2026?"


def market(text: str, title: str = TITLE, **changes: Any) -> MarketDefinition:
    """A definition with these rules."""
    return definition(rules_text=text, title=title, rules_hash=content_hash(text.encode()) if text else "", **changes)


def say(text: str, title: str = TITLE, config: Config | None = None) -> SignalReport:
    """Read one text with an empty memory."""
    said = read(config or Config(), Memory(), market(text, title), None, NOW)[1]
    assert said is not None
    return said


def test_normal_reads_a_clear_claim() -> None:
    """Fixture normal: authority, UTC deadline, threshold, cancel clause: clarity 1.0."""
    said = say(CLEAR)
    assert (1.0, "CLEAR", "INTEL_RULES_CLEAR") == (said.value, said.label, said.reason)
    assert "authority=according to" in said.refs
    assert "deadline=2026-12-31" in said.refs
    assert "threshold=100000..inf" in said.refs


def test_warning_a_deadline_without_timezone_and_three_vague_terms() -> None:
    """Fixture warning: one missing field and three vague terms: ambiguity .2833."""
    text = CLEAR.replace(" UTC", "") + " Credible reports of a significant and material move may count."
    said = say(text)
    assert (0.7167, "AMBIGUOUS", "INTEL_RULES_AMBIGUOUS") == (said.value, said.label, said.reason)
    assert (1.0, 3.0) == (said.part("missing"), said.part("vague"))


def test_hard_a_title_that_contradicts_its_rules() -> None:
    """Fixture hard: title above 100k, rules above 120k: clarity .5 or less and untradable."""
    said = say(CLEAR.replace("100,000", "120,000"))
    assert (0.5, "UNTRADABLE", "INTEL_RULES_UNTRADABLE") == (said.value, said.label, said.reason)


def test_failure_no_text() -> None:
    """Fixture failure: no rules text: clarity 0; a capture's desk may set another value, the reason stays."""
    said = say("")
    assert (0.0, "MISSING", "INTEL_RULES_TEXT_MISSING") == (said.value, said.label, said.reason)
    said = say("", config=Config(clarity_when_no_text=700_000))
    assert (0.7, "MISSING", "INTEL_RULES_TEXT_MISSING") == (said.value, said.label, said.reason)


@pytest.mark.parametrize(
    ("warn", "hard", "label"),
    [
        (283_334, 500_000, "CLEAR"),
        (283_333, 500_000, "AMBIGUOUS"),
        (0, 283_334, "AMBIGUOUS"),
        (0, 283_333, "UNTRADABLE"),
    ],
)
def test_limits_are_reached_at_equality(warn: int, hard: int, label: str) -> None:
    """Ambiguity .283333: below, at and above both levels."""
    text = CLEAR.replace(" UTC", "") + " Credible reports of a significant and material move may count."
    assert label == say(text, config=Config(ambiguity_warn=warn, ambiguity_hard=hard)).label


@pytest.mark.parametrize(
    ("config", "value"),
    [(Config(w_missing=0), 0.8), (Config(w_vague=0), 0.9167), (Config(w_vague=0, w_missing=600_000), 0.9)],
)
def test_weights_enter(config: Config, value: float) -> None:
    """Each weight moves the clarity of the same text."""
    text = CLEAR.replace(" UTC", "") + " Credible reports of a significant and material move may count."
    assert value == say(text, config=config).value


def test_the_weight_of_conflict_enters_above_the_hard_level() -> None:
    """A conflict costs its weight, and at least the hard level."""
    text = CLEAR.replace("100,000", "120,000")
    assert 0.2 == say(text, config=Config(w_conflict=800_000)).value
    assert "UNTRADABLE" == say(text, config=Config(w_conflict=0)).label


@pytest.mark.parametrize(
    ("title", "conflict"),
    [
        ("Will Bitcoin be above $100k on Dec 30, 2026?", 1.0),
        ("Will Bitcoin be above $100k on December 31?", 0.0),
        ("Will Ethereum be above $100k on Dec 31, 2026?", 1.0),
        ("Will Bitcoin be below $100k on Dec 31, 2026?", 1.0),
        ("Something happens", 0.0),
    ],
)
def test_date_entity_and_direction_conflict_too(title: str, conflict: float) -> None:
    """Another date, another name or another direction is a conflict; naming nothing is none."""
    assert conflict == say(CLEAR, title).part("conflict")


def test_known_rules_are_not_read_again() -> None:
    """The same rules hash answers nothing; another one is read; a perp claims nothing."""
    said = say(CLEAR)
    assert None is read(Config(), Memory(), market(CLEAR), said, NOW)[1]
    assert None is not read(Config(), Memory(), market(CLEAR + " Otherwise no."), said, NOW)[1]
    assert None is read(Config(), Memory(), market(CLEAR, instrument_kind=1), None, NOW)[1]


def test_overlapping_siblings_of_a_neg_risk_event_conflict() -> None:
    """Two outcomes that exclude each other must not share a value; the later one is untradable."""
    first = market("Resolves YES if between 40 and 45 according to NOAA.", "Between 40 and 45?", neg_risk=True)
    touching = market("Resolves YES if between 45 and 50 according to NOAA.", "Between 45 and 50?", neg_risk=True)
    crossing = market("Resolves YES if between 44 and 50 according to NOAA.", "Between 44 and 50?", neg_risk=True)
    state, _ = read(Config(), Memory(), first, None, NOW)
    _, said = read(Config(), state, replace(touching, market_id="M2"), None, NOW)
    assert said is not None and said.label != "UNTRADABLE"
    state, said = read(Config(), state, replace(crossing, market_id="M3"), None, NOW)
    assert said is not None and said.label == "UNTRADABLE"
    assert 2 == len(state.siblings)
    _, said = read(Config(), state, replace(crossing, market_id="M4", event_id="E2"), None, NOW)
    assert said is not None and said.part("conflict") == 0.0
