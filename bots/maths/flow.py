"""Measure pressure on the touch: order-flow imbalance in a rolling window, and its own usual size.

    e_n = [Pb_n >= Pb_n-1] qb_n - [Pb_n <= Pb_n-1] qb_n-1 - [Pa_n <= Pa_n-1] qa_n + [Pa_n >= Pa_n-1] qa_n-1
    OFI_W = sum of e_n over the window,  z = OFI_W / sqrt(parts * m),  m = EWMA of (sum of e_n in a tenth)^2

Symbols: Pb, Pa best quotes in ticks, qb, qa sizes there in lots, e_n the event of the n-th touch in lots. The window W
is kept as ten tenths, so a sum costs nothing to roll; the tenths are taken as independent, hence the factor `parts`.
The usual size is learnt over 300 tenths (a plain average until then), and z is 0 before a whole window was seen.
Source: Cont, R., Kukanov, A., Stoikov, S. (2014), The price impact of order book events.
"""

from math import sqrt

from msgspec import Struct

from bots.maths.ewma import steady_weight
from contracts.market import Touch

Run = tuple[tuple[int, int], ...]
PARTS = 10
SPAN = 300


class Window(Struct, frozen=True, gc=False):
    """The closed tenths: their sums, when the open one ends, and 1 / usual size (0 until a window is full)."""

    ends_ns: int = 0
    tenths: tuple[int, ...] = ()
    total: int = 0
    mean_square: float = 0.0
    seen: int = 0
    inverse: float = 0.0


def event(old: Touch, new: Touch) -> int:
    """Return e_n in lots; both touches must have two sides."""
    bid, before = new.bid_ticks, old.bid_ticks
    pressure = new.bid_lots if bid >= before else 0
    if bid <= before:
        pressure -= old.bid_lots
    ask, before = new.ask_ticks, old.ask_ticks
    if ask <= before:
        pressure -= new.ask_lots
    return pressure + old.ask_lots if ask >= before else pressure


def run_of(run: Run, side: int, aggressor: int, price: int, now: int, window_ns: int) -> Run:
    """Return one aggressor's run of (time, price) with a new hit: one per price, none older than the window."""
    if not aggressor or aggressor != side:
        return ((now, price),)
    return (*(hit for hit in run if now - hit[0] <= window_ns and hit[1] != price), (now, price))


def roll(window: Window, open_lots: int, now: int, part_ns: int) -> Window:
    """Close the open tenth and any empty ones after it, so that the next event falls into an open one."""
    if not window.ends_ns:
        return Window(now + part_ns)
    missed = (now - window.ends_ns) // part_ns
    seen = window.seen + 1
    mean_square = window.mean_square + steady_weight(seen, SPAN) * (open_lots * open_lots - window.mean_square)
    tenths = (*window.tenths, open_lots)
    if missed:
        empty = min(missed, SPAN)
        for _ in range(empty):
            seen += 1
            mean_square -= steady_weight(seen, SPAN) * mean_square
        tenths += (0,) * min(empty, PARTS)
    tenths = tenths[1 - PARTS :]
    usual = sqrt(PARTS * mean_square)
    inverse = 1.0 / usual if seen >= PARTS and usual > 0.0 else 0.0
    return Window(window.ends_ns + (missed + 1) * part_ns, tenths, sum(tenths), mean_square, seen, inverse)
