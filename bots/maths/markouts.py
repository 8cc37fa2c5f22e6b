"""Judge fills by where the market stood some time after them: the average is what resting costs in adverse selection.

A fill of a maker is noted with mid at that moment; when its time has come, how far mid has moved against it enters an
exponential average (a new one weighs a tenth), kept per place of a table. An average below zero counts as zero: that
others traded badly with us is no promise.
"""

from typing import NamedTuple

NEVER = 1 << 62
WAITING_MAX, WEIGHT, PATIENCE = 64, 10, 10
SECOND_NS = 1_000_000_000


class Waiting(NamedTuple):
    """A fill that waits: the place of its average, its side, mid then (millionths), when it is due (ns)."""

    market_id: str
    place: int
    side: int
    mid_micros: int
    due_ns: int


def noted(waiting: tuple[Waiting, ...], fill: Waiting) -> tuple[Waiting, ...]:
    """Return the fills that wait, with a new one; beyond the limit the oldest is forgotten."""
    return (*waiting[1 - WAITING_MAX :], fill)


def judged(
    averages: tuple[int, ...],
    waiting: tuple[Waiting, ...],
    market_id: str,
    mid_micros: int,
    now: int,
    prior: int,
    span_ns: int,
) -> tuple[tuple[int, ...], tuple[Waiting, ...], int]:
    """Return averages (millionths; -1 none yet), who still waits, and when to look again (ns), seeing mid of a market.

    A fill whose market has not been seen for `PATIENCE` spans after it was due is dropped.
    """
    new, still = list(averages), []
    for fill in waiting:
        if fill.due_ns <= now and fill.market_id == market_id:
            before = prior if new[fill.place] < 0 else new[fill.place]
            against = fill.side * (fill.mid_micros - mid_micros)
            new[fill.place] = max(0, before + (against - before) // WEIGHT)
        elif now - fill.due_ns < PATIENCE * span_ns:
            still.append(fill)
    soon = max(min((fill.due_ns for fill in still), default=NEVER), now + SECOND_NS)
    return tuple(new), tuple(still), soon
