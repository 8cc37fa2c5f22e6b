"""The suite is tested itself: each defence that is taken away turns it red within 200 seeds."""

import pytest

from tests.sim.defects import DEFECTS, Defect, planted
from tests.sim.seeds import all_played

pytestmark = pytest.mark.campaign
SEEDS_MAX = 200


@pytest.mark.parametrize("defect", DEFECTS, ids=[each.name for each in DEFECTS])
def test_a_planted_defect_is_found(defect: Defect) -> None:
    """Without this defence a rule is broken within 200 seeds."""
    with planted(defect):
        found = next((outcome for outcome in all_played(range(SEEDS_MAX)) if outcome.broken), None)
    assert found is not None, f"{defect.what}: nobody noticed in {SEEDS_MAX} seeds"


def test_a_planted_defect_is_put_back() -> None:
    """After a defect the seed that found it keeps every rule again."""
    with planted(next(each for each in DEFECTS if each.name == "reshape_enlarges")):
        red = next(outcome for outcome in all_played(range(SEEDS_MAX)) if outcome.broken)
    assert () == next(iter(all_played([red.seed]))).broken
