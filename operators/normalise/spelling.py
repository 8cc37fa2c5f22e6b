"""Turn what a venue spells (prices, sizes, times) into integers, exactly or not at all.

A price that is not on the grid, a size finer than a lot, a number in another notation: each is refused, none is
rounded. Prices are looked up in a table of every legal spelling, because a table both checks and converts in 40 ns.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from contracts.units import TICKS_MAX

MILLION = 1_000_000
TICK_MIN, TICK_MAX = 100, 100_000  # micros: 0.0001 is the finest grid a venue has published, 0.1 the coarsest
PRICE_MAX = TICKS_MAX - 1  # a book without an upper bound ends there
SIZE_MAX = 10**16  # lots; far above any book, and a sum over a thousand levels still fits 64 bits
NS_MAX = 4_102_444_800 * 10**9  # the year 2100
_MEMO = 32_768  # what a busy quarter of an hour of a perpetual repeats; a larger table was no faster
_DECIMALS = 6
_TEXT_MAX = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS_FROM = 100_000_000_000  # below it a number counts seconds, from it on milliseconds


class Unreadable(Exception):
    """A frame or a field cannot be read; carries the reason code and a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        """Take a registered code, and the field, its value and what is allowed."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def shown(value: object) -> str:
    """Return a value as a message may show it: at most 120 characters, nothing unprintable."""
    text = ascii(value)
    return text if len(text) <= 120 else text[:117] + "..."


def scaled(text: str, decimals: int = _DECIMALS) -> int | None:
    """Return a decimal text in millionths, or None when it is no plain decimal of at most six decimals.

    With another count of `decimals`, in units of that last decimal.
    """
    digits = text[1:] if text.startswith("-") else text
    whole, dot, part = digits.partition(".")
    figures = whole + part
    if not (figures.isdigit() and figures.isascii()) or len(text) > _TEXT_MAX or (dot and not part):
        return None
    part = part.rstrip("0")
    if len(part) > decimals:
        return None
    units = int((whole or "0") + part.ljust(decimals, "0"))
    return -units if digits is not text else units


def _spellings(micros: int) -> list[str]:
    """Return every legal spelling of a price from 0 to 1: up to six decimals, with or without the leading zero."""
    whole, part = str(micros // MILLION), f"{micros % MILLION:06d}"
    least = len(part.rstrip("0"))
    forms = [f"{whole}.{part[:n]}" for n in range(max(1, least), _DECIMALS + 1)]
    if whole == "0":
        forms += [form[1:] for form in forms]
    return forms if least else [whole, *forms]


@cache
def levels(tick_micros: int) -> dict[str, int]:
    """Map every spelling of a price inside [tick, 1 - tick] to ticks."""
    grid = MILLION // tick_micros
    return {text: tick for tick in range(1, grid) for text in _spellings(tick * tick_micros)}


@cache
def mirrored(tick_micros: int) -> dict[str, int]:
    """Map every spelling of a price q to the ticks of 1 - q: a NO bid at q is a YES ask there."""
    grid = MILLION // tick_micros
    return {text: grid - tick for text, tick in levels(tick_micros).items()}


@cache
def bid_claims(tick_micros: int) -> dict[str, int]:
    """Map a claimed best bid to ticks: "0" is an empty side (0 ticks), an empty text is no claim (-1)."""
    return levels(tick_micros) | dict.fromkeys(_spellings(0), 0) | {"": -1}


@cache
def ask_claims(tick_micros: int) -> dict[str, int]:
    """Map a claimed best ask to ticks: "1" is an empty side (grid + 1 ticks), an empty text is no claim (-1)."""
    grid = MILLION // tick_micros
    return levels(tick_micros) | dict.fromkeys(_spellings(MILLION), grid + 1) | {"": -1}


class Sizes(dict[str, int]):
    """Map size texts to lots, exactly; remembers at most 32,768 of them. Refuses with ValueError."""

    def __init__(self, lot_micros: int, *, signed: bool, decimals: int = _DECIMALS) -> None:
        """Take the size of a lot in millionths, whether a minus sign is legal, and what a text's last unit is."""
        super().__init__()
        self.lot_micros = lot_micros
        self.signed = signed
        self.decimals = decimals

    def __missing__(self, text: str) -> int:
        micros = scaled(text, self.decimals)
        if micros is None or micros % self.lot_micros or (micros < 0 and not self.signed):
            raise ValueError(text)
        lots = micros // self.lot_micros
        if abs(lots) > SIZE_MAX:
            raise ValueError(text)
        if len(self) >= _MEMO:
            self.clear()
        self[text] = lots
        return lots


class Prices(Sizes):
    """Map price texts to ticks where prices have no upper bound of their own; refuses with ValueError."""

    def __missing__(self, text: str) -> int:
        ticks = super().__missing__(text)
        if not 0 < ticks <= PRICE_MAX:
            del self[text]
            raise ValueError(text)
        return ticks


@cache
def prices(tick_micros: int, decimals: int = _DECIMALS) -> Prices:
    """Return the shared table of prices for a tick; more `decimals` where prices are counted for many units at once."""
    return Prices(tick_micros, signed=False, decimals=decimals)


@cache
def sizes(lot_micros: int, decimals: int = _DECIMALS) -> Sizes:
    """Return the shared table of totals for a lot; fewer `decimals` where sizes are counted in many units."""
    return Sizes(lot_micros, signed=False, decimals=decimals)


@cache
def changes(lot_micros: int) -> Sizes:
    """Return the shared table of signed changes for a lot."""
    return Sizes(lot_micros, signed=True)


def tick_refusal(tick_micros: int) -> str:
    """Return why a tick cannot be a binary's grid, or an empty text when it can."""
    if not TICK_MIN <= tick_micros <= TICK_MAX or MILLION % tick_micros:
        return f"tick {tick_micros} millionths; allowed: a divisor of 1,000,000 from {TICK_MIN} to {TICK_MAX}"
    return ""


def micros_of(value: object) -> int | None:
    """Return a number or decimal text in millionths, or None when it is neither or has more than six decimals."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value * MILLION if abs(value) < SIZE_MAX else None
    if isinstance(value, Decimal):
        return scaled(format(value, "f")) if value.is_finite() and -12 <= value.adjusted() <= 18 else None
    return scaled(value) if isinstance(value, str) else None


def epoch_ns(value: int) -> int:
    """Return seconds or milliseconds since 1970 (told apart by magnitude) in nanoseconds; 0 outside 1970 to 2100."""
    ns = value * MILLION if value >= _MS_FROM else value * 1000 * MILLION
    return ns if 0 <= ns <= NS_MAX else 0


def iso_ns(text: object) -> int:
    """Return an ISO 8601 time (UTC where no zone is said) in nanoseconds since 1970; 0 when it cannot be read."""
    if not isinstance(text, str) or len(text) > _TEXT_MAX:
        return 0
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        ns = (at - _EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        return 0
    return ns if 0 <= ns <= NS_MAX else 0
