"""Judge how fresh and how coherent the parts of one market's state are.

    factor = 1 if age <= budget else budget / age
    mirror: |bid_yes + ask_no - 1| <= tol and |ask_yes + bid_no - 1| <= tol
    mark:   |mark - index| / index <= tol

Symbols: age and budget in nanoseconds, quality in thousandths, prices of the mirror in ticks with `grid` for 1, mark
and index in millionths of the quote currency, tolerances in millionths. Whole numbers throughout.
Source: rule of intel.snapshot_assembler.
"""

MILLION, SECOND = 1_000_000, 1_000_000_000


def aged(quality_milli: int, age_ns: int, budget_ns: int) -> int:
    """Return the quality lowered by one component's age; unchanged inside the budget."""
    return quality_milli if age_ns <= budget_ns else quality_milli * budget_ns // age_ns


def is_mirrored(bid_yes: int, ask_yes: int, bid_no: int, ask_no: int, grid: int, tol_micros: int) -> bool:
    """True when the two outcomes' best quotes mirror each other within the tolerance (a probability)."""
    room = tol_micros * grid
    return abs(bid_yes + ask_no - grid) * MILLION <= room and abs(ask_yes + bid_no - grid) * MILLION <= room


def is_repeated(bid: int, ask: int, told_bid: int, told_ask: int, grid: int, tol_micros: int) -> bool:
    """True when a book mirrors the NO side that the venue's repeated quotes imply; -1 for a side says nothing."""
    if told_bid < 0 or told_ask < 0:
        return True
    return is_mirrored(bid, ask, grid - told_ask, grid - told_bid, grid, tol_micros)


def is_due(at_ns: int, period_ms: int) -> bool:
    """True when a multiple of the period lies in the second that ends at `at_ns`; 0 means every second."""
    period_ns = period_ms * MILLION or SECOND
    return at_ns // period_ns != (at_ns - SECOND) // period_ns


def is_marked(mark_micros: int, index_micros: int, tol_micros: int) -> bool:
    """True when mark and index agree within the tolerance (a share); an unknown index contradicts nothing."""
    return index_micros <= 0 or abs(mark_micros - index_micros) * MILLION <= tol_micros * index_micros
