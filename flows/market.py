"""Turn raw bytes into desk journals: normalise, order book, freshness, signals, address."""

from typing import Any, NamedTuple

import bytewax.operators as op
from bytewax.operators import KeyedStream, Stream

from operators.engine import Lane
from operators.freshness import Freshness
from operators.host import hosted
from operators.journal import Addresser
from operators.normalise import Normaliser
from operators.order_book import OrderBooks


class LaneSteps(NamedTuple):
    """The steps of one lane, in order; their state is theirs."""

    normalise: Normaliser
    order_book: OrderBooks
    freshness: Freshness
    signals: Lane
    address: Addresser


def normalised(frames: KeyedStream[Any], lane: LaneSteps) -> tuple[Stream[Any], KeyedStream[Any]]:
    """Frames to facts; what became of each frame, and what could not be read, leaves by a stream of its own."""
    read = op.stateful_batch("normalise", frames, hosted(lambda: lane.normalise))
    accounts = op.map("dead_letters", op.key_rm("read", read), lambda item: (item.dead, item.counts, len(item.facts)))
    return accounts, op.map_value("facts", read, lambda item: item.facts)


def judged(facts: KeyedStream[Any], lane: LaneSteps) -> KeyedStream[Any]:
    """Facts to the journals of the desks that they are for."""
    booked = op.stateful_batch("order_book", facts, hosted(lambda: lane.order_book))
    fresh = op.stateful_batch("freshness", booked, hosted(lambda: lane.freshness))
    said = op.stateful_batch("signals", fresh, hosted(lambda: lane.signals))
    addressed = op.stateful_batch("address", said, hosted(lambda: lane.address))
    return op.flat_map("journal", op.key_rm("addressed", addressed), lambda heard: heard)
