"""Keep logs and the store in memory, with the contracts of the real ones.

A log takes items at its end and is read by place; who appends may append the same again. The store takes inserts under
a token: the same insert again changes nothing, an insert that only overlaps leaves repeats that reading takes out
(desk, chain, number and head name a block), and two contents under one number both stay, visible. An insert may be
refused, or be there although it was never acknowledged.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from connectors.columns import Stored, fault, token
from connectors.store import StoreError
from contracts.envelope import Block, DeadLetter
from scripts.fixtures_pack.chance import Chance

T = TypeVar("T")
FAILURES_MAX = 15


class Log(Generic[T]):
    """An ordered log. Durable, unless the process that it lives in is told to lose it."""

    def __init__(self, name: str) -> None:
        """Begin empty."""
        self.name = name
        self.items: list[T] = []

    def append(self, items: Sequence[T]) -> None:
        """Take items at the end."""
        self.items += items

    def read(self, place: int, most: int) -> list[T]:
        """Return at most `most` items from a place on."""
        return self.items[place : place + most]

    def cut(self, length: int) -> None:
        """Forget everything behind a place: the log was in the memory of a process that ended."""
        del self.items[length:]

    def __len__(self) -> int:
        return len(self.items)


class MemoryTable:
    """The contract of connectors/clickhouse.py in memory: idempotent inserts, no repeats when read, every content."""

    where = "memory"

    def __init__(self, draw: Chance, refused: int = 0, unheard: int = 0) -> None:
        """Begin empty; of a thousand inserts `refused` are refused and `unheard` stored without an answer."""
        self._draw, self._refused, self._unheard = draw, refused, unheard
        self.parts: list[Stored] = []
        self.letters: list[DeadLetter] = []
        self.tokens: set[str] = set()
        self.inserts = self.failures = self.repeats = 0

    def write_stored(self, blocks: Sequence[Stored]) -> None:
        """Store blocks in one insert; raises StoreError, and then nothing is promised."""
        self.inserts += 1
        if self.failures < FAILURES_MAX and self._draw.happens(self._refused):
            self.failures += 1
            raise StoreError(f"{self.where}: refused on purpose")
        self._keep(blocks)
        if self.failures < FAILURES_MAX and self._draw.happens(self._unheard):
            self.failures += 1
            raise StoreError(f"{self.where}: stored, and the answer lost on purpose")

    def _keep(self, blocks: Sequence[Stored]) -> None:
        if not blocks:
            return
        name = token(blocks)
        if name in self.tokens:
            self.repeats += 1
            return
        self.tokens.add(name)
        self.parts += blocks

    def write_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store frames that could not be read."""
        self.letters += letters

    def read_blocks(self, desk_id: str, chain: str) -> Iterator[Block]:
        """Yield the blocks of a chain in order, without repeats; two contents under a number are both there."""
        mine = {(b.number, b.head): b for b in self.parts if (b.desk_id, b.chain) == (desk_id, chain)}
        for key in sorted(mine):
            kept = mine[key]
            yield Block(desk_id, chain, kept.number, kept.offsets, kept.data, kept.previous, kept.head, [])

    def dead_letters(self) -> list[DeadLetter]:
        """Return the letters without repeats, by source and position."""
        found = {(letter.source_id, letter.position): letter for letter in self.letters}
        return [found[key] for key in sorted(found)]

    def broken(self, desk_id: str, chain: str) -> str:
        """Walk a chain and say what does not hold: number, link or hash of a block; empty when all do."""
        number, head = 0, bytes(32)
        for block in self.read_blocks(desk_id, chain):
            why = fault(block, number, head)
            if why:
                return f"{chain} block {min(block.number, number)}: {why}"
            number, head = number + 1, block.head
        return ""
