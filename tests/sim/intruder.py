"""Write into a desk's journal what nobody may: rubbish, strangers' entries, old numbers, lines that a lane cannot say.

Whoever may write to the topic may put anything there. None of it may move the desk, and each is to be told once: an
incident in the journal, and a letter that keeps the bytes. It is drawn as a name, and made when it is due.
"""

from typing import NamedTuple

import msgspec

from connectors.control_entries import record_of_control, signed_entry
from connectors.kafka_records import Record
from connectors.kafka_strands import CONTROL_KEY, record_of_strand
from contracts.control import ControlCommand
from contracts.envelope import Row
from contracts.ids import CONTROL_SOURCE, fact_id
from operators.plan import OPERATOR_RANK
from operators.strands import Strand
from tests.connectors.signed_keys import KEY, OTHER, SCOPE
from tests.sim.wire import LANE

KINDS = ("rewritten", "stranger", "rubbish", "rewritten", "elsewhere", "reused", "other lane", "smuggled")
WISH = ControlCommand(
    "cmd-intruder", "intruder", "lab", "EMERGENCY_STOP", "", "confirmed", "ch", "because", "dev", "paper", "", ""
)
_LINES = msgspec.json.Encoder().encode_lines


class Intrusion(NamedTuple):
    """Something that must have no effect: which of KINDS (a strand rewritten is drawn twice as often)."""

    kind: str


def intruded(kind: str, last: int, plan: str, said: tuple[int, int]) -> Record:
    """Return the record of an intrusion; the same for the same state of the journal.

    last  number of the operator's last entry, 0 for none
    plan  hash of the lane's plan
    said  lines of the lane so far, and their checksum
    """
    count, checksum = said
    if kind == "rubbish" or (kind == "rewritten" and not count):
        return CONTROL_KEY, b"\xff{rubbish"
    if kind == "reused" and last:
        return record_of_control(signed_entry(KEY, SCOPE, last, WISH))
    if kind == "elsewhere":
        return record_of_control(signed_entry(KEY, "paper/other", last + 1, WISH))
    if kind == "other lane":
        return record_of_strand(Strand("other", "lab", plan, 0, 0, 1, b"[]\n"))
    if kind == "rewritten":
        return record_of_strand(Strand(LANE, "lab", plan, 0, 0, count, b"[]\n" * count))
    if kind == "smuggled":
        lines = _LINES([Row(fact_id(CONTROL_SOURCE, 1 << 24), OPERATOR_RANK, 0, 1, -1, WISH)])
        return record_of_strand(Strand(LANE, "lab", plan, count, checksum, 1, lines))
    return record_of_control(signed_entry(OTHER, SCOPE, last + 1, WISH))
