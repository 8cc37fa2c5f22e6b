"""Adapt a step of ours to Bytewax: the one place where an operator meets the framework.

A step is anything with `step(block) -> block`; the stream's item is a block of at most 256 entries. State lives in the
step. A snapshot is a copy of it, made when it is asked for (`state.py`), never the step itself, which goes on changing.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from bytewax.operators import StatefulBatchLogic

from operators.state import Keep

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Step(Protocol[In_contra, Out_co]):
    """A fold over blocks."""

    def step(self, block: In_contra) -> Out_co:
        """Take a block in, answer with a block."""


class Host(StatefulBatchLogic[In, Out, bytes | None], Generic[In, Out]):
    """Run a step under Bytewax: blocks in, blocks out, a copy of the step's values as snapshot."""

    def __init__(self, step: Step[In, Out], step_id: str, keep: Keep) -> None:
        """Host a step."""
        self._step, self._id, self._keep = step, step_id, keep

    def on_batch(self, values: list[In]) -> tuple[list[Out], bool]:
        """Take blocks in, in order; keep the state."""
        return [self._step.step(block) for block in values], StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[list[Out], bool]:
        """Let a step that holds something back say it at the end of a finite input; a pause is no end."""
        close = None if self._keep.paused else getattr(self._step, "close", None)
        return ([] if close is None else [close()]), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes | None:
        """Return the state to be kept at the end of an epoch."""
        return self._keep.pack(self._id, self._step)


def hosted(
    make: Callable[[], Step[In, Out]], step_id: str = "", keep: Keep | None = None
) -> Callable[[bytes | None], Host[In, Out]]:
    """Return a builder for `op.stateful_batch`: a new step, filled with what was kept of it."""
    known = Keep() if keep is None else keep

    def built(kept: bytes | None) -> Host[In, Out]:
        step = make()
        known.unpack(step_id, kept, step)
        return Host(step, step_id, known)

    return built
