"""Turn the stored journal of a desk into strands again, so that a desk program hears what the desk once heard.

A store keeps what every desk took in, in order. Said again by the lanes that said it, under the plan that they ran, it
gives the same journal and the same decisions, whatever has become of the raw messages. What the desk was born from is
left out: a desk program says that from its own configuration. What operators had signed is left out too, and counted:
a signature is made once, by who holds the key.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zlib import crc32

import msgspec

from connectors import namespace
from connectors.clickhouse import EnvelopeTable
from connectors.columns import fault
from connectors.kafka_strands import record_of_strand, strand_of
from connectors.refeed import Fed, Feeding
from connectors.refeed_feedings import Cut
from connectors.store import StoreError
from contracts.base import Refused
from contracts.envelope import FACT_RANK, JOURNAL, Block, CheckedRow, rows_of
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT
from flows.assemble import Assembly, recalled
from flows.deployment import GOVERN, Deployment, lane_plan
from flows.embedded import LANE
from flows.replay import birth
from operators.plan import DESK_RANK
from operators.strands import Known, Lanes, Strand, lane_of

TOGETHER_NS = 100_000_000  # entries within a tenth of a second travel in one record: so exact is a paced feeding
_LINES = msgspec.json.Encoder().encode_lines


class JournalFeeding(Feeding):
    """The journal of one desk, as its lanes said it; left out is what operators signed, and incidents."""

    def __init__(
        self, table: EnvelopeTable, desk_id: str, born_ns: int, lanes: Lanes, to: str, partition: int, cut: Cut
    ) -> None:
        """Take the store and the desk, when it was born, its lanes, where its strands go, and the cut."""
        super().__init__(to, partition, f"the journal of desk {desk_id} in {table.where}")
        self._table, self._desk_id, self._born_ns, self._lanes, self._cut = table, desk_id, born_ns, lanes, cut
        self._lane_of = lane_of(lanes.sources)
        self._known: dict[str, Known] = {}
        sql = "SELECT max(number) + 1 FROM {database}.blocks WHERE desk_id = {desk:String} AND chain = {chain:String}"
        self.total = int(str(table.query(sql, desk=desk_id, chain=JOURNAL)[0][0]))

    def records(self) -> Iterator[Fed]:
        """Yield a record for entries of one lane that follow each other; raises StoreError and Refused."""
        self.left_out.clear()
        self._known = {lane: Known() for lane in self._lanes.plans}
        number, head, at_ns, born = 0, None, 0, False
        for block in self._table.read_blocks(self._desk_id, JOURNAL):
            if why := fault(block, number, head):
                raise StoreError(f"{self.name}: block {number}: {why}")
            number, head = number + 1, block.head
            for lane, rows in self._runs(block):
                if not born and rows[0].at_ns != self._born_ns:
                    raise Refused(
                        f"{self.name}: its desk was born at {self._born_ns}, and heard its first entry at "
                        f"{rows[0].at_ns}; allowed: a store of this version, whose desks are born with that entry"
                    )
                born, at_ns = True, rows[-1].at_ns
                yield Fed(at_ns, *record_of_strand(self._said(lane, rows)))
            self.done = number
        for lane, known in self._known.items() if self._cut.ends else ():
            end = Strand(lane, self._desk_id, self._lanes.plans[lane], known.number, known.checksum, 0, b"", ended=True)
            yield Fed(at_ns, *record_of_strand(end))

    def spelt(self, fed: Fed) -> str:
        """Say which lines this is."""
        try:
            strand = strand_of(fed.value)
        except Refused:
            return super().spelt(fed)
        end = ", its end" if strand.ended else ""
        return (
            f"lines {strand.number} to {strand.number + strand.count} of lane {strand.lane} to desk {strand.desk_id}"
            f"{end} (plan {strand.plan}, checksum {crc32(strand.lines, strand.checksum)})"
        )

    def _runs(self, block: Block) -> Iterator[tuple[str, list[CheckedRow]]]:
        """Yield runs of what lanes said: of one lane, and of one tenth of a second."""
        lane, tenth, run = "", -1, list[CheckedRow]()
        for row in rows_of(block.data):
            source = row.cause >> SOURCE_SHIFT
            if source == CONTROL_SOURCE and row.rank != FACT_RANK:
                if row.rank != DESK_RANK:
                    self.left_out[type(row.payload).__name__] += 1
                continue
            if not self._cut.takes(row.at_ns):
                continue
            said, at = self._whose(source), row.at_ns // TOGETHER_NS
            if run and (said, at) != (lane, tenth):
                yield lane, run
                run = []
            lane, tenth = said, at
            run.append(row)
        if run:
            yield lane, run

    def _whose(self, source: int) -> str:
        lane = self._lane_of.get(source)
        if lane is not None:
            return lane
        if self._lane_of:
            raise _stranger(self.name, source, self._lane_of)
        return next(iter(self._lanes.plans))  # the only one, and nobody has said what it consists of

    def _said(self, lane: str, rows: Sequence[CheckedRow]) -> Strand:
        """Return the strand of a run, under the lane's own market numbers."""
        known, count = self._known[lane], len(self._lanes.plans)
        entries = [row.payload if row.rank == FACT_RANK else row for row in rows]
        if count > 1:
            renumber_back(entries, self._lanes.number(lane), count)
        lines = _LINES(entries)
        said = Strand(lane, self._desk_id, self._lanes.plans[lane], known.number, known.checksum, len(rows), lines)
        known.number, known.checksum = known.number + len(rows), crc32(lines, known.checksum)
        return said


