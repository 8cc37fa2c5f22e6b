"""Polymarket's orders are named before they are sent, spelled as its documents show them, and never sent as another."""

import json
from dataclasses import replace
from typing import cast

import httpx
import pytest

from connectors.polymarket_signing import ClobOrder, hashed, where_of
from connectors.signer_client import SignerClient
from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
    RESTING,
    Ambiguous,
    Final,
    Retryable,
    Terms,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.polymarket import Polymarket
from contracts.order import AuthorisedOrder, PlannedOrder, VenueOrderEvent
from contracts.polymarket import ZERO_BYTES32
from tests.connectors.keyring import ADDRESS, OWNER, SAFE
from tests.connectors.venues.desks import BUILDER, NO, NOW_NS, OUR_ID, TOKEN_TERMS, YES, Asked, OwnSigner, planned

FACTS = {
    "l2": {"address": ADDRESS, "owner": OWNER},
    "safe": {"address": ADDRESS, "maker": SAFE, "signer": ADDRESS, "signature_type": "2"},
    "other": {"address": SAFE, "maker": SAFE, "signer": SAFE, "signature_type": "3"},
}
CONDITION = "0xaa01"


def order(**changes: object) -> PlannedOrder:
    """Return an order in the YES token; ten shares at 0.56 unless said otherwise."""
    return planned("polymarket", YES, **changes)  # type: ignore[arg-type]


class Signing(OwnSigner):
    """Names orders as the real signer does."""

    def __init__(self) -> None:
        super().__init__(FACTS)

    def order(self, key_ref: str, mode: str, order: object, *, neg_risk: bool) -> object:  # type: ignore[override]
        assert isinstance(order, ClobOrder)
        if not self.digest:
            self.digest = "0x" + hashed(order, where_of(neg_risk)).digest.hex()
        answer = super().order(key_ref, mode, order, neg_risk=neg_risk)
        self.digest = "" if not self.digest.startswith("0xwrong") else self.digest
        return answer


def polymarket(
    venue: Asked, signer: OwnSigner | None = None, known: PlannedOrder | None = None, wallet: str = "safe"
) -> Polymarket:
    """Return the connector on a scripted venue; `known` is what the outbox has."""
    outbox = {known.client_order_id: (known, TOKEN_TERMS)} if known else {}
    return Polymarket(
        "http://127.0.0.1:9", cast(SignerClient, signer or Signing()), key_ref="l2", wallet_ref=wallet, mode="live",
        markets=[TOKEN_TERMS], planned=outbox.get, transport=httpx.MockTransport(venue), now_ns=lambda: NOW_NS,
    )  # fmt: skip


def digest_of(one: PlannedOrder, terms: Terms = TOKEN_TERMS) -> str:
    """Return an order's name."""
    return polymarket(Asked()).digest_of(one, terms)


def accepted(name: str, status: str = "live", taking: str = "", making: str = "", **more: object) -> tuple[int, str]:
    """Return the answer of POST /order as the documents show it."""
    body = {
        "success": True, "errorMsg": "", "orderID": name, "status": status, "makingAmount": making,
        "takingAmount": taking, "transactionsHashes": [], "tradeIDs": [],
    }  # fmt: skip
    return 200, json.dumps(body | more)


def row(name: str, **more: object) -> dict[str, object]:
    """Return an open order as REST states it."""
    return {
        "id": name, "status": "ORDER_STATUS_LIVE", "market": CONDITION, "asset_id": YES, "side": "BUY",
        "original_size": "10", "size_matched": "4", "price": "0.56", "outcome": "Yes", "order_type": "GTC",
        "maker_address": SAFE, "owner": OWNER, "expiration": "0", "associate_trades": [], "created_at": 1_777_400_000,
    } | more  # fmt: skip


