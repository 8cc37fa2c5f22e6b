"""The adapter hosts a step: in, out, a copy at each epoch, and a last word at the end but not at a pause."""

from operators.host import hosted
from operators.state import Keep


class Sums:
    """Adds up, and says the sum at the end."""

    def __init__(self) -> None:
        self.sum = 0

    def step(self, block: list[int]) -> int:
        self.sum += sum(block)
        return self.sum

    def close(self) -> int:
        return -self.sum


def test_a_step_goes_on_from_its_snapshot() -> None:
    """The second process begins where the snapshot was, not where the first one died."""
    keep = Keep({"sums": 1})
    first = hosted(Sums, "sums", keep)(None)
    assert ([1, 3], False) == first.on_batch([[1], [2]])
    kept = first.snapshot()
    first.on_batch([[100]])
    second = hosted(Sums, "sums", keep)(kept)
    assert ([6], False) == second.on_batch([[3]])


def test_the_end_is_said_and_a_pause_is_not() -> None:
    """A step that holds something back says it when the input is over, not when it is only stopped."""
    keep = Keep({"sums": 1})
    host = hosted(Sums, "sums", keep)(None)
    host.on_batch([[4]])
    keep.paused = True
    assert ([], False) == host.on_eof()
    keep.paused = False
    assert ([-4], False) == host.on_eof()


def test_without_a_keep_nothing_is_snapshotted() -> None:
    """A replay keeps no state."""
    assert hosted(Sums)(None).snapshot() is None
