"""Take away what tells repeats, order, contradictions and strangers apart on the way from the edge to a desk."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from connectors import kafka_records, signing
from contracts.envelope import Row
from operators import lane_sequencer, strands
from tests.sim.planting import defect, put


@defect
def repeats_heard(stack: ExitStack) -> None:
    """Lines that come again are heard again."""
    new = strands.StrandReader._new

    def trusting(self: Any, strand: Any) -> Any:
        if strand.lane in self._known:
            self._known[strand.lane] = strands.Known(strand.number, strand.checksum)
        return new(self, strand)

    put(stack, strands.StrandReader, "_new", trusting)


@defect
def frames_heard_twice(stack: ExitStack) -> None:
    """Messages that come again are heard again."""
    frame = kafka_records.FrameReader.frame

    def forgetful(self: Any, *given: Any) -> Any:
        self.numbers.clear()
        return frame(self, *given)

    put(stack, kafka_records.FrameReader, "frame", forgetful)


@defect
def nobody_waited_for(stack: ExitStack) -> None:
    """A lane hands on what one venue said before the others have said what stands before it."""
    put(stack, lane_sequencer.LaneSequencer, "_behind", lambda self: lane_sequencer.ALWAYS)


@defect
def contradiction_unnoticed(stack: ExitStack) -> None:
    """Other content under known numbers is taken for a repeat."""
    new = strands.StrandReader._new

    def trusting(self: Any, strand: Any) -> Any:
        known = self._known.get(strand.lane)
        if known is not None and strand.number + strand.count <= known.number:
            return []
        return new(self, strand)

    put(stack, strands.StrandReader, "_new", trusting)


@defect
def lane_says_anything(stack: ExitStack) -> None:
    """A lane's line may be an operator's."""
    entry = strands._entry

    def believed(line: bytes, sources: Sequence[int]) -> Any:
        if line[0] != strands._ARRAY:
            return entry(line, sources)
        row = strands._ROW(line)
        return Row(row.cause, row.rank, row.index, row.at_ns, row.market, row.payload)

    put(stack, strands, "_entry", believed)


@defect
def signature_unchecked(stack: ExitStack) -> None:
    """Whoever signs is believed."""
    put(stack, signing.Verifier, "check", lambda self, *given: "")
