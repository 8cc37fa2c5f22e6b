"""The simulation: every rule holds under every fault, for every seed; each fault and each kind of work occurs."""

import os
from collections import Counter

import pytest

from tests.sim.seeds import all_played, played, told
from tests.sim.world import world

pytestmark = pytest.mark.campaign
SEEDS, SOAK_SEEDS = 200, 10_000
PLACES = ("before", "after")


@pytest.fixture(scope="module")
def outcomes() -> list:
    """The first seeds, run."""
    return list(all_played(range(SEEDS)))


def test_every_rule_holds(outcomes) -> None:
    """No rule is broken in 200 seeds."""
    assert [] == [told(outcome) for outcome in outcomes if outcome.broken]


def test_the_simulation_is_busy(outcomes) -> None:
    """Work and faults of every kind occur, or the rules would hold of nothing."""
    counts: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
    wanted = ["RiskDecision", "AuthorisedOrder", "Fill", "PositionState", "SafetyState", "IncidentReport", "Settlement"]
    wanted += ["inserts that failed", "commands"]
    ends = ("feed: append to raw", "market: append to journal", "desk: append blocks", "recorder: insert blocks")
    wanted += ["crash before hand: append to journal", *(f"crash {when} {end}" for when in PLACES for end in ends)]
    assert [] == [name for name in wanted if not counts[name]]


def test_a_seed_is_the_same_again() -> None:
    """A seed makes the same world and comes to the same counts: it can be run again anywhere."""
    assert world(11) == world(11)
    assert played(11).counts == played(11).counts


def test_a_broken_rule_says_how_to_see_it_again() -> None:
    """The message names the seed, the commit and the command."""
    text = told(played(3))
    assert text.startswith("seed 3 at commit ")
    assert text.endswith("again: python -m tests.sim --seed 3 --verbose")


@pytest.mark.soak
def test_every_rule_holds_for_long() -> None:
    """No rule is broken in 10,000 seeds."""
    runs = all_played(range(SOAK_SEEDS), workers=os.cpu_count() or 1)
    assert [] == [told(outcome) for outcome in runs if outcome.broken]
