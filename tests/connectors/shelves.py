"""Stand in for a table that is away for a while, and keep what it was given in the order in which it came."""

from collections.abc import Callable, Sequence

from connectors.columns import Stored
from connectors.store import StoreAway
from contracts.envelope import DeadLetter

FULL_DISK = "Code: 243. DB::Exception: Cannot reserve 8.90 MiB, not enough space. (NOT_ENOUGH_SPACE)"


class Shelf:
    """A table in memory.

    away     True while every call fails, as on a full disk
    blocks   what it took, repeats too
    letters  likewise
    asked    batches that were tried
    """

    where = "shelf"

    def __init__(self) -> None:
        """Begin empty, and there."""
        self.away = False
        self.blocks: list[Stored] = []
        self.letters: list[DeadLetter] = []
        self.asked = 0
        self.error: Callable[[], Exception] = lambda: StoreAway(f"{self.where}: {FULL_DISK}")

    def heads(self, desk_id: str, chain: str, first: int, last: int) -> dict[int, set[bytes]]:
        """Return the heads that it took under these numbers, or fail."""
        self.asked += 1
        if self.away:
            raise self.error()
        found: dict[int, set[bytes]] = {}
        for block in self.blocks:
            if (block.desk_id, block.chain) == (desk_id, chain) and first <= block.number <= last:
                found.setdefault(block.number, set()).add(block.head)
        return found

    def write_stored(self, blocks: Sequence[Stored]) -> None:
        """Take blocks, or fail."""
        if self.away:
            raise self.error()
        self.blocks += blocks

    def write_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Take letters, or fail."""
        if self.away:
            raise self.error()
        self.letters += letters

    def numbers(self, chain: str = "journal") -> list[int]:
        """The numbers of a chain's blocks in the order in which they came."""
        return [block.number for block in self.blocks if block.chain == chain]
