"""Ask a perpetuals exchange through a ccxt that holds no key: the signer signs, ccxt builds, sends, paces and reads.

The method `sign` of the instance is a question to the signer, whose own ccxt answers address, headers and body; the
address must be that of the mode, and only then may it be a mock's on this machine. An order is built by ccxt from our
own decimal texts, and compared field by field with what it must be, because ccxt cuts sizes, rounds prices, and loses
post-only where a time in force is named beside it. What ccxt would add for itself (broker header, prefix of the id)
must not be there, or nothing is sent.

ccxt writes headers into a log of all details, and keeps the last request; both are taken from it. It paces requests by
its own table, and nothing is sent twice and no redirect followed: the submitter decides.

Source: ccxt 4.5.90, `fetch2`, `fetch`, `sign`, `handle_errors`, `create_order_request` of bitget and binanceusdm.
"""

import logging
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol
from urllib.parse import urlsplit

from connectors.ccxt_signing import BROKER_HEADERS, CLASSES
from connectors.feeds.venue import is_loopback, shortened
from connectors.signer_client import SignerClient
from connectors.signer_paths import PARTS
from connectors.signer_wire import SignerRefused, SignerUnavailable
from connectors.venue import Ambiguous, Final, Retryable, Terms, VenueFailed
from connectors.venues.ccxt_words import CLOCK, Answer, failed, meaning
from connectors.venues.reading import Unread
from contracts.payloads import Value, decimal_text

