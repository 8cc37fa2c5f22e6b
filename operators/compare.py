"""Compare what was recorded with what was derived again, and point at the first envelope that differs."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from contracts.envelope import Block, CheckedRow, rows_of

Difference = tuple[str, int, CheckedRow | None, CheckedRow | None]


class Comparison:
    """Take derived blocks and hold each against the recorded block of the same chain and number."""

    def __init__(self, journal: Iterator[Block], decisions: Iterator[Block]) -> None:
        """Compare with two recorded chains, each read in order."""
        self._recorded = {"journal": journal, "decisions": decisions}
        self._expected = dict.fromkeys(self._recorded, 0)
        self.same = self.differs = self.missing = self.decisions = 0
        self.first: Difference | None = None

    def take(self, batches: Iterable[list[Block]]) -> None:
        """Compare derived blocks as they come."""
        for blocks in batches:
            for block in blocks:
                self._compare(block, self._next(block.chain))

    def finish(self) -> None:
        """Count what was recorded and not derived."""
        for chain in self._recorded:
            while (left := self._next(chain)) is not None:
                rows = rows_of(left.data, chain)
                self.differs += len(rows)
                self._point(chain, left.number, rows, [])

    def _next(self, chain: str) -> Block | None:
        block = next(self._recorded[chain], None)
        if block is not None:
            self.missing += block.number - self._expected[chain]
            self._expected[chain] = block.number + 1
        return block

    def _compare(self, derived: Block, recorded: Block | None) -> None:
        if derived.chain == "decisions":
            self.decisions += len(derived.rows)
        if recorded is not None and recorded.data == derived.data:
            self.same += len(derived.rows)
            return
        before: list[CheckedRow] = [] if recorded is None else rows_of(recorded.data, derived.chain)
        after = rows_of(derived.data, derived.chain)
        equal = sum(one == other for one, other in zip(before, after, strict=False))
        self.same += equal
        self.differs += max(len(before), len(after)) - equal
        self._point(derived.chain, derived.number, before, after)

    def _point(self, chain: str, number: int, before: list[CheckedRow], after: list[CheckedRow]) -> None:
        if self.first is None:
            pairs = zip_longest(before, after)
            self.first = next(((chain, number, one, other) for one, other in pairs if one != other), None)
