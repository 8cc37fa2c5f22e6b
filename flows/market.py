"""Turn raw bytes into desk journals: normalise, order book, freshness, signals, address."""

from typing import NamedTuple

import bytewax.operators as op
from bytewax.operators import KeyedStream

from contracts.envelope import DeadLetter, Row
from contracts.market import Fact
from operators.engine import Lane
from operators.freshness import Freshness
from operators.host import hosted
from operators.journal import Addresser
from operators.normalise import Counts, Frame, Normalised, Normaliser
from operators.order_book import OrderBooks
from operators.state import Keep

Entries = list[Fact | Row]
Accounts = tuple[list[DeadLetter], Counts, int]


class LaneSteps(NamedTuple):
    """The steps of one lane, in order; their state is theirs."""

    normalise: Normaliser
    order_book: OrderBooks
    freshness: Freshness
    signals: Lane
    address: Addresser


def normalised(
    frames: KeyedStream[list[Frame]], lane: LaneSteps, keep: Keep | None = None
) -> tuple[KeyedStream[Accounts], KeyedStream[list[Fact]]]:
    """Frames to facts; what became of each frame, and what could not be read, leaves by a stream of its own."""
    read = op.stateful_batch("normalise", frames, hosted(lambda: lane.normalise, "normalise", keep))
    accounts = op.map("dead_letters", read, _accounted)
    return accounts, op.map_value("facts", read, lambda item: item.facts)


def _accounted(item: tuple[str, Normalised]) -> tuple[str, Accounts]:
    key, read = item
    return key, (read.dead, read.counts, len(read.facts))


def judged(facts: KeyedStream[list[Fact]], lane: LaneSteps, keep: Keep | None = None) -> KeyedStream[Entries]:
    """Facts to the journals of the desks that they are for."""
    booked = op.stateful_batch("order_book", facts, hosted(lambda: lane.order_book, "order_book", keep))
    fresh = op.stateful_batch("freshness", booked, hosted(lambda: lane.freshness, "freshness", keep))
    said = op.stateful_batch("signals", fresh, hosted(lambda: lane.signals, "signals", keep))
    addressed = op.stateful_batch("address", said, hosted(lambda: lane.address, "address", keep))
    return op.flat_map("journal", op.key_rm("addressed", addressed), lambda heard: heard)
