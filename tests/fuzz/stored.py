"""Hold the readers of what was stored to their promises: blocks of both chains, dead letters, control entries.

A store may have been damaged, or written by somebody else. Each reader answers with values that keep their contract,
or refuses with the one error that its callers know.
"""

from collections.abc import Callable
from random import Random

import msgspec

from connectors.columns import offsets_of, stored
from connectors.envelopes import Names
from contracts import control
from contracts.base import Refused, Wire, read
from contracts.envelope import DECISIONS, FACT_RANK, JOURNAL, Block, CheckedRow, DeadLetter, rows_of
from contracts.signed import Signed
from operators.sequencer import merge
from tests import world
from tests.fuzz.frames import trusted
from tests.fuzz.mutate import mutated
from tests.laws import engine_stream

RARELY = 16
MAKERS = {rank: f"intel.rank{rank}" for rank in range(0, 400, 7)}


class BlockDecoder:
    """The reader of stored blocks, and what spells their rows out as envelopes."""

    most = 1 << 14

    def __init__(self) -> None:
        """Take what a small run stored: of each chain, the first entry of each kind, and a few neighbours together."""
        drive = engine_stream.Drive(engine_stream.desk(), 2)
        drive.feed(merge([engine_stream.frames(400, 2, 3, trade_every=9)], 256))
        kinds: dict[tuple[str, str], bytes] = {}
        for block in drive.close():
            for raw in msgspec.json.decode(block.data, type=list[msgspec.Raw]):
                entry = msgspec.json.decode(raw)
                kind = entry["kind"] if isinstance(entry, dict) else entry[5]["kind"]
                kinds.setdefault((block.chain, kind), bytes(raw))
        every = list(kinds.values())
        self.seeds = [b"[" + raw + b"]" for raw in every] + [b"[" + b",".join(every[:6]) + b"]"]
        self.turn = 0

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged block."""
        return mutated(data, draw, self.most, self.seeds)

    def check(self, data: bytes) -> None:
        """Read a block as each chain's."""
        self.turn += 1
        for chain in (JOURNAL, DECISIONS):
            try:
                rows = rows_of(data, chain)
            except Refused as err:
                assert chain in str(err)
                continue
            block = Block("lab", chain, 0, [1], data, bytes(32), bytes(32), [])
            self._spelled(block, rows)
            for row in rows:
                if isinstance(row.payload, Wire):
                    trusted(row.payload, self.turn % RARELY == 0)
            again = [row.payload if row.rank == FACT_RANK else row for row in rows]
            assert rows == rows_of(msgspec.json.encode(again), chain) or chain == DECISIONS
            assert len(rows) == stored(block).row_count

    def _spelled(self, block: Block, rows: list[CheckedRow]) -> None:
        names = Names("lab", MAKERS)
        for offset, row in zip(offsets_of(block, len(rows)), rows, strict=True):
            names.learn(offset, row)
            assert msgspec.json.encode(names.envelope(row, offset, block.number))


class WireDecoder:
    """The door of contracts for what comes from people and machines: commands, challenges, audit, dead letters."""

    most = 1 << 13
    kinds: tuple[type[Wire], ...] = (
        *(cls for cls in vars(control).values() if isinstance(cls, type) and issubclass(cls, Wire) and cls is not Wire),
        DeadLetter,
        Signed,
    )

    def __init__(self) -> None:
        """Take a value of each kind, the smallest that its contract allows."""
        self.by_name = {cls.__name__: cls for cls in self.kinds}
        self.seeds = [msgspec.json.encode(world.plainest(cls)) for cls in self.kinds]
        self.turn = 0

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged value."""
        return mutated(data, draw, self.most, self.seeds)

    def check(self, data: bytes) -> None:
        """Read a value as the kind that it names, and as one that it may not be."""
        self.turn += 1
        named = next((cls for name, cls in self.by_name.items() if name.encode() in data), control.ControlCommand)
        for kind in (named, self.kinds[self.turn % len(self.kinds)]):
            try:
                value = read(kind, data)
            except Refused as err:
                assert kind.__name__ in str(err)
                continue
            trusted(value, self.turn % RARELY == 0)


STORED: dict[str, Callable[[], BlockDecoder | WireDecoder]] = {"blocks": BlockDecoder, "control": WireDecoder}