def test_an_order_is_named_signed_and_spelled_before_it_is_sent() -> None:
    """Amounts in base units, our builder code, salt as a number, the key's id as owner; the same bytes are signed."""
    signer, one = Signing(), order(post_only=True)
    venue = Asked(accepted(digest_of(one)))
    said = polymarket(venue, signer).place(one, TOKEN_TERMS)
    assert {
        "order": {
            "salt": 7_130_021_185_401_123, "maker": SAFE, "signer": ADDRESS, "tokenId": YES, "makerAmount": "5600000",
            "takerAmount": "10000000", "side": "BUY", "expiration": "0", "signatureType": 2,
            "timestamp": "1777400137100", "metadata": ZERO_BYTES32, "builder": BUILDER, "signature": "0xsigned",
        },
        "owner": OWNER, "orderType": "GTC", "deferExec": False, "postOnly": True,
    } == json.loads(venue.requests[0].content)  # fmt: skip
    assert ["POST /order"] == venue.said
    body = venue.requests[0].content.decode()
    assert b" " not in venue.requests[0].content
    assert ("l2", "live", NOW_NS // 1_000_000_000, "POST", "/order", body) == signer.asked[-1]
    assert VenueOrder(OUR_ID, digest_of(one), YES, RESTING, 1, 56, 1_000, 0, "live") == said


def test_what_is_sold_is_the_other_token_bought_unless_it_reduces() -> None:
    """A seller of YES buys NO at 1 - p; one that only reduces sells YES; the neg-risk exchange gives another name."""
    for one, token, side, maker, taker in (
        (order(side=-1), NO, "BUY", "4400000", "10000000"),
        (order(side=-1, reduce_only=True), YES, "SELL", "10000000", "5600000"),
        (order(side=1, reduce_only=True), NO, "SELL", "10000000", "4400000"),
    ):
        venue = Asked(accepted(digest_of(one)))
        said = polymarket(venue).place(one, TOKEN_TERMS)
        sent = json.loads(venue.requests[0].content)["order"]
        assert (token, side, maker, taker) == (sent["tokenId"], sent["side"], sent["makerAmount"], sent["takerAmount"])
        assert (one.side, 56, YES) == (said.side, said.price_ticks, said.market_id)
    neg_risk = replace(TOKEN_TERMS, neg_risk=True)
    assert digest_of(order()) != digest_of(order(), neg_risk)


@pytest.mark.parametrize(
    ("force", "status", "taking", "state", "lots"),
    [
        ("GTC", "live", "", RESTING, 0),
        ("GTC", "delayed", "", RESTING, 0),
        ("GTC", "matched", "10", FILLED, 1_000),
        ("GTC", "matched", "4.5", RESTING, 450),
        ("GTC", "matched", "", RESTING, 0),
        ("GTC", "matched", "many", RESTING, 0),
        ("GTC", "matched", "10000000", FILLED, 1_000),
        ("FOK", "matched", "10", FILLED, 1_000),
        ("IOC", "matched", "4.5", CANCELLED, 450),
        ("IOC", "matched", "4500000", CANCELLED, 450),
    ],
)
def test_an_answer_says_what_was_matched(force: str, status: str, taking: str, state: str, lots: int) -> None:
    """Amounts come as shares or as base units, told apart by the order's own size; empty is nothing."""
    one = order(force=force)
    said = polymarket(Asked(accepted(digest_of(one), status, taking))).place(one, TOKEN_TERMS)
    assert (state, lots) == (said.state, said.filled_lots)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error":"order_version_mismatch"}', Final),
        (400, '{"error":"Invalid order payload"}', Final),
        (400, '{"error":"the order signer address has to be the address of the API KEY"}', Final),
        (400, '{"error":"address banned"}', Final),
        (400, '{"error":"invalid tick size: breaks minimum tick size rule: 0.01"}', Final),
        (400, '{"error":"size lower than the minimum"}', Final),
        (400, '{"error":"order crosses book"}', Final),
        (400, '{"error":"not enough balance / allowance"}', Final),
        (400, '{"error":"invalid expiration"}', Final),
        (400, '{"error":"order couldn\'t be fully filled. FOK orders are fully filled or killed."}', Final),
        (400, '{"error":"no orders found to match with FAK order"}', Final),
        (400, '{"error":"market is not yet ready to process new orders"}', Retryable),
        (400, '{"error":"context canceled"}', Ambiguous),
        (401, '{"error":"Unauthorized/Invalid api key"}', Final),
        (404, '{"error":"No orderbook exists for the requested token id"}', Final),
        (425, "", Retryable),
        (429, "Too Many Requests", Retryable),
        (500, '{"error":"could not insert order"}', Ambiguous),
        (500, '{"error":"there are no matching orders"}', Ambiguous),
        (502, "<html>", Ambiguous),
        (503, '{"error":"Trading is currently disabled"}', Retryable),
        (503, '{"error":"Trading is currently cancel-only"}', Retryable),
        (503, '{"error":"post-only mode","code":"post_only_mode","retry_after_seconds":90}', Retryable),
        (503, "upstream connect error", Ambiguous),
        (504, "", Ambiguous),
        (301, "", Ambiguous),
        (200, '{"success":false,"errorMsg":"INVALID_ORDER_NOT_ENOUGH_BALANCE","orderID":""}', Final),
        (200, '{"success":true,"errorMsg":"INVALID_ORDER_MIN_SIZE","orderID":""}', Final),
        (200, '{"success":true,"errorMsg":"","orderID":"","status":"live"}', Final),
        (200, '{"success":true,"errorMsg":"MARKET_NOT_READY","orderID":""}', Retryable),
        (200, '{"success":true,"errorMsg":"","orderID":"0x1","status":"odd"}', Ambiguous),
        (200, "", Ambiguous),
    ],
)
def test_an_error_is_what_it_proves(status: int, body: str, kind: type[VenueFailed]) -> None:
    """An order is one only with success, no error, an id and a known status; 500 leaves the outcome open."""
    with pytest.raises(VenueFailed) as told:
        polymarket(Asked((status, body))).place(order(), TOKEN_TERMS)
    assert kind is type(told.value)
    assert OUR_ID in str(told.value) and body[:20] in str(told.value)


