"""Choose where numbers stand on a picture and how they are written: round ticks, exact decimals, times in UTC."""

from datetime import UTC, datetime

MILLION = 1_000_000
SECOND = 1_000_000_000
_DAY = 86_400
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, _DAY, 2 * _DAY)


def decimal(micros: int, places: int) -> str:
    """Write millionths with a fixed number of decimals, rounded half away from zero; a true minus sign."""
    unit = 10 ** (6 - places)
    whole, part = divmod((abs(micros) + unit // 2) // unit, 10**places)
    sign = "\u2212" if micros < 0 and (whole or part) else ""
    return f"{sign}{whole:,}.{part:0{places}d}" if places else f"{sign}{whole:,}"


def dollars(micros: int) -> str:
    """Write money with its sign before the currency."""
    shown = decimal(abs(micros), 2)
    return f"\u2212${shown}" if micros < 0 and shown != "0.00" else f"${shown}"


def clock(at_ns: int, seconds: bool = True) -> str:
    """Write a time of day, UTC."""
    return datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%H:%M:%S" if seconds else "%H:%M")


def moment(at_ns: int) -> str:
    """Write a date and a time, UTC."""
    return datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S") + " UTC"


def places_for(step_micros: int) -> int:
    """Return how many decimals tell ticks of this step apart."""
    return next((places for places in range(6) if step_micros % 10 ** (6 - places) == 0), 6)


def value_ticks(low: int, high: int, most: int) -> list[int]:
    """Return round values (1, 2 or 5 times a power of ten) inside a range: at least two, else at most `most`."""
    steps = [lead * 10**zeros for zeros in range(19) for lead in (1, 2, 5)]
    counted = [(high // step + (-low) // step + 1, step) for step in steps]
    step = next((step for count, step in counted if count <= most), steps[-1])
    if high // step + (-low) // step + 1 < 2:
        step = next((step for count, step in reversed(counted) if count >= 2), 1)
    return list(range(-(-low // step) * step, high + 1, step))


def time_ticks(start_ns: int, end_ns: int, most: int) -> tuple[list[int], bool]:
    """Return round times inside a range, and whether they need seconds to be told apart."""
    span = max(1, (end_ns - start_ns) // SECOND)
    step = next((step for step in _TIME_STEPS if span // step < most), -(-span // most // 86_400) * 86_400 or 86_400)
    first = -(-start_ns // (step * SECOND)) * step * SECOND
    return list(range(first, end_ns + 1, step * SECOND)), step < 60
