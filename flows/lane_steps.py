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
    frames: KeyedStream[list[Frame]], lane: LaneSteps, keep: Keep | None = None, of: str = ""
) -> tuple[KeyedStream[Accounts], KeyedStream[list[Fact]]]:
    """Frames to facts; what became of each frame, and what could not be read, leaves by a stream of its own.

    `of` is what the ids of the steps end with, where a flow holds several lanes.
    """
    read = op.stateful_batch(f"normalise{of}", frames, hosted(lambda: lane.normalise, f"normalise{of}", keep))
    accounts = op.map(f"dead_letters{of}", read, _accounted)
    return accounts, op.map_value(f"facts{of}", read, lambda item: item.facts)


def _accounted(item: tuple[str, Normalised]) -> tuple[str, Accounts]:
    key, read = item
    return key, (read.dead, read.counts, len(read.facts))


def judged(facts: KeyedStream[list[Fact]], lane: LaneSteps, keep: Keep | None = None) -> KeyedStream[Entries]:
    """Facts to the journals of the desks that they are for."""
    told = addressed(facts, lane, keep)
    return op.flat_map("journal", op.key_rm("addressed", told), lambda heard: heard)


def addressed(
    facts: KeyedStream[list[Fact]], lane: LaneSteps, keep: Keep | None = None, of: str = ""
) -> KeyedStream[list[tuple[str, Entries]]]:
    """Facts to what each desk hears of them and of what the lane's bots said, keyed by lane."""
    booked = op.stateful_batch(f"order_book{of}", facts, hosted(lambda: lane.order_book, f"order_book{of}", keep))
    fresh = op.stateful_batch(f"freshness{of}", booked, hosted(lambda: lane.freshness, f"freshness{of}", keep))
    said = op.stateful_batch(f"signals{of}", fresh, hosted(lambda: lane.signals, f"signals{of}", keep))
    return op.stateful_batch(f"address{of}", said, hosted(lambda: lane.address, f"address{of}", keep))
