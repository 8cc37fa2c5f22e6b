"""Speak to Polymarket's order interface (CLOB V2), keep its dead man's switch, and hear of own trades.

There is no client order id: an order's name is its digest, which follows from the plan and the account, is known before
anything is sent, and makes the same order twice one order ("Duplicated"). So an uncertain send is looked up under it,
and no order is ever signed with fresh salt. After a restart the digest is made again from the outbox (`planned`).

The user channel is held by the signer, since its first frame carries the secret; trades are polled besides. The first
heartbeat arms cancel-all for every order of the key; it is renewed strictly one after the other.

Source: facts on Polymarket, §3 to §7, §9, §11.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.feeds.venue import is_loopback
from connectors.signer_client import SignerClient
from connectors.venue import (
    CANCELLED,
    FILLED,
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
from connectors.venues import polymarket_words as words
from connectors.venues.asking import Asking, Reply
from connectors.venues.listening import Due, Listening, Stream
from connectors.venues.polymarket_reads import Reads
from connectors.venues.polymarket_wallet import Spelled, Wallet
from connectors.venues.reading import Markets, Unread, finest, lots, micros, whole
from contracts import polymarket
from contracts.order import AuthorisedOrder, PlannedOrder, VenueOrderEvent
from operators.normalise.spelling import epoch_ns

VENUE_ID = polymarket.VENUE_ID
REST, DATA = "https://clob.polymarket.com", "https://data-api.polymarket.com"
SOCKET, SOCKET_PATH = "wss://ws-subscriptions-clob.polymarket.com", "/ws/user"
POSITIONS_PAGE, POSITIONS_MAX = 500, 10_000
POLL_S, POLL_ALONE_S, OVERLAP_NS = 10.0, 2.0, 600_000_000_000
SECOND_NS = 1_000_000_000


class Polymarket:
    """One wallet on Polymarket."""

    venue_id = VENUE_ID
    # Sustained limits: 15,000 requests of DELETE /orders in ten minutes, at most 1,000 ids each.
    can = Abilities(
        finds_by_client_id=True,
        refuses_repeats=True,
        dead_man_s=10.0,
        cancel_batch=1_000,
        cancels_per_s=25.0,
        window_ms=60_000,
    )

    def __init__(
        self,
        base_url: str,
        signer: SignerClient,
        *,
        key_ref: str,
        wallet_ref: str,
        mode: str,
        markets: Iterable[Terms] = (),
        planned: Callable[[str], tuple[PlannedOrder, Terms] | None] = lambda client_order_id: None,
        data_url: str = "",
        socket_url: str = "",
        transport: httpx.BaseTransport | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take the address, who signs (`key_ref` calls, `wallet_ref` orders), the markets, and what the outbox knows.

        Asks the signer once for what is public about both keys; raises Retryable or Final where it cannot say.
        """
        base = base_url.rstrip("/")
        self._wallet = Wallet(signer, key_ref, wallet_ref, mode)
        self._signer, self._key, self._mode, self._now = signer, key_ref, mode, now_ns
        self._rest = Asking(VENUE_ID, base, self._headers, transport)
        self._data = Asking(VENUE_ID, (data_url or (DATA if base == REST else base)).rstrip("/"), _unsigned, transport)
        self._socket = (socket_url or (SOCKET if base == REST else _socket_of(base))) + SOCKET_PATH
        self._reads = Reads(self._rest, self._wallet.ours, Markets(markets, finest(100, 10_000)))
        self._planned, self._digest_names, self._signed = planned, True, ("", "")
        self._beat, self._beating = "", threading.Lock()
        self._channel = Listening(self._open)
        self._due, self._since_ns = Due(POLL_S, POLL_ALONE_S), now_ns()

    # ---- orders --------------------------------------------------------------------------------------------------

    def digest_of(self, order: PlannedOrder, terms: Terms) -> str:
        """Return the name that an order has at the venue, and remember it; nothing is sent. Raises Final."""
        return self._named(order, terms).digest

    def _named(self, order: PlannedOrder, terms: Terms) -> Spelled:
        self._reads.markets.add(terms)
        spelled = self._wallet.spelled(order, terms)
        self._reads.names.keep(order.client_order_id, spelled.digest, terms, spelled.share_micros)
        return spelled

    def sign(self, order: AuthorisedOrder, terms: Terms) -> None:
        """Make the signature of the next order ready, before anything is handed to a socket."""
        self._signature(order.child, self._named(order.child, terms))

    def _signature(self, order: PlannedOrder, spelled: Spelled) -> str:
        if self._signed[0] != spelled.digest:
            what = f"{VENUE_ID}: order {order.client_order_id}"
            self._signed = spelled.digest, self._wallet.signature(what, spelled)
        return self._signed[1]

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        """Sign an order and send it; its builder code is always in it."""
        spelled, what = self._named(order, terms), f"{VENUE_ID}: order {order.client_order_id}"
        signature = self._signature(order, spelled)
        body = msgspec.json.encode(spelled.wire(signature, self._wallet.owner))
        reply = self._rest.write("POST", "/order", body)
        if not reply.good:
            if reply.status == 400 and words.DUPLICATED in words.word_of(reply).lower():
                return self._accepted_earlier(what, order.client_order_id, terms)
            raise words.failed(what, reply, writes=True)
        return self._placed(what, reply, order, terms, spelled)

    def _placed(self, what: str, reply: Reply, order: PlannedOrder, terms: Terms, spelled: Spelled) -> VenueOrder:
        """Read a 2xx: it is an order only with success, no error, an id, and a status that is one of three."""
        said, name = reply.text("errorMsg"), reply.text("orderID")
        if said and words.DUPLICATED in said.lower():
            return self._accepted_earlier(what, order.client_order_id, terms)
        if reply.body is None:
            raise Ambiguous(f"{what}: {reply.status} and no JSON: {reply.said}", "unreadable")
        if said or reply.get("success") is not True or not name:
            raise words.refused(what, said or "no orderID", f"{reply.status} {reply.said}")
        if name != spelled.digest:  # from here on a look-up by digest proves nothing
            self._digest_names = False
            self._reads.names.keep(order.client_order_id, name, terms, spelled.share_micros)
        status = reply.text("status")
        if status not in words.ACCEPTED:
            raise Ambiguous(f"{what}: status {status[:40]!r}: {reply.said}", "status")
        filled, state = 0, RESTING
        if status == "matched":
            filled = _filled(reply, spelled, terms)
            state = FILLED if filled >= lots(spelled.share_micros, terms) else RESTING
            if state == RESTING and order.time_in_force in ("IOC", "FOK"):
                state = CANCELLED
        return VenueOrder(
            order.client_order_id,
            name,
            terms.market_id,
            state,
            order.side,
            order.price_ticks,
            order.size_lots,
            filled,
            status,
        )

    def _accepted_earlier(self, what: str, client_order_id: str, terms: Terms) -> VenueOrder:
        """Find the order that a refused repeat speaks of; while it is not seen, its state is open."""
        try:
            found = self.find(client_order_id, terms)
        except Retryable as err:
            raise Ambiguous(f"{what}: accepted earlier, not read ({err})", "duplicate") from None
        if found is None:
            raise Ambiguous(f"{what}: accepted earlier, not yet seen", "duplicate")
        return found

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        """Take an order back, and read what became of it; raises Retryable while the venue keeps it."""
        self._reads.markets.add(terms)
        reply = self._rest.write("DELETE", "/order", msgspec.json.encode({"orderID": venue_order_id}))
        what = f"{VENUE_ID}: cancel {venue_order_id}"
        if not reply.good and reply.status != 404:
            raise words.failed(what, reply, writes=True)
        found = self._order(venue_order_id, terms)
        if found is None or found.state != RESTING:
            return found
        if venue_order_id in _texts(reply.get("canceled")):
            return replace(found, state=CANCELLED)  # the read lags behind the cancel
        raise Retryable(f"{what}: kept: {reply.said}", "not_canceled", 1.0)

    def cancel_all(self, market_id: str = "") -> int:
        """Take back everything, or everything in a market's two tokens."""
        if not market_id:
            return _cancelled(self._rest.write("DELETE", "/cancel-all"))
        markets = self._reads.markets
        terms, gone = markets.of(markets.symbol(market_id)), 0
        for token in filter(None, (terms.symbol, terms.complement_id)):
            body = msgspec.json.encode({"asset_id": token})
            gone += _cancelled(self._rest.write("DELETE", "/cancel-market-orders", body))
        return gone

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        """Look an order up by its digest, closed ones too; raises Ambiguous where nobody can say the digest."""
        self._reads.markets.add(terms)
        name = self._reads.names.theirs(client_order_id)
        if not name:
            known = self._planned(client_order_id)
            if known is None:
                raise Ambiguous(f"{VENUE_ID}: {client_order_id}: nobody knows its digest", "unnamed")
            name = self.digest_of(*known)
        found = self._order(name, terms)
        if found is None and not self._digest_names:
            raise Ambiguous(f"{VENUE_ID}: {client_order_id}: the venue names orders otherwise than we do", "digest")
        return found

    def _order(self, name: str, terms: Terms) -> VenueOrder | None:
        if not name.isalnum() or not name.isascii():
            raise Final(f"{VENUE_ID}: order {name[:80]!r}: is no id", "id")
        reply = self._rest.get(f"/data/order/{name}")
        if reply.status == 404:
            return None
        if not reply.good:
            raise words.failed(f"{VENUE_ID}: order {name}", reply, writes=False)
        row = reply.get("order") or reply.body
        try:
            return self._reads.order(row if isinstance(row, dict) else {}, terms)
        except Unread as err:
            raise Retryable(f"{VENUE_ID}: order {name}: {err} in {reply.said}", "unreadable", 1.0) from None

    # ---- the account ---------------------------------------------------------------------------------------------

    def open_orders(self) -> Page:
        """Return every resting order of the key."""
        return self._reads.orders()

    def fills(self, since_ns: int) -> Page:
        """Return our part of every trade since a time, oldest first; a trade says more than once how it stands."""
        found, complete = self._reads.trades(since_ns // SECOND_NS)
        return Page(tuple(found), complete)

    def holdings(self) -> Holdings:
        """Return collateral, and every token held: as its own market's, or below zero as its complement's."""
        query: dict[str, str | int] = {"asset_type": "COLLATERAL", "signature_type": self._wallet.signature_type}
        reply = self._rest.get("/balance-allowance", query)
        if not reply.good:
            raise words.failed(f"{VENUE_ID}: balance", reply, writes=False)
        try:
            cash = whole(reply.get("balance"))
        except Unread:
            raise Retryable(f"{VENUE_ID}: balance in {reply.said}", "unreadable", 1.0) from None
        held: dict[str, int] = {}
        complete = True
        for offset in range(0, POSITIONS_MAX + 1, POSITIONS_PAGE):
            rows = self._positions(offset)
            complete = self._reads.hold(held, rows) and complete
            if len(rows) < POSITIONS_PAGE:
                break
        else:
            complete = False
        return Holdings(cash, tuple(sorted((name, size) for name, size in held.items() if size)), complete)

    def _positions(self, offset: int) -> list[dict[str, object]]:
        query: dict[str, str | int] = {"user": self._wallet.maker, "sizeThreshold": 0}
        reply = self._data.get("/positions", {**query, "limit": POSITIONS_PAGE, "offset": offset}, signed=False)
        rows = reply.rows("")
        if not reply.good or rows is None:
            raise words.failed(f"{VENUE_ID}: positions", reply, writes=False)
        return rows

    def server_time_ns(self) -> int:
        """Return the venue's clock, to the second."""
        reply = self._rest.get("/time", signed=False)
        stated = reply.get("time") or reply.get("timestamp") if isinstance(reply.body, dict) else reply.body
        try:
            if reply.good and (at_ns := epoch_ns(whole(stated))):
                return at_ns
        except Unread:
            pass
        raise Retryable(f"{VENUE_ID}: time in {reply.status} {reply.said}", "unreadable", 1.0)

    def arm(self) -> None:
        """Send one heartbeat: the first arms cancel-all for the key, each next one renews it for ten seconds."""
        with self._beating:
            reply = self._heartbeat()
            expected = reply.text("heartbeat_id")
            if reply.status == 400 and expected and expected != self._beat:
                self._beat = expected  # the venue says which one it waits for
                reply = self._heartbeat()
            if not reply.good:
                raise words.failed(f"{VENUE_ID}: heartbeat", reply, writes=True)
            self._beat = reply.text("heartbeat_id")

    def _heartbeat(self) -> Reply:
        return self._rest.write("POST", "/v1/heartbeats", msgspec.json.encode({"heartbeat_id": self._beat}))

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        """Return what the user channel said; trades are polled besides, for nothing says that one was missed."""
        found: list[VenueOrderEvent | VenueFill] = []
        for frame in self._channel.frames(timeout_s):
            found += self._reads.heard(frame)
        if self._due.now(self._channel):
            try:
                polled, complete = self._reads.trades(max(0, self._since_ns - OVERLAP_NS) // SECOND_NS)
            except Retryable:
                if not found:
                    raise
                return found
            self._due.done()
            found += self._reads.seen.fresh(polled)
            if complete and polled:
                self._since_ns = max(self._since_ns, polled[-1].at_ns)
        return found

    def close(self) -> None:
        """Close every connection. What a heartbeat armed stays armed, and ends open orders."""
        self._channel.close()
        self._rest.close()
        self._data.close()

    def _headers(self, method: str, path: str, body: str) -> Mapping[str, str]:
        return self._wallet.headers(self._now() // SECOND_NS, method, path, body)

    def _open(self) -> Stream:
        return self._signer.channel(self._key, self._mode, self._socket)


def _filled(reply: Reply, spelled: Spelled, terms: Terms) -> int:
    """Return what was matched at once: shares are taken by a buyer, made by a seller; stated in either unit."""
    name = "takingAmount" if spelled.is_buy else "makingAmount"
    try:
        units = micros({name: reply.get(name) or ""}, name)
    except Unread:
        return 0
    return lots(units // 1_000_000 if units > spelled.share_micros * 1_000 else units, terms)


def _cancelled(reply: Reply) -> int:
    if not reply.good:
        raise words.failed(f"{VENUE_ID}: cancel all", reply, writes=True)
    return len(_texts(reply.get("canceled")))


def _unsigned(method: str, path: str, body: str) -> Mapping[str, str]:
    return {}


def _texts(found: object) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _socket_of(base: str) -> str:
    """Return the socket's address on this machine."""
    parts = urlsplit(base)
    if not is_loopback(parts.netloc):
        raise Final(f"{VENUE_ID}: {base[:80]}: name its socket, socket_url", "address")
    return f"ws://{parts.netloc}"