def test_when_to_try_again_is_the_venues_word() -> None:
    """The body's seconds, the header's, or two for a restart of the engine."""
    for status, body, header, wait in (
        (503, '{"error":"post-only mode","code":"post_only_mode","retry_after_seconds":90}', "", 90.0),
        (503, '{"error":"cancel-only"}', "30", 30.0),
        (503, '{"error":"cancel-only"}', "", 2.0),
        (425, "", "", 2.0),
        (429, "", "", 1.0),
    ):
        venue = Asked((status, body))
        venue.headers = {"Retry-After": header} if header else {}
        with pytest.raises(Retryable) as told:
            polymarket(venue).place(order(), TOKEN_TERMS)
        assert wait == told.value.after_s


@pytest.mark.parametrize(
    "answer",
    [(400, '{"error":"Duplicated"}'), (200, '{"success":false,"errorMsg":"INVALID_ORDER_DUPLICATED","orderID":""}')],
)
def test_a_repeat_was_accepted_earlier(answer: tuple[int, str]) -> None:
    """The same signed order twice is one order: it is looked up under its digest; unseen it is open."""
    one = order()
    venue = Asked(answer, (200, json.dumps(row(digest_of(one)))))
    said = polymarket(venue).place(one, TOKEN_TERMS)
    assert (OUR_ID, RESTING, 400) == (said.client_order_id, said.state, said.filled_lots)
    assert f"GET /data/order/{digest_of(one)}" == venue.said[1]
    for after in ((404, ""), (500, ""), (425, "")):
        with pytest.raises(Ambiguous, match="accepted earlier"):
            polymarket(Asked(answer, after)).place(one, TOKEN_TERMS)


