"""Give what an operator signed for a desk its record in the desk's journal, and a journal its reader.

The journal's topic carries two things, told apart by their keys: what lanes say (`kafka_strands.py`), and this. What
may stand in an entry, and what becomes of one that nobody signed, is said by operators/control_entries.py.
"""

from connectors.kafka_records import Record
from connectors.kafka_strands import CONTROL_KEY
from connectors.signing import SigningKey, Verifier
from contracts.base import write
from contracts.signed import CONTROL, Signed
from operators.control_entries import ControlReader, Entry


def signed_entry(key: SigningKey, scope: str, sequence: int, entry: Entry) -> Signed:
    """Return an entry under its signature, for one desk and mode (`contracts.signed.scope_of`).

    The sequence is the caller's and grows with each entry of this key; below 2^31 - 2^20. The number of the audit
    event that stands before the entry serves.
    """
    return key.sign(CONTROL, scope, sequence, write(entry))


def record_of_control(signed: Signed) -> Record:
    """Return the record of an entry; it goes to the partition of its desk."""
    return CONTROL_KEY, write(signed)


def control_reader(verifier: Verifier, scope: str, source_id: str) -> ControlReader:
    """Return what judges the control records of the journal of one desk and mode."""
    return ControlReader(lambda signed: verifier.check(signed, CONTROL, scope), source_id)