def _stranger(name: str, source: int, known: Iterable[int]) -> Refused:
    return Refused(
        f"{name}: source {source} is of no lane that the desk hears; allowed: {', '.join(map(str, sorted(known)))}: "
        f"its lanes have as many partitions as the run had recordings"
    )


def renumber_back(entries: Sequence[CheckedRow], lane: int, lanes: int) -> None:
    """Turn a desk's market numbers into the lane's own (the way back of `operators.strands.renumber`); raises Refused.

    The entries were just read, and nobody else holds them.
    """
    for entry in entries:
        if entry.market >= 0:
            own, number = divmod(entry.market, lanes)
            if number != lane:
                raise Refused(f"journal: market {entry.market} is said by lane {lane} of {lanes}, and is not its own")
            msgspec.structs.force_setattr(entry, "market", own)


# ---- which goes where ----------------------------------------------------------------------------------------------


def of_store(table: EnvelopeTable, prefix: str, deployment: Deployment | None, cut: Cut) -> list[JournalFeeding]:
    """Return what feeds the journals of a store's desks to their partitions; raises Refused and StoreError.

    Without a deployment a store has one desk, whose partition is 0.
    """
    desks = [desk_id for desk_id in table.desks() if not desk_id.startswith(GOVERN)]
    if not desks or (deployment is None and len(desks) > 1):
        raise Refused(
            f"--store {table.where}: holds {len(desks)} desks ({', '.join(desks) or 'none'}); allowed: one, or several "
            f"with --deployment FILE, which names their partitions"
        )
    return [_of_desk(table, desk_id, prefix, deployment, cut) for desk_id in desks]


def _of_desk(
    table: EnvelopeTable, desk_id: str, prefix: str, deployment: Deployment | None, cut: Cut
) -> JournalFeeding:
    configured, applied, born_ns = birth(table, desk_id, table.where)
    if configured.desk_mode != namespace.mode_of(prefix):
        raise Refused(
            f"--to {prefix}: desk {desk_id} of {table.where} ran in mode {configured.desk_mode}; allowed: "
            f"{configured.desk_mode}.{namespace.REFEED}.NAME"
        )
    assembly = recalled(configured, applied, born_ns)
    heard = {lane: tuple(own) for lane, own in assembly.lanes.items()}
    partition, sources = (0, heard or {LANE: ()}) if deployment is None else _place(deployment, desk_id, assembly)
    lanes = Lanes(dict.fromkeys(sources, lane_plan(assembly)), sources)
    feeding = JournalFeeding(table, desk_id, born_ns, lanes, namespace.topic(prefix, JOURNAL), partition, cut)
    own = lane_of(sources)
    recorded = {int(source) for run in table.runs() if run.desk_id == desk_id for source in run.sources}
    if own and (strange := sorted(recorded - own.keys())):
        raise _stranger(feeding.name, strange[0], own)
    return feeding


def _place(deployment: Deployment, desk_id: str, assembly: Assembly) -> tuple[int, dict[str, tuple[int, ...]]]:
    """Return a desk's partition and the sources of its lanes; raises Refused where it would not believe the strands."""
    desk = deployment.desks.get(desk_id)
    if desk is None:
        raise Refused(f"{deployment.path}: has no desk {desk_id}; allowed: one whose desks are those of the store")
    heard = deployment.heard_by(desk_id)
    recorded = {lane: tuple(own) for lane, own in assembly.lanes.items()}
    if recorded != heard and (recorded or len(heard) > 1):
        raise Refused(
            f"{deployment.path}: desk {desk_id} hears {heard}, lane by lane the numbers of its sources, and the stored "
            f"one heard {recorded or 'one lane'}; allowed: the same"
        )
    here = deployment.put_together(desk_id)
    if lane_plan(here) != lane_plan(assembly):
        raise Refused(
            f"{deployment.path}: desk {desk_id} configures the bots of its lanes otherwise than the store's desk did "
            f"({_differing(here, assembly)}); allowed: the code and configuration that it was recorded with"
        )
    return desk.partition, heard


def _differing(here: Assembly, there: Assembly) -> str:
    said: list[Mapping[str, tuple[str, str]]] = [
        {each.bot_id: (each.bot_version, each.config_version) for each in assembly.applied}
        for assembly in (here, there)
    ]
    differ = [bot_id for bot_id in {**said[0], **said[1]} if said[0].get(bot_id) != said[1].get(bot_id)]
    return ", ".join(differ[:5]) or "the plan itself"