def test_nothing_is_sent_that_is_not_ours() -> None:
    """No builder code, no complement, a signer that is away, refuses, or names the order otherwise: nothing leaves."""
    venue, signer = Asked(), Signing()
    connector = polymarket(venue, signer)
    with pytest.raises(Final, match="builder_code"):
        connector.place(order(builder="none"), TOKEN_TERMS)
    with pytest.raises(Final, match="other outcome's token"):
        connector.place(order(side=-1), replace(TOKEN_TERMS, complement_id=""))
    signer.away = True
    with pytest.raises(Retryable, match="no answer in time"):
        connector.place(order(), TOKEN_TERMS)
    signer.away, signer.refuses = False, True
    with pytest.raises(Final, match="not held"):
        connector.place(order(), TOKEN_TERMS)
    signer.refuses, signer.digest = False, "0xwrong"
    with pytest.raises(Final, match="the signer names it 0xwrong"):
        connector.place(order(), TOKEN_TERMS)
    assert [] == venue.requests


def test_a_signature_made_ready_is_the_one_that_is_sent() -> None:
    """What was signed before is not signed again; another order is."""
    signer, one = Signing(), order()
    connector = polymarket(Asked(accepted(digest_of(one)), accepted(digest_of(order(salt=5)))), signer)
    connector.sign(AuthorisedOrder("i", "p", "s", one, (), ""), TOKEN_TERMS)
    connector.place(one, TOKEN_TERMS)
    assert 1 == sum(asked[0] == "safe" for asked in signer.asked)
    connector.place(order(salt=5), TOKEN_TERMS)
    assert 2 == sum(asked[0] == "safe" for asked in signer.asked)


def test_an_order_is_found_after_a_restart() -> None:
    """The digest is made again from what the outbox has; where nobody knows it, absence is not claimed."""
    one = order()
    found = polymarket(Asked((200, json.dumps(row(digest_of(one))))), known=one).find(OUR_ID, TOKEN_TERMS)
    assert VenueOrder(OUR_ID, digest_of(one), YES, RESTING, 1, 56, 1_000, 400, "LIVE") == found
    assert polymarket(Asked((404, '{"error":"not found"}')), known=one).find(OUR_ID, TOKEN_TERMS) is None
    with pytest.raises(Ambiguous, match="nobody knows its digest"):
        polymarket(Asked()).find(OUR_ID, TOKEN_TERMS)


def test_a_venue_that_names_orders_otherwise_ends_all_proof_of_absence() -> None:
    """The accepted order keeps the venue's name; from then on a look-up by digest that finds nothing proves nothing."""
    one, other = order(), order(client_order_id="another", salt=6)
    venue = Asked(accepted("0xelse"), (404, ""), (200, json.dumps(row("0xelse"))))
    connector = polymarket(venue, known=other)
    assert "0xelse" == connector.place(one, TOKEN_TERMS).venue_order_id
    with pytest.raises(Ambiguous, match="names orders otherwise"):
        connector.find("another", TOKEN_TERMS)
    found = connector.find(OUR_ID, TOKEN_TERMS)
    assert found is not None
    assert "0xelse" == found.venue_order_id


