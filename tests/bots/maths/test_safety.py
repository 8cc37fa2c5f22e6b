"""bots.maths.safety: orders of modes and levels, and what loosening needs. The rest stands in test_kill_switch.py."""

import pytest

from bots.maths.safety import Standing, level_of, mode_of, stated, tightened


@pytest.mark.parametrize(
    ("mode", "commanded", "safe", "level"),
    [(0, 0, "BLOCK", 0), (1, 0, "BLOCK", 0), (2, 0, "BLOCK", 3), (2, 0, "CLOSE_ONLY", 1), (2, 2, "CLOSE_ONLY", 2),
     (3, 0, "CLOSE_ONLY", 3), (0, 2, "BLOCK", 2)],
)  # fmt: skip
def test_level(mode, commanded, safe, level):
    """The tighter of what the mode means and what was commanded is in force."""
    assert level_of(Standing(mode=mode, commanded=commanded), safe) == level


def test_modes_only_rise():
    """Tightening keeps the tighter mode, names each cause once, and never moves the last trigger back."""
    standing = tightened(Standing(mode=2, tripped_ns=5), 1, "a", 3)
    assert (standing.mode, standing.causes, standing.tripped_ns) == (2, (), 5)
    standing = tightened(tightened(standing, 3, "b", 9), 3, "b", 9)
    assert (standing.mode, standing.causes, standing.tripped_ns) == (3, ("b",), 9)
    assert [mode_of(name) for name in ("NORMAL", "EMERGENCY_STOP", "nonsense")] == [0, 3, 2]


def test_said_once():
    """A standing that says the same is the same statement; another has the next version."""
    first = stated(Standing(mode=0), "BLOCK", None, 1)
    assert (first.version, first.cancel_all, first.reason) == (1, False, "RISK_KILL_SWITCH_CLEAR")
    assert stated(Standing(mode=0), "BLOCK", first, 2) is first
    second = stated(Standing(mode=3), "BLOCK", first, 2)
    assert (second.version, second.cancel_all, second.since_ns, second.reason) == (2, True, 2, "RISK_KILL_SWITCH_GUARD")
