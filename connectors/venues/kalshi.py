"""Speak to Kalshi's order interface (REST V2, sharded), and hear of own orders on its user channel.

An order is sent under our id. `409` says that the id is known, so the order was accepted earlier and is looked up; an
answer without an order id is a refusal, kept as it was said; 5xx leaves the outcome open. There is no cancel-all and no
dead man's switch: resting orders are listed and taken back in batches, at the documented rate.

REST fills do not say our id, so they are joined by the order's. Reads lag behind writes by an unstated time, which
`window_ms` allows for. Source: facts on Kalshi, §1, §2, §6, §7, §8, §10, §11.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import msgspec
from websockets.sync.client import connect

from connectors.feeds.venue import is_loopback
from connectors.signer_client import SignerClient
from connectors.venue import (
    CANCELLED,
    RESTING,
    Abilities,
    Ambiguous,
    Final,
    Holdings,
    Page,
    Retryable,
    Terms,
    VenueFill,
    VenueOrder,
)
from connectors.venues.asking import Asking, Reply
from connectors.venues.kalshi_words import BUSY, DUPLICATE, code_of, event_of, failed, fill_of, order_of, placed
from connectors.venues.listening import Due, Listening, Stream
from connectors.venues.reading import Markets, Names, Seen, Unread, finest, lots, micros, text
from contracts.base import Refused
from contracts.order import PlannedOrder, VenueOrderEvent
from contracts.payloads import payload_of

VENUE_ID = "kalshi"
REST, SOCKET = "https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com"
DEMO_REST, DEMO_SOCKET = "https://external-api.demo.kalshi.co", "wss://external-api-ws.demo.kalshi.co"
SOCKETS = {REST: SOCKET, DEMO_REST: DEMO_SOCKET}
API, SOCKET_PATH = "/trade-api/v2", "/trade-api/ws/v2"
ORDERS, EVENT_ORDERS = f"{API}/portfolio/orders", f"{API}/portfolio/events/orders"
CHANNELS = ("user_orders", "fill")
PAGE, PAGES_MAX = 200, 200
CENTS = 10_000
POLL_S, POLL_ALONE_S, OVERLAP_NS = 10.0, 2.0, 60_000_000_000
# Basic tier: 100 tokens of writes a second; a cancel costs 10, in a batch 2: five in a batch cost what one costs.
BATCH, PER_S = 5, 10.0
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
MS, SECOND_NS = 1_000_000, 1_000_000_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Kalshi:
    """One account on Kalshi."""

    venue_id = VENUE_ID
    can = Abilities(
        finds_by_client_id=True,
        refuses_repeats=True,
        dead_man_s=0.0,
        cancel_batch=BATCH,
        cancels_per_s=PER_S,
        window_ms=60_000,
    )

    def __init__(
        self,
        base_url: str,
        signer: SignerClient,
        *,
        key_ref: str,
        mode: str,
        markets: Iterable[Terms] = (),
        shard: int = 0,
        socket_url: str = "",
        transport: httpx.BaseTransport | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the address, who signs with which key, the markets traded, and the shard whose cash is ours."""
        base = base_url.rstrip("/").removesuffix(API)
        self._signer, self._key, self._mode, self._now, self._sleep = signer, key_ref, mode, now_ns, sleep
        self._rest = Asking(VENUE_ID, base, self._headers, transport)
        self._socket = (socket_url or SOCKETS.get(base) or _socket_of(base)) + SOCKET_PATH
        self._shard = shard
        self._markets, self._names, self._seen = Markets(markets, finest(100, CENTS)), Names(), Seen()
        self._acked: set[str] = set()
        self._channel = Listening(self._open)
        self._due, self._since_ns = Due(POLL_S, POLL_ALONE_S), now_ns()

    # ---- orders --------------------------------------------------------------------------------------------------

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Send an order under its client_order_id."""
        self._markets.add(terms)
        try:
            body = payload_of(order, terms).body()
        except Refused as err:
            raise Final(f"{VENUE_ID}: {err}", "unspellable") from None
        reply = self._rest.write("POST", EVENT_ORDERS, msgspec.json.encode(body))
        what = f"{VENUE_ID}: order {order.client_order_id}"
        if reply.status == DUPLICATE:
            return self._accepted_earlier(what, order.client_order_id, terms, reply)
        if not reply.good:
            raise failed(what, reply, writes=True)
        if reply.body is None:
            raise Ambiguous(f"{what}: {reply.status} and no JSON: {reply.said}", "unreadable")
        if not reply.text("order_id"):
            raise Final(f"{what}: {reply.status} without an order: {reply.said}", code_of(reply))
        self._names.keep(order.client_order_id, reply.text("order_id"))
        sent = (order.client_order_id, order.side, order.price_ticks, order.size_lots)
        try:
            return placed(reply, sent, terms, rests=order.time_in_force in ("GTC", "GTD"))
        except Unread as err:
            raise Ambiguous(f"{what}: {err} is missing in {reply.said}", "unreadable") from None

    def _accepted_earlier(self, what: str, client_order_id: str, terms: Terms, reply: Reply) -> VenueOrder:
        """Find the order that a refused repeat speaks of; while reads lag, its state is open."""
        try:
            found = self.find(client_order_id, terms)
        except Retryable as err:
            raise Ambiguous(f"{what}: accepted earlier, not read ({err})", "duplicate") from None
        if found is None:
            raise Ambiguous(f"{what}: accepted earlier, not yet seen: {reply.said}", "duplicate")
        return found

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        """Take an order back, and read what became of it."""
        self._markets.add(terms)
        path = f"{EVENT_ORDERS}/{_plain(venue_order_id)}"
        reply = self._rest.write("DELETE", path, query={"market_ticker": terms.symbol})
        if not reply.good and reply.status != 404:
            raise failed(f"{VENUE_ID}: cancel {venue_order_id}", reply, writes=True)
        row = self._rest.get(f"{ORDERS}/{_plain(venue_order_id)}")
        if row.status == 404:
            return None
        if not row.good:
            raise failed(f"{VENUE_ID}: order {venue_order_id}", row, writes=False)
        inner = row.get("order")
        try:
            found = order_of(inner if isinstance(inner, dict) else _object(row), self._markets)
        except Unread as err:
            raise Retryable(f"{VENUE_ID}: order {venue_order_id}: {err} cannot be read", "unreadable", 1.0) from None
        self._names.keep(found.client_order_id, found.venue_order_id)
        gone = reply.good and found.state == RESTING  # the read lags behind the cancel
        return replace(found, state=CANCELLED) if gone else found

    def cancel_all(self, market_id: str = "") -> int:
        """Take back what rests, in batches; returns how many the venue said are gone."""
        query = {"status": "resting"} | ({"ticker": self._markets.symbol(market_id)} if market_id else {})
        rows, _ = self._pages(ORDERS, "orders", query)
        gone = 0
        for number, batch in enumerate(rows[at : at + BATCH] for at in range(0, len(rows), BATCH)):
            if number:
                self._sleep(1 / PER_S)
            gone += self._cancel_batch(batch)
        return gone

    def _cancel_batch(self, rows: Sequence[Mapping[str, object]]) -> int:
        orders = [
            {name: row[name] for name in ("order_id", "exchange_index") if row.get(name) is not None} for row in rows
        ]
        body = msgspec.json.encode({"orders": orders})
        for pause_s in (*PAUSES_S, 0.0):
            reply = self._rest.write("DELETE", f"{EVENT_ORDERS}/batched", body)
            if reply.status != BUSY or not pause_s:
                break
            self._sleep(pause_s)  # the bucket was emptied by orders; a batch that it cannot pay for is refused whole
        if not reply.good:
            raise failed(f"{VENUE_ID}: cancel of {len(orders)}", reply, writes=True)
        return sum(not row.get("error") for row in reply.rows("orders") or [])

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        """Look an order up among all of its market, closed ones too; raises Retryable unless every page was read."""
        self._markets.add(terms)
        rows, complete = self._pages(ORDERS, "orders", {"ticker": terms.symbol})
        for row in rows:
            if row.get("client_order_id") == client_order_id:
                try:
                    found = order_of(row, self._markets)
                except Unread as err:
                    raise Retryable(f"{VENUE_ID}: {client_order_id}: {err} cannot be read", "unreadable", 1.0) from None
                self._names.keep(client_order_id, found.venue_order_id)
                return found
        if not complete:
            raise Retryable(f"{VENUE_ID}: {client_order_id}: not every page was read", "incomplete", 1.0)
        return None

    # ---- the account ---------------------------------------------------------------------------------------------

    def open_orders(self) -> Page:
        """Return every resting order."""
        rows, complete = self._pages(ORDERS, "orders", {"status": "resting"})
        found: list[VenueOrder] = []
        for row in rows:
            try:
                found.append(order_of(row, self._markets))
                self._names.keep(found[-1].client_order_id, found[-1].venue_order_id)
            except Unread:
                complete = False
        return Page(tuple(found), complete)

    def fills(self, since_ns: int) -> Page:
        """Return the matches since a time, oldest first."""
        rows, complete = self._pages(f"{API}/portfolio/fills", "fills", {"min_ts": since_ns // SECOND_NS})
        found: list[VenueFill] = []
        for row in rows:
            try:
                found.append(fill_of(row, self._markets, self._names))
            except Unread:
                complete = False
        found.sort(key=lambda fill: (fill.at_ns, fill.trade_id))
        return Page(tuple(fill for fill in found if fill.at_ns >= since_ns), complete)

    def holdings(self) -> Holdings:
        """Return the shard's cash, and the positions of every market: above zero YES, below NO."""
        reply = self._rest.get(f"{API}/portfolio/balance", {"exchange_index": self._shard})
        if not reply.good:
            raise failed(f"{VENUE_ID}: balance", reply, writes=False)
        try:
            cash = micros(_object(reply), "balance_dollars")
        except Unread as err:
            raise Retryable(f"{VENUE_ID}: balance: {err} in {reply.said}", "unreadable", 1.0) from None
        rows, complete = self._pages(f"{API}/portfolio/positions", "market_positions", {})
        held: list[tuple[str, int]] = []
        for row in rows:
            try:
                terms, units = self._markets.of(text(row, "ticker")), micros(row, "position_fp")
            except Unread:
                complete = False
                continue
            size = lots(abs(units), terms)
            if size:
                held.append((terms.market_id, size if units > 0 else -size))
        return Holdings(cash, tuple(sorted(held)), complete)

    def server_time_ns(self) -> int:
        """Return the venue's clock, to the second: no endpoint states it, so it is the answer's own date."""
        reply = self._rest.get(f"{API}/exchange/status", signed=False)
        try:
            return int(parsedate_to_datetime(reply.date).timestamp()) * SECOND_NS
        except (TypeError, ValueError, OverflowError):
            raise Retryable(f"{VENUE_ID}: no date in an answer of {reply.status}", "undated", 1.0) from None

    def arm(self) -> None:
        """Do nothing: the venue has no dead man's switch."""

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        """Return what the user channel said; fills are polled besides, since it has no sequence numbers."""
        found: list[VenueOrderEvent | VenueFill] = []
        for frame in self._channel.frames(timeout_s):
            found += self._heard(frame)
        if self._due.now(self._channel):
            try:
                page = self.fills(max(0, self._since_ns - OVERLAP_NS))
            except Retryable:
                if not found:
                    raise
                return found
            self._due.done()
            polled = [row for row in page.rows if isinstance(row, VenueFill)]
            found += self._seen.fresh(polled)
            if page.complete and polled:
                self._since_ns = max(self._since_ns, polled[-1].at_ns)
        return found

    def close(self) -> None:
        """Close every connection."""
        self._channel.close()
        self._rest.close()

    # ---- underneath ----------------------------------------------------------------------------------------------

    def _headers(self, method: str, path: str, body: str) -> Mapping[str, str]:
        del body  # not signed here
        return self._signer.kalshi(self._key, self._mode, self._now() // MS, method, path)

    def _pages(self, path: str, name: str, query: Mapping[str, str | int]) -> tuple[list[dict[str, object]], bool]:
        """Return the rows of every page, and whether all were read; the first page must be."""
        found: list[dict[str, object]] = []
        cursor = ""
        for number in range(PAGES_MAX):
            reply = self._rest.get(path, {**query, "limit": PAGE} | ({"cursor": cursor} if cursor else {}))
            rows = reply.rows(name)
            if not reply.good or rows is None:
                if number and (reply.status == 429 or reply.status >= 500 or reply.good):
                    return found, False
                raise failed(f"{VENUE_ID}: {path}", reply, writes=False)
            found += rows
            cursor = reply.text("cursor")
            if not cursor:
                return found, True
        return found, False

    def _open(self) -> Stream:
        headers = self._headers("GET", urlsplit(self._socket).path, "")
        stream = connect(
            self._socket, additional_headers=dict(headers), open_timeout=2.0, close_timeout=1.0, proxy=None
        )
        params = {"channels": list(CHANNELS)}
        stream.send(msgspec.json.encode({"id": 1, "cmd": "subscribe", "params": params}).decode())
        return stream

    def _heard(self, frame: str | bytes) -> Iterator[VenueOrderEvent | VenueFill]:
        """Yield what a frame of the user channel says; what cannot be read is left to polling."""
        try:
            said = msgspec.json.decode(frame, type=dict[str, object])
            message = said.get("msg")
            if not isinstance(message, dict):
                return
            if said.get("type") == "fill":
                yield from self._seen.fresh([fill_of(message, self._markets, self._names)])
            elif said.get("type") == "user_order":
                order = order_of(message, self._markets)
                self._names.keep(order.client_order_id, order.venue_order_id)
                if order.state == RESTING and order.venue_order_id in self._acked:
                    return
                if order.state == RESTING:
                    self._acked.add(order.venue_order_id)
                else:
                    self._acked.discard(order.venue_order_id)
                event = event_of(order)
                if event is not None:
                    yield event
        except (msgspec.DecodeError, UnicodeDecodeError, Unread):
            return


def _object(reply: Reply) -> dict[str, object]:
    return reply.body if isinstance(reply.body, dict) else {}


def _plain(venue_order_id: str) -> str:
    """Return an id that is one part of a path; raises Final for one that would be several."""
    if not _ID.fullmatch(venue_order_id):
        raise Final(f"{VENUE_ID}: order {venue_order_id[:80]!r}: is no id", "id")
    return venue_order_id


def _socket_of(base: str) -> str:
    """Return the socket's address on this machine."""
    parts = urlsplit(base)
    if not is_loopback(parts.netloc):
        raise Final(f"{VENUE_ID}: {base[:80]}: name its socket, socket_url", "address")
    return f"ws://{parts.netloc}"
