"""Make an incident and a letter of a record that has no effect: a person must see it, and nothing may follow from it.

The records come from whoever may write to a topic. So the incident's rank and family are such that no desk trips on
them (bots/maths/safety.py: P0, and families in which nothing can be proven): else writing rubbish would be a way to
stop trading.
"""

from hashlib import sha256

from contracts.control import IncidentReport
from contracts.envelope import DeadLetter
from operators.strands import NotHeard

SEVERITY = "P1"
SCOPE = "desk"
DETAIL_MAX = 4_096


def incident(opened_by: str, family: str, value: bytes, reason: str) -> IncidentReport:
    """Return the incident of a record; the same bytes open the same one."""
    digest = sha256(value).hexdigest()
    return IncidentReport(f"{opened_by}/{digest}", SCOPE, family, SEVERITY, (digest,), opened_by, reason)


def letter(source_id: str, position: int, at_ns: int, value: bytes, err: NotHeard) -> DeadLetter:
    """Return the letter of a record: its bytes, and why it has no effect."""
    return DeadLetter(source_id, position, at_ns, err.reason, str(err)[:DETAIL_MAX], value.hex())
