"""Take in what an operator signed for a desk, once and in the order of its key; what else is said so has no effect.

Whoever may write to a journal's topic may put anything there: nonsense, an entry for another desk, one that was true
last week. None of it may start or stop trading. So an entry counts only under a signature for this desk and mode, and
under a number that its key has not passed. Everything else becomes an incident, on which no desk trips
(`incidents.py`), and a letter that keeps the bytes.

An entry's id follows from its key and number, an incident's from how many there were before it:

    position  1 ..          what the desk was born from (operators/engine.py)
              2^20 + n      entry n of a key, whose first 12 bits are the id's index
              2^31 + n      incident n, from 0

So causes do not grow along the journal, and no step behind this one may tell repeats by them: this one knows repeats
itself.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import msgspec

from contracts.base import Refused, read
from contracts.control import ControlCommand, PolicyBundle
from contracts.envelope import DeadLetter, Row
from contracts.ids import CONTROL_SOURCE, POSITION_BITS, fact_id
from contracts.reasons import GOV_CONTROL_REPLAYED, GOV_CONTROL_UNREADABLE, GOV_CONTROL_UNSIGNED
from contracts.signed import Signed, key_place
from operators.incidents import incident, letter
from operators.plan import OPERATOR_RANK, STRANDS_RANK
from operators.strands import NotHeard

Check = Callable[[Signed], str]
Entry = ControlCommand | PolicyBundle
ENTRIES_FROM, INCIDENTS_FROM, POSITIONS_MAX = 1 << 20, 1 << 31, 1 << POSITION_BITS
REMEMBERED = 256  # numbers of a key whose content is known; what is older is refused, whatever it says
OPENED_BY = "operators.strands"
FAMILY = "unsigned_control"
_ENTRY = msgspec.json.Decoder(Entry).decode


class Taken(NamedTuple):
    """What a record gave.

    row     the entry, or the incident; None for a repeat
    letter  the bytes of what had no effect
    """

    row: Row | None
    letter: DeadLetter | None


class ControlReader:
    """Judge the control records of one desk's journal. Picklable: whom to believe is configuration, and not kept.

    known    key -> number of an entry -> SHA-256 of its content, in the order of the numbers, the last 256
    repeats  entries that were said again, and left out
    refused  records that had no effect
    """

    def __init__(self, check: Check, source_id: str) -> None:
        """Take what says why a record is not signed for this desk (empty: it is), and the journal's name in letters."""
        self._check, self._source_id = check, source_id
        self.known: dict[str, dict[int, bytes]] = {}
        self.repeats = self.refused = 0

    def __getstate__(self) -> dict[str, object]:
        """Give what is remembered, without what the configuration says again."""
        return {name: value for name, value in vars(self).items() if name not in ("_check", "_source_id")}

    def take(self, position: int, value: bytes, at_ns: int) -> Taken:
        """Return what a record gave; it never raises, whatever the bytes.

        position  its offset in the journal's partition + 1, for the letter alone: it enters no id
        at_ns     journal time, of the entry that came before it
        """
        try:
            row = self._row(value, at_ns)
        except NotHeard as err:
            return self.incident(position, value, at_ns, err)
        self.repeats += row is None
        return Taken(row, None)

    def _row(self, value: bytes, at_ns: int) -> Row | None:
        """Return an entry's row, None for a repeat; raises NotHeard."""
        try:
            signed = read(Signed, value)
        except Refused as err:
            raise NotHeard(GOV_CONTROL_UNSIGNED, str(err)) from None
        if why := self._check(signed):
            raise NotHeard(GOV_CONTROL_UNSIGNED, why)
        content = sha256(signed.body.encode()).digest()
        seen = self.known.get(signed.key_id, {})
        if seen.get(signed.sequence) == content:
            return None
        self._must_be_next(signed, seen)
        row = Row(_cause(signed), OPERATOR_RANK, 0, at_ns, -1, _entry(signed))
        seen = self.known.setdefault(signed.key_id, seen)
        seen[signed.sequence] = content
        if len(seen) > REMEMBERED:
            del seen[next(iter(seen))]
        return row

    def _must_be_next(self, signed: Signed, seen: dict[int, bytes]) -> None:
        named = f"key {signed.key_id}, sequence {signed.sequence}"
        if signed.sequence in seen:
            raise NotHeard(GOV_CONTROL_REPLAYED, f"{named}: says something else than before; allowed: the same")
        if seen and signed.sequence < next(reversed(seen)):
            raise NotHeard(GOV_CONTROL_REPLAYED, f"{named}: its key has said {next(reversed(seen))}; allowed: above it")
        if ENTRIES_FROM + signed.sequence >= INCIDENTS_FROM:
            most = INCIDENTS_FROM - ENTRIES_FROM - 1
            raise NotHeard(GOV_CONTROL_UNREADABLE, f"{named}: is past what an id can name; allowed: up to {most}")
        place = key_place(signed.key_id)
        if like := [each for each in self.known if each != signed.key_id and key_place(each) == place]:
            raise NotHeard(GOV_CONTROL_UNREADABLE, f"{named}: begins like key {like[0]}; allowed: another key")

    def incident(self, position: int, value: bytes, at_ns: int, err: NotHeard) -> Taken:
        """Return the incident and the letter of a record of the journal that has no effect, under the next cause."""
        cause, kept = INCIDENTS_FROM + self.refused, letter(self._source_id, position, at_ns, value, err)
        self.refused += 1
        if cause >= POSITIONS_MAX:  # letters go on; two thousand million incidents have been told
            return Taken(None, kept)
        said = incident(OPENED_BY, FAMILY, value, err.reason)
        return Taken(Row(fact_id(CONTROL_SOURCE, cause), STRANDS_RANK, 0, at_ns, -1, said), kept)


def _cause(signed: Signed) -> int:
    return fact_id(CONTROL_SOURCE, ENTRIES_FROM + signed.sequence, key_place(signed.key_id))


def _entry(signed: Signed) -> Entry:
    try:
        entry: Entry = _ENTRY(signed.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotHeard(GOV_CONTROL_UNREADABLE, f"key {signed.key_id}, sequence {signed.sequence}: {err}") from None
    return entry
