"""Say what an answer of a perpetuals exchange proves, by its own code first and by ccxt's class only after that.

ccxt's classes tell a client what to try again, not what was carried out: it makes an outage of every 4xx that it cannot
read, and a plain error of every code that it does not know. So a refusal is final only where the exchange's own code,
or a class that ccxt has for exactly that code, says so; whatever else follows a request that changes something is open.
A status of 5xx is always open, whatever its code, and 429 was never carried out.

Source: facts on perpetuals through ccxt, §9 and §10; ccxt 4.5.90, the tables of exceptions.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import NamedTuple, TypeVar

from connectors.venue import Ambiguous, Final, Retryable, VenueFailed
from connectors.venues.reading import Unread, field
from operators.normalise.spelling import MILLION

BUSY, CLOCK, CLOSED, OPEN, REFUSED = "busy", "clock", "closed", "open", "refused"
BUSY_S, BANNED_S, CLOSED_S, AGAIN_S = 1.0, 120.0, 10.0, 1.0
COUNTED, BANNED = 429, 418
_T = TypeVar("_T")


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    return {code: meaning for meaning, codes in rows.items() for code in codes.split()}


# What the sheet says of a code; duplicates and unknown orders are refusals that the caller knows by their code.
BINANCE = _table(
    {
        BUSY: "-1003 -1015",
        CLOCK: "-1021",
        OPEN: "-1000 -1001 -1006 -1007 -1008 -2020",
        REFUSED: "-1013 -1022 -1100 -1102 -1111 -1121 -2010 -2011 -2013 -2014 -2015 -2018 -2019 -2021 -2022 -2025"
        " -2027 -4003 -4015 -4046 -4059 -4061 -4115 -4116 -4164 -5021 -5022",
    }
)
BITGET = _table(
    {
        BUSY: "429 30014 30026 1001 50009",
        CLOCK: "40004 40005 40008",
        CLOSED: "40200 40308 41114 43115",
        OPEN: "500 40604 30008 50008 40725 40015 40429 45006",
        REFUSED: "22001 22002 40006 40009 40010 40014 40016 40017 40037 40109 40404 40711 40712 40762 40768 40774"
        " 40786 40808 43001 43011 43012 43025 43111 45110",
    }
)
TABLES: Mapping[str, Mapping[str, str]] = {"binance": BINANCE, "bitget": BITGET}
# Classes of ccxt for codes that the sheet does not name, the narrowest first; a plain ExchangeError says nothing.
CLASSES = (
    ("OnMaintenance", CLOSED),
    ("InvalidNonce", CLOCK),
    ("RateLimitExceeded", BUSY),
    ("DDoSProtection", BUSY),
    ("OperationFailed", OPEN),
    ("AuthenticationError", REFUSED),
    ("ArgumentsRequired", REFUSED),
    ("BadRequest", REFUSED),
    ("OperationRejected", REFUSED),
    ("InsufficientFunds", REFUSED),
    ("InvalidOrder", REFUSED),
    ("NotSupported", REFUSED),
)


class Answer(NamedTuple):
    """What an exchange answered.

    status  HTTP status
    code    its own code; empty without one
    said    the beginning of the answer, for messages
    wait_s  Retry-After
    """

    status: int
    code: str
    said: str
    wait_s: float


def meaning(venue_id: str, answer: Answer, classes: tuple[str, ...]) -> str:
    """Return what an answer means: busy, clock, closed, open or refused; `classes` are those of ccxt's error."""
    if answer.status >= 500:
        return OPEN
    if answer.status in (COUNTED, BANNED):
        return BUSY
    if known := TABLES[venue_id].get(answer.code):
        return known
    return next((means for name, means in CLASSES if name in classes), OPEN)


def failed(what: str, venue_id: str, answer: Answer, classes: tuple[str, ...], *, writes: bool) -> VenueFailed:
    """Return the failure that an answer is; `writes` for a request that changes something."""
    said, code = f"{what}: {answer.status} {answer.said}", answer.code or str(answer.status)
    means = meaning(venue_id, answer, classes)
    if means == BUSY:
        return Retryable(said, code, answer.wait_s or (BANNED_S if answer.status == BANNED else BUSY_S))
    if means in (CLOCK, CLOSED):
        return Retryable(said, code, CLOSED_S if means == CLOSED else 0.0)
    if means == REFUSED:
        return Final(said, code)
    return Ambiguous(said, code) if writes else Retryable(said, code, answer.wait_s or AGAIN_S)


def exactly(row: Mapping[str, object], name: str) -> Decimal:
    """Return a decimal text of a row; raises Unread. A number that is no text has been through a float, or none."""
    found = field(row, name)
    try:
        number = Decimal(found) if isinstance(found, str | int) and not isinstance(found, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number.adjusted() > 18:
        raise Unread(name)
    return number


def paid(amount: Decimal) -> int:
    """Return a cost in millionths, rounded against us: exchanges state fees with eight decimals."""
    return int((amount * MILLION).to_integral_value(ROUND_CEILING))


def held(amount: Decimal) -> int:
    """Return cash in millionths, rounded against us."""
    return int((amount * MILLION).to_integral_value(ROUND_FLOOR))


def rows_of(found: object, what: str) -> list[dict[str, object]]:
    """Return the objects of a list; raises Retryable for what is none, such as an answer that was cut."""
    if not isinstance(found, list):
        raise Retryable(f"{what}: is no list", "unreadable", AGAIN_S)
    return [row for row in found if isinstance(row, dict)]


def readable(rows: list[dict[str, object]], read: Callable[[dict[str, object]], _T]) -> tuple[list[_T], bool]:
    """Return what could be read of rows, and whether all could."""
    done: list[_T] = []
    for row in rows:
        try:
            done.append(read(row))
        except Unread:
            continue
    return done, len(done) == len(rows)