@pytest.mark.parametrize(
    ("change", "state", "filled"),
    [
        ({"status": "LIVE"}, RESTING, 400),
        ({"status": "ORDER_STATUS_MATCHED", "size_matched": "10"}, FILLED, 1_000),
        ({"status": "ORDER_STATUS_MATCHED"}, CANCELLED, 400),
        ({"status": "ORDER_STATUS_CANCELED"}, CANCELLED, 400),
        ({"status": "ORDER_STATUS_CANCELED_MARKET_RESOLVED"}, CANCELLED, 400),
        ({"status": "CANCELED_EXPIRED_ORDER"}, EXPIRED, 400),
        ({"status": "ORDER_STATUS_INVALID", "size_matched": "0"}, REJECTED, 0),
        ({"status": "DELAYED", "size_matched": "0"}, RESTING, 0),
        ({"original_size": "10000000", "size_matched": "4000000"}, RESTING, 400),
    ],
)
def test_an_order_is_read_in_either_unit(change: dict[str, object], state: str, filled: int) -> None:
    """Shares or base units: our own size tells which; every documented status has its state."""
    one = order()
    found = polymarket(Asked((200, json.dumps(row(digest_of(one), **change)))), known=one).find(OUR_ID, TOKEN_TERMS)
    assert found is not None
    assert (state, 1_000, filled) == (found.state, found.size_lots, found.filled_lots)


@pytest.mark.parametrize(
    "bad", [{"status": "NOVEL"}, {"asset_id": "7"}, {"price": "x"}, {"side": "HOLD"}, {"id": None}]
)
def test_an_order_that_cannot_be_read_is_no_answer(bad: dict[str, object]) -> None:
    """A look-up raises Retryable rather than guess."""
    with pytest.raises(Retryable):
        polymarket(Asked((200, json.dumps(row(digest_of(order()), **bad)))), known=order()).find(OUR_ID, TOKEN_TERMS)


def test_a_cancel_is_done_when_the_venue_says_so() -> None:
    """`not_canceled` is looked at: what stays is a reason to try again; what is gone already is read."""
    name = digest_of(order())
    done, kept = (
        (200, f'{{"canceled":["{name}"],"not_canceled":{{}}}}'),
        (200, f'{{"canceled":[],"not_canceled":{{"{name}":"delayed"}}}}'),
    )
    venue = Asked(done, (200, json.dumps(row(name))))
    said = polymarket(venue, known=order()).cancel(name, TOKEN_TERMS)
    assert said is not None
    assert (CANCELLED, 400) == (said.state, said.filled_lots)
    assert ["DELETE /order", f"GET /data/order/{name}"] == venue.said
    assert {"orderID": name} == json.loads(venue.requests[0].content)
    with pytest.raises(Retryable, match="delayed"):
        polymarket(Asked(kept, (200, json.dumps(row(name))))).cancel(name, TOKEN_TERMS)
    matched = (200, json.dumps(row(name, status="ORDER_STATUS_MATCHED", size_matched="10")))
    said = polymarket(Asked(kept, matched)).cancel(name, TOKEN_TERMS)
    assert said is not None
    assert FILLED == said.state
    assert polymarket(Asked(kept, (404, ""))).cancel(name, TOKEN_TERMS) is None
    for answer, kind in (((500, ""), Ambiguous), ((503, '{"error":"Trading is currently disabled"}'), Retryable)):
        with pytest.raises(kind):
            polymarket(Asked(answer)).cancel(name, TOKEN_TERMS)
    with pytest.raises(Final, match="is no id"):
        polymarket(Asked(done)).cancel("../orders", TOKEN_TERMS)


def test_everything_or_a_markets_two_tokens_are_cancelled() -> None:
    """Without a market one request without a body; with one, a request for each token of the question."""
    venue = Asked((200, '{"canceled":["0x1","0x2"],"not_canceled":{"0x3":"matched"}}'))
    assert 2 == polymarket(venue).cancel_all()
    assert (["DELETE /cancel-all"], b"") == (venue.said, venue.requests[0].content)
    venue = Asked((200, '{"canceled":["0x1"],"not_canceled":{}}'), (200, '{"canceled":[],"not_canceled":{}}'))
    assert 1 == polymarket(venue).cancel_all(YES)
    assert ["DELETE /cancel-market-orders"] * 2 == venue.said
    assert [YES, NO] == [json.loads(request.content)["asset_id"] for request in venue.requests]


