"""Read what the process environment may decide: the kill switch, which can only tighten.

The variable stops everything, on every desk, `lab` too. What cannot be understood is engaged: a person who sets it in
haste and misspells the value wants a stop, not a parser.
"""

import os
from collections.abc import Mapping

KILL_SWITCH = "BOT_DISABLE_TRADING"
NOT_ENGAGED = frozenset({"", "0", "false", "no", "off"})


def kill_switch_engaged(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True unless the variable is unset or one of "", 0, false, no, off; trimmed, case does not matter."""
    return environ.get(KILL_SWITCH, "").strip().lower() not in NOT_ENGAGED
