"""Hear what a desk's journal says: each line of its lanes once, what operators signed, and nothing else.

The broker's order is the journal's order. What has no effect is handed back as a letter with its bytes, and whatever
speaks of a fault of the system (another content under known lines, an entry without its signature) enters the journal
as an incident, so that it is replayed, counted and seen like everything else.
"""

import msgspec

from contracts.envelope import DeadLetter
from contracts.reasons import GOV_BLOCK_CONTRADICTED
from operators.control_entries import ControlReader
from operators.state import Values, fill, values_of
from operators.strands import Entries, Heard, NotHeard, Strand, StrandReader, Told

_ENCODE = msgspec.msgpack.Encoder().encode


class Hearing:
    """One desk's ear. Picklable; what is no line of a lane waits for the desk's birth, and is heard right after it."""

    def __init__(self, strands: StrandReader, control: ControlReader) -> None:
        """Take the two readers."""
        self.strands, self.control = strands, control
        self._beside: list[tuple[int, bytes, str]] = []  # place, bytes, and why they are no line of a lane's

    def __getstate__(self) -> Values:
        """Give what the readers remember."""
        return {"strands": values_of(self.strands), "control": values_of(self.control), "_beside": self._beside}

    def __setstate__(self, state: Values) -> None:
        """Fill the readers."""
        for name, reader in (("strands", self.strands), ("control", self.control)):
            values = state[name]
            assert isinstance(values, dict)
            fill(reader, values, f"hear, {name}")
        beside = state["_beside"]
        assert isinstance(beside, list)
        self._beside = beside

    def step(self, told: Told) -> Heard:
        """Return what is new, in the journal's order, and letters for what has no effect."""
        heard = Heard([], list(told.letters))
        for place, record in told.records:
            if isinstance(record, Strand):
                heard.entries.extend(self._lines(told.source_id, place, record, heard.letters))
            else:
                self._beside.append((place, record, ""))
            if self._beside and self.strands.born:
                beside, self._beside = self._beside, []
                for each in beside:
                    heard.entries.extend(self._told(*each, heard.letters))
        return heard

    def _lines(self, source_id: str, place: int, strand: Strand, letters: list[DeadLetter]) -> Entries:
        try:
            return self.strands.take(strand)
        except NotHeard as err:
            detail = f"{strand.desk_id[:120]}, {strand.lane[:120]}, line {strand.number}: {err}"
            value = _ENCODE(strand)
            if err.reason != GOV_BLOCK_CONTRADICTED:
                at_ns = self.strands.at_ns
                letters.append(DeadLetter(source_id, place, at_ns, err.reason, detail[:4_096], value.hex()))
                return []
            self._beside.append((place, value, detail))
            return []

    def _told(self, place: int, value: bytes, contradicts: str, letters: list[DeadLetter]) -> Entries:
        """Return the entry of what stands beside the lanes' lines: signed, or a contradiction, which is an incident."""
        at_ns = self.strands.at_ns
        if contradicts:
            taken = self.control.incident(place, value, at_ns, NotHeard(GOV_BLOCK_CONTRADICTED, contradicts))
        else:
            taken = self.control.take(place, value, at_ns)
        if taken.letter is not None:
            letters.append(taken.letter)
        return [] if taken.row is None else [taken.row]