TRADE = {
    "id": "t-1", "taker_order_id": "0xee05", "market": CONDITION, "asset_id": YES, "side": "BUY", "size": "4",
    "price": "0.52", "status": "TRADE_STATUS_MATCHED", "match_time": "1777400004", "outcome": "Yes",
    "owner": "00000000-0000-4000-8000-000000000009", "trader_side": "MAKER",
    "maker_orders": [{
        "order_id": "0xdd04", "owner": OWNER, "maker_address": SAFE, "matched_amount": "4", "price": "0.52",
        "fee_rate_bps": "0", "asset_id": YES, "outcome": "Yes", "side": "SELL",
    }],
}  # fmt: skip
AT_NS = 1_777_400_004_000_000_000


def page(*rows: dict[str, object], cursor: str = "LTE=") -> tuple[int, str]:
    """Return a page of a list."""
    return 200, json.dumps({"data": list(rows), "next_cursor": cursor, "limit": 100, "count": len(rows)})


def test_a_maker_is_filled_by_its_own_entry() -> None:
    """Side, price and size are the entry's, not the taker's; entries of others are not ours; makers pay nothing."""
    entry = cast(list[dict[str, object]], TRADE["maker_orders"])[0]
    foreign = entry | {"owner": "someone", "maker_address": ADDRESS, "order_id": "0xff"}
    second = entry | {"order_id": "0xdd05", "asset_id": NO, "side": "BUY", "price": "0.48", "matched_amount": "1.5"}
    trade = TRADE | {"maker_orders": [foreign, entry, second]}
    venue = Asked(page(trade, cursor="Mg=="), page())
    fills = polymarket(venue).fills(AT_NS)
    first = VenueFill("t-1", "0xdd04", "", YES, -1, 52, 400, 0, "maker", AT_NS, False, False)
    assert (first, replace(first, trade_id="t-1.1", venue_order_id="0xdd05", size_lots=150)) == fills.rows
    assert [
        "GET /data/trades?after=1777400004&next_cursor=MA%3D%3D",
        "GET /data/trades?after=1777400004&next_cursor=Mg%3D%3D",
    ] == venue.said
    assert fills.complete


@pytest.mark.parametrize(
    ("details", "fee"),
    [
        ('{"fd":{"r":"0.07","e":1,"to":true}}', 69_890),
        ('{"fd":{"r":0.07,"e":2,"to":true}}', 17_440),
        ('{"fd":{"r":0.0000001,"e":1}}', 0),
        ('{"fd":{"r":0,"e":0}}', 0),
        ("{}", 0),
    ],
)
def test_a_taker_pays_by_the_markets_own_schedule(details: str, fee: int) -> None:
    """Shares * rate * (p * (1 - p))^e to five decimals; the schedule is asked for once, unsigned; none is no fee."""
    trade = TRADE | {"trader_side": "TAKER", "taker_order_id": "0xdd04", "status": "TRADE_STATUS_CONFIRMED"}
    venue = Asked(page(trade, trade | {"id": "t-2", "status": "FAILED"}), (200, details))
    fills = polymarket(venue).fills(0)
    paid = VenueFill("t-1", "0xdd04", "", YES, 1, 52, 400, fee, "taker", AT_NS, True, False)
    assert (paid, replace(paid, trade_id="t-2", settled=False, failed=True)) == fills.rows
    assert [f"GET /clob-markets/{CONDITION}"] == venue.said[1:]
    assert "POLY_SIGNATURE" not in venue.requests[1].headers


def test_fills_that_cannot_be_read_leave_the_page_incomplete() -> None:
    """A trade without a market, of another question, or without a time; a fee that nobody tells is no answer yet."""
    for bad in ({"market": None}, {"match_time": None}, {"id": ""}, {"maker_orders": [{"owner": OWNER}]}):
        fills = polymarket(Asked(page(TRADE | bad))).fills(0)
        assert ((), False) == (fills.rows, fills.complete)
    taker = TRADE | {"trader_side": "TAKER"}
    with pytest.raises(Retryable, match="fees"):
        polymarket(Asked(page(taker), (500, ""))).fills(0)
    fills = polymarket(Asked(page(taker), (200, '{"fd":{"r":"x"}}'))).fills(0)
    assert ((), False) == (fills.rows, fills.complete)


