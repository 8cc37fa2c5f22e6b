"""What an answer of a perpetuals exchange proves is told by its own code, and by ccxt's class only for the rest."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.venue import Ambiguous, Final, Retryable, VenueFailed
from connectors.venues.ccxt_words import Answer, exactly, failed, held, paid
from connectors.venues.reading import Unread

PLAIN = ("ExchangeError", "BaseError", "Exception")
AWAY = ("ExchangeNotAvailable", "NetworkError", "OperationFailed", "BaseError", "Exception")
# venue, status, code, ccxt's classes, what it means for an order, after how many seconds
SAID = [
    ("binance", 429, "-1003", ("DDoSProtection", *AWAY[1:]), Retryable, 1.0),
    ("binance", 429, "", ("DDoSProtection", *AWAY[1:]), Retryable, 1.0),
    ("binance", 418, "-1003", ("DDoSProtection", *AWAY[1:]), Retryable, 120.0),
    ("binance", 400, "-1015", PLAIN, Retryable, 1.0),
    ("binance", 400, "-1021", ("InvalidNonce", *AWAY[1:]), Retryable, 0.0),
    ("binance", 400, "-1000", ("OperationFailed", *PLAIN[1:]), Ambiguous, 0.0),
    ("binance", 408, "-1007", ("RequestTimeout", *AWAY[1:]), Ambiguous, 0.0),
    ("binance", 503, "-1008", ("OperationFailed", *PLAIN[1:]), Ambiguous, 0.0),
    ("binance", 503, "-2019", ("InsufficientFunds", *PLAIN), Ambiguous, 0.0),
    ("binance", 400, "-2019", PLAIN, Final, 0.0),
    ("binance", 400, "-4116", ("InvalidOrder", *PLAIN), Final, 0.0),
    ("binance", 400, "-5022", ("OrderNotFillable", "InvalidOrder", *PLAIN), Final, 0.0),
    ("binance", 401, "-2015", ("AuthenticationError", *PLAIN), Final, 0.0),
    ("binance", 400, "-4131", ("OperationRejected", *PLAIN), Final, 0.0),
    ("binance", 400, "-9999", PLAIN, Ambiguous, 0.0),
    ("binance", 403, "", AWAY, Ambiguous, 0.0),
    ("binance", 404, "", AWAY, Ambiguous, 0.0),
    ("binance", 409, "-1000", AWAY, Ambiguous, 0.0),
    ("binance", 401, "", ("AuthenticationError", *PLAIN), Final, 0.0),
    ("binance", 502, "", AWAY, Ambiguous, 0.0),
    ("binance", 504, "", ("RequestTimeout", *AWAY[1:]), Ambiguous, 0.0),
    ("binance", 200, "-2010", ("InvalidOrder", *PLAIN), Final, 0.0),
    ("bitget", 429, "429", ("DDoSProtection", *AWAY[1:]), Retryable, 1.0),
    ("bitget", 200, "30014", ("DDoSProtection", *AWAY[1:]), Retryable, 1.0),
    ("bitget", 400, "40008", ("InvalidNonce", *AWAY[1:]), Retryable, 0.0),
    ("bitget", 400, "40200", ("OnMaintenance", *AWAY), Retryable, 10.0),
    ("bitget", 200, "41114", ("OnMaintenance", *AWAY), Retryable, 10.0),
    ("bitget", 400, "40725", PLAIN, Ambiguous, 0.0),
    ("bitget", 400, "40015", PLAIN, Ambiguous, 0.0),
    ("bitget", 400, "40604", AWAY, Ambiguous, 0.0),
    ("bitget", 400, "50008", ("RequestTimeout", *AWAY[1:]), Ambiguous, 0.0),
    ("bitget", 400, "40429", PLAIN, Ambiguous, 0.0),
    ("bitget", 400, "12345", PLAIN, Ambiguous, 0.0),
    ("bitget", 400, "40786", PLAIN, Final, 0.0),
    ("bitget", 400, "22001", PLAIN, Final, 0.0),
    ("bitget", 400, "22002", PLAIN, Final, 0.0),
    ("bitget", 400, "40762", ("InsufficientFunds", *PLAIN), Final, 0.0),
    ("bitget", 400, "43011", ("InvalidOrder", *PLAIN), Final, 0.0),
    ("bitget", 400, "40037", ("AuthenticationError", *PLAIN), Final, 0.0),
    ("bitget", 400, "40012", ("AuthenticationError", *PLAIN), Final, 0.0),
    ("bitget", 500, "40762", ("InsufficientFunds", *PLAIN), Ambiguous, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "status", "code", "classes", "kind", "after_s"), SAID)
def test_what_an_answer_to_an_order_proves(
    venue: str, status: int, code: str, classes: tuple[str, ...], kind: type[VenueFailed], after_s: float
) -> None:
    """Row by row of the sheet: refused, may be tried again, or open; the code is kept for people."""
    told = failed("order x", venue, Answer(status, code, "said", 0.0), classes, writes=True)
    assert (kind, code or str(status), f"order x: {status} said") == (type(told), told.code, str(told))
    assert after_s == getattr(told, "after_s", 0.0)


@pytest.mark.parametrize(("venue", "status", "code", "classes", "kind", "after_s"), SAID)
def test_a_read_is_never_open(
    venue: str, status: int, code: str, classes: tuple[str, ...], kind: type[VenueFailed], after_s: float
) -> None:
    """What is open for an order may be asked again for a read; what is refused is refused."""
    told = failed("order x", venue, Answer(status, code, "said", 0.0), classes, writes=False)
    assert type(told) is (Final if kind is Final else Retryable)
    assert after_s <= getattr(told, "after_s", after_s)


def test_what_the_venue_asks_to_be_waited_is_waited() -> None:
    """Retry-After goes before our own pause, also through a ban."""
    for status, code in ((429, "-1003"), (418, "-1003")):
        told = failed("x", "binance", Answer(status, code, "", 31.0), (), writes=True)
        assert (Retryable, 31.0) == (type(told), getattr(told, "after_s", 0.0))


def test_numbers_come_from_their_text() -> None:
    """Eight decimals are kept; a number that went through a float, or none, is not read."""
    assert [Decimal("0.16250050"), Decimal(-3)] == [exactly({"x": said}, "x") for said in ("0.16250050", -3)]
    for said in (0.1625, "abc", "", None, True, "NaN", "Infinity", "1e30", []):
        with pytest.raises(Unread, match="x"):
            exactly({"x": said}, "x")


def test_money_is_rounded_against_us() -> None:
    """A fee up, a rebate down, cash down, whatever the eighth decimal is."""
    assert (162_501, -162_500, 162_500) == tuple(paid(Decimal(said)) for said in ("0.1625005", "-0.1625005", "0.1625"))
    assert (162_500, -162_501) == (held(Decimal("0.1625005")), held(Decimal("-0.1625005")))


@given(st.decimals("-1000000", "1000000", places=8))
def test_rounding_never_gives_us_more_than_there_is(amount: Decimal) -> None:
    """What is held is at most what is stated and less than a millionth below it; what is paid mirrors it."""
    units = amount * 1_000_000
    assert held(amount) <= units < held(amount) + 1
    assert paid(amount) == -held(-amount)
