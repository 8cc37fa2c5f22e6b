"""Name and stamp what is said, collect it into blocks, and chain the blocks.

`seal` is the only place where an output gets its name: cause, the rank of its maker, and its place among everything
that the cause produced. A block is cut by content: journal blocks at every 256th entry, decision blocks after an entry
that authorised an order and at 256 rows. So the chain is the same for every batch size, and an order is chained
before it leaves. Nothing that is hashed contains an offset.
"""

from hashlib import sha256

import msgspec

from contracts.envelope import Block, Row

CUT_ROWS = 256
GENESIS = bytes(32)
ENDED = "ended"  # the name of no chain: a block under it says that its desk says nothing more for now
_encode = msgspec.json.Encoder().encode


def seal(said: list[object], base: int, cause: int, rank: int, at_ns: int, market: int, payload: object) -> Row:
    """Return the row of an output; `base` is how many rows were there when the entry began."""
    return Row(cause, rank, len(said) - base, at_ns, market, payload)


class Chain:
    """One hash chain of blocks."""

    __slots__ = ("desk_id", "head", "name", "number")

    def __init__(self, desk_id: str, name: str) -> None:
        """Begin at the genesis head."""
        self.desk_id, self.name = desk_id, name
        self.head, self.number = GENESIS, 0

    def link(self, rows: list[object], offsets: list[int]) -> Block:
        """Encode rows, link them to the head and return their block."""
        data = _encode(rows)
        previous, self.head = self.head, sha256(self.head + data).digest()
        block = Block(self.desk_id, self.name, self.number, offsets, data, previous, self.head, rows)
        self.number += 1
        return block


class Ledger:
    """What a desk has taken in and said since the last cut, and the blocks cut since they were taken."""

    __slots__ = ("blocks", "decisions", "journal", "journal_chain", "journal_from", "offsets", "rows")

    def __init__(self, desk_id: str) -> None:
        """Make an empty ledger of a desk."""
        self.journal: list[object] = []
        self.rows: list[object] = []
        self.offsets: list[int] = []
        self.journal_from = 1
        self.journal_chain = Chain(desk_id, "journal")
        self.decisions = Chain(desk_id, "decisions")
        self.blocks: list[Block] = []

    def cut_journal(self) -> None:
        """Seal the entries taken in since the last cut. The list stays the same object; costs 0.1 to 0.3 µs a row."""
        taken = self.journal[:]
        first, self.journal_from = self.journal_from, self.journal_from + len(taken)
        self.blocks.append(self.journal_chain.link(taken, [first]))
        self.journal.clear()

    def cut_decisions(self) -> None:
        """Seal what was said since the last cut."""
        said, offsets = self.rows[:], self.offsets[:]
        self.blocks.append(self.decisions.link(said, offsets))
        self.rows.clear()
        self.offsets.clear()

    def close(self) -> None:
        """Cut what is left, at the end of a run."""
        if self.journal:
            self.cut_journal()
        if self.rows:
            self.cut_decisions()

    def take(self) -> list[Block]:
        """Return the blocks cut since the last call."""
        taken, self.blocks = self.blocks, []
        return taken


class LastWord:
    """Say after everything that a desk said that nothing more comes, at the end of a finite input."""

    def __init__(self, desk_id: str) -> None:
        """Take the desk."""
        self._desk_id = desk_id

    def step(self, blocks: list[Block]) -> list[Block]:
        """Hand blocks on."""
        return blocks

    def close(self) -> list[Block]:
        """Return the block that is none: its chain has the name of the end, and nothing stands in it."""
        return [Block(self._desk_id, ENDED, 0, [], b"[]", GENESIS, GENESIS, [])]