def test_open_orders_are_those_of_the_key() -> None:
    """Every page is read; an order of a token that nobody described is on the finest grid."""
    strange = row("0x2", asset_id="999", price="0.1234", original_size="7.5", size_matched="0")
    found = polymarket(Asked(page(row("0x1"), cursor="Mg=="), page(strange))).open_orders()
    assert found.complete
    assert [("0x1", YES, 56, 1_000), ("0x2", "999", 1_234, 750)] == [
        (one.venue_order_id, one.market_id, one.price_ticks, one.size_lots)
        for one in found.rows
        if isinstance(one, VenueOrder)
    ]
    assert not polymarket(Asked(page(row("0x1", price="")), page())).open_orders().rows[1:]
    broken = polymarket(Asked(page(row("0x1"), cursor="Mg=="), (500, ""))).open_orders()
    assert (1, False) == (len(broken.rows), broken.complete)
    with pytest.raises(Retryable):
        polymarket(Asked((500, ""))).open_orders()
    plain = polymarket(Asked((200, json.dumps([row("0x1")])))).open_orders()
    assert (1, True) == (len(plain.rows), plain.complete)


def test_what_is_held_is_by_token() -> None:
    """Cash in base units; a complement's token is below zero in its market; the data service's tail is cut."""
    positions = (
        200,
        json.dumps([{"asset": YES, "size": 12.345678}, {"asset": NO, "size": "2.5"}, {"asset": "9", "size": 1}]),
    )
    venue = Asked((200, '{"balance":"1234567","allowances":{}}'), positions)
    held = polymarket(venue).holdings()
    assert (1_234_567, {YES: 984, "9": 100}, True) == (held.cash_micros, dict(held.positions), held.complete)
    assert [
        "GET /balance-allowance?asset_type=COLLATERAL&signature_type=2",
        f"GET /positions?user={SAFE}&sizeThreshold=0&limit=500&offset=0",
    ] == venue.said
    many = [{"asset": YES, "size": 1}] * 500
    cash = (200, '{"balance":"0"}')
    held = polymarket(Asked(cash, (200, json.dumps(many)), (200, '[{"asset":"9"}]'))).holdings()
    assert (0, ((YES, 50_000),), False) == (held.cash_micros, held.positions, held.complete)
    for script in (((500, ""),), ((200, "{}"),), (cash, (500, "")), (cash, (200, "{}"))):
        with pytest.raises(Retryable):
            polymarket(Asked(*script)).holdings()


@pytest.mark.parametrize("body", ["1777400000", '"1777400000"', "1777400000000", '{"time":1777400000}'])
def test_the_clock_is_read_in_seconds_or_milliseconds(body: str) -> None:
    """Whatever its form, the venue's time is the same instant."""
    assert 1_777_400_000_000_000_000 == polymarket(Asked((200, body))).server_time_ns()


def test_a_clock_that_cannot_be_read_is_no_answer() -> None:
    """No JSON, no number, an error: Retryable."""
    for answer in ((200, "<html>"), (200, "[]"), (200, "true"), (500, "1777400000")):
        with pytest.raises(Retryable):
            polymarket(Asked(answer)).server_time_ns()


