"""Adapt a step of ours to Bytewax: the one place where an operator meets the framework.

A step is anything with `step(block) -> block`; the stream's item is a block of at most 256 entries. State lives in the
step; its snapshot is the step itself, whose class says how it is pickled.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from bytewax.operators import StatefulBatchLogic

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Step(Protocol[In_contra, Out_co]):
    """A fold over blocks."""

    def step(self, block: In_contra) -> Out_co:
        """Take a block in, answer with a block."""


class Host(StatefulBatchLogic[In, Out, Step[In, Out]], Generic[In, Out]):
    """Run a step under Bytewax: blocks in, blocks out, the step is the snapshot."""

    def __init__(self, step: Step[In, Out]) -> None:
        """Host a step."""
        self._step = step

    def on_batch(self, values: list[In]) -> tuple[list[Out], bool]:
        """Take blocks in, in order; keep the state."""
        return [self._step.step(block) for block in values], StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[list[Out], bool]:
        """Let a step that holds something back say it at the end of a finite input."""
        close = getattr(self._step, "close", None)
        return ([] if close is None else [close()]), StatefulBatchLogic.RETAIN

    def snapshot(self) -> Step[In, Out]:
        """Return the state to be kept at the end of an epoch."""
        return self._step


def hosted(make: Callable[[], Step[In, Out]]) -> Callable[[Step[In, Out] | None], Host[In, Out]]:
    """Return a builder for `op.stateful_batch`: the resumed step, or a new one."""
    return lambda resumed: Host(make() if resumed is None else resumed)