LIVE, ISOLATED = "live", "isolated"
HOSTS: Mapping[str, Mapping[str, str]] = {
    "bitget": {"live": "https://api.bitget.com", "testnet_probe": "https://api.bitget.com"},
    "binance": {"live": "https://fapi.binance.com", "testnet_probe": "https://demo-fapi.binance.com"},
}
TIMEOUT_MS, RETRY_S = 5_000, 1.0
MS, WAIT_MAX_S = 1_000_000, 600.0
DEMO_HEADER = "PAPTRADING"
BROKER_PREFIXES = ("x-",)
PRIVATE = ("private", "fapiPrivate")
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True
_UNSENT = {"ConnectTimeout", "NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}

Signed = dict[str, object]
SignFunction = Callable[[str, list[str], str, dict[str, object]], Signed]


class Session(Protocol):
    """What of an HTTP session is used."""

    max_redirects: int

    def close(self) -> None:
        """Close every connection."""


class Exchange(Protocol):
    """What of a ccxt exchange is used."""

    options: dict[str, object]
    timeout: int
    session: Session
    logger: logging.Logger
    sign: SignFunction
    handle_errors: Callable[..., object]
    get_exceptions_by_url: Callable[[str, str], object]
    set_last_request: Callable[[object], None]

    def enable_demo_trading(self, enable: bool) -> None:
        """Choose demo trading."""

    def set_markets(self, markets: list[dict[str, object]]) -> object:
        """Take markets instead of asking for them."""

    def create_order_request(
        self, symbol: str, kind: str, side: str, amount: str, price: str, params: dict[str, object]
    ) -> dict[str, object]:
        """Build an order, and send nothing."""


class Calls:
    """Requests to one exchange, for one key.

    skew_ms  our clock less the exchange's, as it was last read
    """

    def __init__(
        self,
        venue_id: str,
        base_url: str,
        signer: SignerClient,
        clock: tuple[str, Callable[[object], int]],
        *,
        key_ref: str,
        mode: str,
        timeout_ms: int = TIMEOUT_MS,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take bitget or binance, its address or a mock's, who signs with which key, and how its clock is read.

        The clock is read before anything is signed, and again after a refusal for its sake. Takes a second.
        """
        import ccxt  # a second and 80 MB, only where such a venue is opened

        self.venue_id, self._signer, self._key, self._mode, self._now = venue_id, signer, key_ref, mode, now_ns
        self._base, self._own = base_url.rstrip("/"), HOSTS[venue_id][mode]
        if self._base != self._own and not is_loopback(urlsplit(self._base).netloc):
            raise Final(f"{venue_id}: {base_url[:80]}; allowed: {self._own}, or an address of this machine", "address")
        self._answer: Answer | None = None
        self._terms: dict[str, Terms] = {}
        self.skew_ms, self._synced, self._clock = 0, False, clock
        x: Exchange = getattr(ccxt, CLASSES[venue_id])({"options": {"defaultType": "swap"}, "timeout": timeout_ms})
        self._errors: tuple[type[Exception], ...] = (ccxt.BaseError,)
        x.options["broker"] = {}
        if mode != LIVE:
            x.enable_demo_trading(True)
        self._x, self._theirs, self._read = x, x.sign, x.handle_errors
        x.sign, x.handle_errors, x.logger = self._sign, self._heard, _SILENT
        x.set_last_request = lambda request: None
        x.session.max_redirects = 0
        if hasattr(x, "get_exceptions_by_url"):  # Binance's: chosen by the address, and a mock has another
            by_url, own = x.get_exceptions_by_url, f"{self._own}/"
            x.get_exceptions_by_url = lambda url, which: by_url(own, which)

    # ---- asking --------------------------------------------------------------------------------------------------

    def ask(self, name: str, params: Mapping[str, object], *, writes: bool = False) -> object:
        """Ask by ccxt's name of the endpoint and return the JSON as it came.

        Raises Retryable where nothing was sent or nothing was changed, Final for a refusal, Ambiguous for the rest.
        """
        if not self._synced and name.startswith(PRIVATE):
            self._sync()
        what, self._answer = f"{self.venue_id}: {name}", None
        try:
            found: object = getattr(self._x, name)(dict(params))
        except SignerUnavailable as err:
            raise Retryable(f"{what}: {err}", "signer_unavailable", RETRY_S) from None
        except SignerRefused as err:
            raise Final(f"{what}: {err}", "signer_refused") from None
        except VenueFailed:
            raise
        except self._errors as err:
            raise self._failed(what, err, writes=writes) from None
        except (OSError, ValueError) as err:  # from below ccxt: a cut connection, a body that is no text
            raise _unanswered(what, type(err).__name__, writes=writes) from None
        if not isinstance(found, dict | list):
            raise _unanswered(what, "no JSON", writes=writes)
        return found

    def server_time_ns(self) -> int:
        """Return the exchange's clock, and keep ours less it for what is signed."""
        name, read = self._clock
        before = self._now()
        try:
            at_ms = read(self.ask(name, {}))
        except Unread as err:
            raise Retryable(f"{self.venue_id}: {name}: {err} cannot be read", "unreadable", RETRY_S) from None
        self.skew_ms, self._synced = ((before + self._now()) // 2 - at_ms * MS) // MS, True
        return at_ms * MS

    def now_ms(self) -> int:
        """Return the exchange's time as our clock and what is known of the difference have it."""
        return self._now() // MS - self.skew_ms

    def close(self) -> None:
        """Close every connection."""
        self._x.session.close()

    def _sync(self) -> None:
        try:
            self.server_time_ns()
        except VenueFailed:  # never in the way of a cancel; the exchange refuses what is too far off
            self._synced = False

    # ---- building ------------------------------------------------------------------------------------------------

    def built(
        self, body: Mapping[str, Value], terms: Terms, wanted: Mapping[str, Value], margin: str
    ) -> dict[str, object]:
        """Return the request that ccxt builds of an order, which must be `wanted`; raises Final otherwise."""
        if self._terms.get(terms.symbol) != terms:
            self._terms[terms.symbol] = terms
            self._x.set_markets([_market(each) for each in self._terms.values()])
        params: dict[str, object] = {"clientOrderId": body["clientOrderId"]}
        # ccxt lets a named time in force win over post-only on Binance; either says all there is to say.
        params |= {"postOnly": True} if body["postOnly"] else {"timeInForce": body["timeInForce"]}
        params |= {"reduceOnly": True} if body["reduceOnly"] else {}
        params |= {"marginMode": margin} if margin == ISOLATED else {}
        what = f"{self.venue_id}: order {body['clientOrderId']}"
        symbol, kind, side, amount, price = (str(body[name]) for name in ("symbol", "type", "side", "amount", "price"))
        try:
            found = self._x.create_order_request(symbol, kind, side, amount, price, params)
        except self._errors as err:
            raise Final(f"{what}: ccxt does not build it ({type(err).__name__})", "unspellable") from None
        if wrong := [name for name in found.keys() | wanted.keys() if not _same(found.get(name), wanted.get(name))]:
            raise Final(f"{what}: ccxt built another {', '.join(sorted(wrong))}", "unspellable")
        if str(body["clientOrderId"]).startswith(BROKER_PREFIXES):
            raise Final(f"{what}: its id begins as a broker's does", "broker_tag")
        return found

    # ---- inside ccxt ---------------------------------------------------------------------------------------------

    def _sign(self, path: str, api: list[str], method: str, params: dict[str, object]) -> Signed:
        """Stand in for ccxt's own `sign`."""
        if not any(tuple(api) == tuple(part) for part in PARTS[self.venue_id]):
            signed = self._theirs(path, api, method, params)
            return signed | {"url": self._moved(str(signed["url"]))}
        made = self._signer.ccxt(self._key, self._mode, path, list(api), method, params, self.skew_ms)
        url, names = self._moved(made.url), {name.upper() for name in made.headers}
        if self.venue_id == "bitget" and (DEMO_HEADER in names) == (self._mode == LIVE):
            raise Final(f"{self.venue_id}: mode {self._mode}: the header of demo trading says otherwise", "mode")
        if names & set(BROKER_HEADERS):
            raise Final(f"{self.venue_id}: a broker's header would be sent", "broker_tag")
        return {"url": url, "method": made.method, "headers": dict(made.headers), "body": made.body}

    def _moved(self, url: str) -> str:
        """Return an address of the mode on our base; raises Final for another exchange's or another mode's."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self._own:
            said = f"{parts.scheme}://{parts.netloc}"[:80]
            raise Final(f"{self.venue_id}: mode {self._mode}: {said}; allowed: {self._own}", "address")
        return self._base + url.removeprefix(self._own)

    def _heard(
        self,
        status: int,
        reason: str,
        url: str,
        method: str,
        headers: Mapping[str, str],
        body: str,
        response: object,
        *asked: object,
    ) -> object:
        """Stand in for ccxt's `handle_errors`: keep what was answered, then let ccxt say what it makes of it."""
        code = response.get("code") if isinstance(response, dict) else None
        wait = headers.get("Retry-After", "")
        wait_s = min(float(wait), WAIT_MAX_S) if wait.isascii() and wait.isdigit() else 0.0
        text = str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""
        self._answer = Answer(status, text, shortened(str(body).encode()), wait_s)
        return self._read(status, reason, url, method, headers, body, response, *asked)

    def _failed(self, what: str, err: Exception, *, writes: bool) -> VenueFailed:
        if self._answer is None:
            name = type(err).__name__
            if _unsent(err.__cause__):
                return Retryable(f"{what}: not sent ({name})", "unreachable", RETRY_S)
            return _unanswered(what, name, writes=writes)
        classes = tuple(each.__name__ for each in type(err).__mro__)
        if meaning(self.venue_id, self._answer, classes) == CLOCK:
            self._synced = False
        return failed(what, self.venue_id, self._answer, classes, writes=writes)


def _unanswered(what: str, name: str, *, writes: bool) -> VenueFailed:
    if writes:
        return Ambiguous(f"{what}: sent, and no answer that can be read ({name})", "unanswered")
    return Retryable(f"{what}: no answer that can be read ({name})", "unanswered", RETRY_S)


def _unsent(cause: BaseException | None) -> bool:
    """True where no connection was made, so that no byte of the request left."""
    if cause is None:
        return False
    inner = cause.args[0] if cause.args else None
    reasons = (cause, inner, getattr(inner, "reason", None))
    return any(each.__name__ in _UNSENT for found in reasons for each in type(found).__mro__)


def _same(found: object, wanted: object) -> bool:
    """True for equal values, decimals by what they are worth; a number that is no text is never equal."""
    if found == wanted and type(found) is type(wanted):
        return True
    texts = isinstance(found, str) and isinstance(wanted, str)
    if not texts or not str(found).replace(".", "", 1).isdigit() or not str(wanted).replace(".", "", 1).isdigit():
        return False
    return Decimal(str(found)) == Decimal(str(wanted))


def _market(terms: Terms) -> dict[str, object]:
    """Return a market as ccxt would have parsed it, with our own grid; raises Final for what is not paid in USDT."""
    base = terms.symbol.removesuffix("USDT")
    if base in ("", terms.symbol):
        raise Final(f"market {terms.symbol[:40]!r}; allowed: a perpetual that is paid in USDT", "market")
    kinds = {"spot": False, "margin": False, "swap": True, "future": False, "option": False, "contract": True}
    steps = {"amount": decimal_text(terms.lot_micros), "price": decimal_text(terms.tick_micros)}
    coins = {"base": base, "quote": "USDT", "settle": "USDT"}
    return {
        "id": terms.symbol,
        "symbol": f"{base}/USDT:USDT",
        **coins,
        **{f"{name}Id": coin for name, coin in coins.items()},
        "type": "swap",
        **kinds,
        "linear": True,
        "inverse": False,
        "contractSize": 1,
        "active": True,
        "precision": steps,
        "limits": {},
        "info": {"orderTypes": ["LIMIT"]},
    }