def test_heartbeats_follow_one_another() -> None:
    """The first is empty, each next one carries the last id; the id that the venue expects is adopted at once."""
    wrong = (400, '{"error_msg":"Invalid Heartbeat ID","heartbeat_id":"h-7"}')
    venue = Asked(
        (200, '{"heartbeat_id":"h-1"}'), (200, '{"heartbeat_id":"h-2"}'), wrong, (200, '{"heartbeat_id":"h-8"}')
    )
    connector = polymarket(venue)
    for _ in range(3):
        connector.arm()
    assert ["", "h-1", "h-2", "h-7"] == [json.loads(request.content)["heartbeat_id"] for request in venue.requests]
    assert {"POST /v1/heartbeats"} == set(venue.said)
    for script, kind in (((wrong, wrong), Final), (((500, ""),), Ambiguous), (((429, ""),), Retryable)):
        with pytest.raises(kind):
            polymarket(Asked(*script)).arm()


ORDER_FRAME = (
    '{"event_type":"order","type":"UPDATE","id":"NAME","owner":"o","market":"0xaa01","asset_id":"YES","side":"BUY",'
    '"original_size":"10","size_matched":"4","price":"0.56","associate_trades":["t-1"],"outcome":"YES",'
    '"order_type":"GTC","status":"LIVE","timestamp":"1777400004000"}'
)


def test_the_user_channel_says_what_happened_once() -> None:
    """Placed and cancelled orders are events, trades are fills with each rung once; frames may be arrays."""
    one = order()
    connector = polymarket(Asked(), known=one)
    name = connector.digest_of(one, TOKEN_TERMS)
    update = ORDER_FRAME.replace("NAME", name).replace('"YES","side"', f'"{YES}","side"')
    placed, gone = update.replace("UPDATE", "PLACEMENT"), update.replace("UPDATE", "CANCELLATION")
    expired = gone.replace("LIVE", "CANCELED_EXPIRED_ORDER")
    told = [event for frame in (placed, update, gone, f"[{expired}]") for event in connector._reads.heard(frame)]
    assert ["ACK", "CANCELLED", "EXPIRED"] == [event.event for event in told if isinstance(event, VenueOrderEvent)]
    assert {(OUR_ID, name, 1, 56, 1_000)} == {
        (event.client_order_id, event.venue_order_id, event.side, event.price_ticks, event.size_lots) for event in told
    }
    trade = TRADE | {"event_type": "trade", "type": "TRADE", "status": "MATCHED", "timestamp": "1777400004000"}
    rungs = ["MATCHED", "MATCHED", "MINED", "RETRYING", "CONFIRMED", "CONFIRMED"]
    fills = [one for rung in rungs for one in connector._reads.heard(json.dumps(trade | {"status": rung}))]
    assert [(False, False), (True, False)] == [(one.settled, one.failed) for one in fills if isinstance(one, VenueFill)]
    noise = ["PONG", "", "[1]", "{}", '{"event_type":"trade"}', '{"event_type":"order"}', '{"event_type":"new"}']
    assert [] == [one for frame in noise for one in connector._reads.heard(frame)]


def test_polling_finds_what_the_channel_did_not_say() -> None:
    """Without a channel trades are polled, each rung is told once; a failure is told when nothing else is."""
    connector = polymarket(Asked(page(TRADE)))
    connector._channel.close()
    assert ["t-1"] == [one.trade_id for one in connector.events(0.0) if isinstance(one, VenueFill)]
    assert [] == connector.events(0.0)
    connector = polymarket(Asked((503, "")))
    connector._channel.close()
    with pytest.raises(Retryable):
        connector.events(0.0)
    connector.close()


def test_two_keys_of_two_addresses_are_refused() -> None:
    """The key of the calls must belong to the wallet's owner; a signer that is away may be asked again."""
    with pytest.raises(Final, match="no pair"):
        polymarket(Asked(), wallet="other")
    signer = Signing()
    signer.away = True
    with pytest.raises(Retryable):
        polymarket(Asked(), signer)
    signer.away, signer.refuses = False, True
    with pytest.raises(Final):
        polymarket(Asked(), signer)
    with pytest.raises(Final, match="socket_url"):
        Polymarket("https://clob.example", cast(SignerClient, Signing()), key_ref="l2", wallet_ref="safe", mode="live")
