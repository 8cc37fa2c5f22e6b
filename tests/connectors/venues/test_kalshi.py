"""Kalshi's orders are spelled and read as its documents show them, and every error is what it proves."""

import json
from typing import cast

import httpx
import pytest

from connectors.signer_client import SignerClient
from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    RESTING,
    Ambiguous,
    Final,
    Retryable,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.kalshi import BATCH, Kalshi
from contracts.order import VenueOrderEvent
from tests.connectors.venues.desks import KALSHI_TERMS, NOW_NS, OUR_ID, TICKER, Asked, OwnSigner, planned

ORDER_ID = "ee587a1c-8b87-4dcf-b721-9f6f790619fa"
ROW = {
    "order_id": ORDER_ID, "client_order_id": OUR_ID, "ticker": TICKER, "outcome_side": "yes", "book_side": "bid",
    "status": "resting", "yes_price_dollars": "0.4400", "fill_count_fp": "2.00", "remaining_count_fp": "8.00",
    "initial_count_fp": "10.00", "exchange_index": 0,
}  # fmt: skip
FILL = {
    "fill_id": "f1", "trade_id": "d91bc706-ee49-470d-82d8-11418bda6fed", "order_id": ORDER_ID, "ticker": TICKER,
    "market_ticker": TICKER, "outcome_side": "yes", "book_side": "bid", "count_fp": "2.00",
    "yes_price_dollars": "0.4400", "no_price_dollars": "0.5600", "is_taker": True, "fee_cost": "0.034600",
    "created_time": "2026-04-28T18:13:20.301Z", "ts": 1777400000,
}  # fmt: skip
# Frames of the fact sheet, §8.1, with our id in them.
USER_ORDER = (
    '{"type":"user_order","sid":14,"msg":{"order_id":"ORDER","user_id":"1","ticker":"KXHIGHNY-26NOV20-T45",'
    '"exchange_index":0,"status":"resting","side":"yes","is_yes":true,"outcome_side":"yes","book_side":"bid",'
    '"yes_price_dollars":"0.4400","fill_count_fp":"2.00","remaining_count_fp":"8.00","initial_count_fp":"10.00",'
    '"taker_fill_cost_dollars":"0.880000","client_order_id":"OURS","created_time":null,'
    '"created_ts_ms":1777400000290,"last_updated_ts_ms":1777400000301}}'
)
FILL_FRAME = (
    '{"type":"fill","sid":13,"msg":{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","order_id":"ORDER",'
    '"client_order_id":"OURS","market_ticker":"KXHIGHNY-26NOV20-T45","exchange_index":0,"is_taker":true,"side":"yes",'
    '"action":"buy","purchased_side":"yes","outcome_side":"yes","book_side":"bid","yes_price_dollars":"0.4400",'
    '"count_fp":"2.00","fee_cost":"0.034600","post_position_fp":"12.00","ts":1777400000,"ts_ms":1777400000301}}'
)
USER_ORDER, FILL_FRAME = (
    frame.replace("ORDER", ORDER_ID).replace("OURS", OUR_ID) for frame in (USER_ORDER, FILL_FRAME)
)


def kalshi(venue: Asked, signer: OwnSigner | None = None) -> Kalshi:
    """Return the connector on a scripted venue, at a fixed time, that never sleeps."""
    return Kalshi(
        "http://127.0.0.1:9", cast(SignerClient, signer or OwnSigner()), key_ref="k", mode="live",
        markets=[KALSHI_TERMS], transport=httpx.MockTransport(venue), now_ns=lambda: NOW_NS, sleep=lambda seconds: None,
    )  # fmt: skip


def listed(*rows: dict[str, object], name: str = "orders", cursor: str = "") -> tuple[int, str]:
    """Return a page of a list."""
    return 200, json.dumps({name: list(rows), "cursor": cursor})


def test_an_order_is_spelled_in_decimals_of_its_integers() -> None:
    """Bid or ask on the YES scale, four decimals of price, two of count, our id; answered as the venue knows it."""
    venue = Asked((201, '{"order_id":"o-1","fill_count":"0.00","remaining_count":"10.00","ts_ms":1777400000290}'))
    signer = OwnSigner()
    said = kalshi(venue, signer).place(
        planned(side=-1, price=7, post_only=True, expires_ns=1_790_000_000_000_000_000), KALSHI_TERMS
    )
    assert {
        "ticker": TICKER, "client_order_id": OUR_ID, "side": "ask", "count": "10.00", "price": "0.0700",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross", "post_only": True,
        "reduce_only": False, "cancel_order_on_pause": True, "expiration_time": 1_790_000_000,
    } == json.loads(venue.requests[0].content)  # fmt: skip
    assert ["POST /trade-api/v2/portfolio/events/orders"] == venue.said
    assert ("k", "live", NOW_NS // 1_000_000, "POST", "/trade-api/v2/portfolio/events/orders") == signer.asked[0]
    assert "c2ln" == venue.requests[0].headers["KALSHI-ACCESS-SIGNATURE"]
    assert VenueOrder(OUR_ID, "o-1", TICKER, RESTING, -1, 7, 1_000, 0) == said


@pytest.mark.parametrize(
    ("force", "filled", "left", "state", "lots"),
    [
        ("IOC", "10.00", "0.00", FILLED, 1_000),
        ("IOC", "4.00", "0.00", CANCELLED, 400),
        ("IOC", "0.00", "0.00", CANCELLED, 0),
        ("FOK", "10.00", "0.00", FILLED, 1_000),
        ("GTC", "0.01", "9.99", RESTING, 1),
        ("GTC", "10.00", "0.00", FILLED, 1_000),
    ],
)
def test_an_answer_says_what_was_filled_and_what_rests(
    force: str, filled: str, left: str, state: str, lots: int
) -> None:
    """What takes at once never rests: its remainder is given after the cancel."""
    body = f'{{"order_id":"o-1","fill_count":"{filled}","remaining_count":"{left}","ts_ms":1}}'
    said = kalshi(Asked((201, body))).place(planned(force=force), KALSHI_TERMS)
    assert (state, lots) == (said.state, said.filled_lots)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, '{"error":{"code":"invalid_order","message":"m","details":"d"}}', Final, "invalid_order"),
        (400, '{"code":"available_balance_too_low","message":"m"}', Final, "available_balance_too_low"),
        (
            400,
            '{"error":{"code":"fill_or_kill_insufficient_resting_volume"}}',
            Final,
            "fill_or_kill_insufficient_resting_volume",
        ),
        (401, '{"error":{"code":"unauthorized"}}', Final, "unauthorized"),
        (403, "", Final, "403"),
        (404, '{"error":{"code":"not_found"}}', Final, "not_found"),
        (410, '{"error":{"code":"deprecated_v1_order_endpoint"}}', Final, "deprecated_v1_order_endpoint"),
        (429, '{"error":"too many requests"}', Retryable, "429"),
        (500, '{"error":{"code":"internal_error"}}', Ambiguous, "internal_error"),
        (502, "<html>", Ambiguous, "502"),
        (503, '{"exchange_active":false}', Ambiguous, "503"),
        (504, "", Ambiguous, "504"),
        (302, "", Ambiguous, "302"),
        (200, '{"code":"deprecated_v1_order_endpoint"}', Final, "deprecated_v1_order_endpoint"),
        (201, '{"ts_ms":1}', Final, "201"),
        (201, "", Ambiguous, "unreadable"),
        (201, '{"order_id":"o-1"}', Ambiguous, "unreadable"),
        (201, '{"order_id":"o-1","fill_count":"many","remaining_count":"0"}', Ambiguous, "unreadable"),
    ],
)
def test_an_error_is_what_it_proves(status: int, body: str, kind: type[VenueFailed], code: str) -> None:
    """429 was not carried out, 5xx may have been, 4xx and an answer without an order are refusals, told raw."""
    with pytest.raises(VenueFailed) as told:
        kalshi(Asked((status, body))).place(planned(), KALSHI_TERMS)
    assert (kind, code) == (type(told.value), told.value.code)
    assert OUR_ID in str(told.value) and body[:20] in str(told.value)


def test_what_cannot_be_spelled_is_not_sent() -> None:
    """A price of 0 is refused here, and the venue hears nothing."""
    venue = Asked()
    with pytest.raises(Final, match="price 0"):
        kalshi(venue).place(planned(price=0), KALSHI_TERMS)
    assert [] == venue.requests


def test_a_known_id_was_accepted_earlier() -> None:
    """409 is answered by looking the order up; while reads lag or fail it is open, and never sent again."""
    conflict = (409, '{"error":{"code":"order_already_exists"}}')
    venue = Asked(conflict, listed(ROW | {"client_order_id": "another"}, cursor="c2"), listed(ROW))
    said = kalshi(venue).place(planned(price=44), KALSHI_TERMS)
    assert VenueOrder(OUR_ID, ORDER_ID, TICKER, RESTING, 1, 44, 1_000, 200) == said
    query = f"/trade-api/v2/portfolio/orders?ticker={TICKER}&limit=200"
    assert [f"GET {query}", f"GET {query}&cursor=c2"] == venue.said[1:]
    for after in (listed(), (503, "")):
        with pytest.raises(Ambiguous, match="accepted earlier"):
            kalshi(Asked(conflict, after)).place(planned(), KALSHI_TERMS)


def test_a_look_up_answers_only_when_every_page_was_read() -> None:
    """None is an answer of all pages; a page that fails later, or cannot be read, is no answer."""
    assert kalshi(Asked(listed(ROW, cursor="c2"), listed())).find("another", KALSHI_TERMS) is None
    with pytest.raises(Retryable, match="not every page"):
        kalshi(Asked(listed(ROW, cursor="c2"), (500, ""))).find("another", KALSHI_TERMS)
    for bad in ({"yes_price_dollars": "x"}, {"status": "odd"}, {"book_side": "yes"}, {"initial_count_fp": None}):
        with pytest.raises(Retryable, match="cannot be read"):
            kalshi(Asked(listed(ROW | bad))).find(OUR_ID, KALSHI_TERMS)
    for status, kind in ((500, Retryable), (429, Retryable), (401, Final)):
        with pytest.raises(kind):
            kalshi(Asked((status, ""))).find(OUR_ID, KALSHI_TERMS)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"status": "executed", "fill_count_fp": "10.00"}, FILLED),
        ({"status": "executed", "fill_count_fp": "9.00"}, CANCELLED),
        ({"status": "canceled"}, CANCELLED),
        (
            {
                "status": "canceled",
                "expiration_time": "2026-04-28T18:00:00Z",
                "last_update_time": "2026-04-28T18:00:01Z",
            },
            EXPIRED,
        ),
        (
            {
                "status": "canceled",
                "expiration_time": "2026-04-28T18:00:00Z",
                "last_update_time": "2026-04-28T17:00:00Z",
            },
            CANCELLED,
        ),
        (
            {"status": "canceled", "expiration_ts_ms": 1_777_400_000_000, "last_updated_ts_ms": 1_777_400_000_000},
            EXPIRED,
        ),
    ],
)
def test_a_closed_order_says_how_it_ended(change: dict[str, object], state: str) -> None:
    """Executed in part is cancelled; a cancel at or after the expiration is an expiry."""
    found = kalshi(Asked(listed(ROW | change))).find(OUR_ID, KALSHI_TERMS)
    assert found is not None
    assert state == found.state


def test_a_cancel_names_its_market_and_reads_what_became_of_it() -> None:
    """The shard follows from the ticker; a read that lags does not make the order rest again."""
    venue = Asked(
        (200, f'{{"order_id":"{ORDER_ID}","reduced_by":"8.00","ts_ms":1}}'), (200, json.dumps({"order": ROW}))
    )
    said = kalshi(venue).cancel(ORDER_ID, KALSHI_TERMS)
    assert VenueOrder(OUR_ID, ORDER_ID, TICKER, CANCELLED, 1, 44, 1_000, 200) == said
    path = f"/trade-api/v2/portfolio/events/orders/{ORDER_ID}?market_ticker={TICKER}"
    assert [f"DELETE {path}", f"GET /trade-api/v2/portfolio/orders/{ORDER_ID}"] == venue.said
    done = (200, json.dumps({"order": ROW | {"status": "executed", "fill_count_fp": "10.00"}}))
    found = kalshi(Asked((404, '{"error":{"code":"not_found"}}'), done)).cancel(ORDER_ID, KALSHI_TERMS)
    assert found is not None
    assert FILLED == found.state
    assert kalshi(Asked((404, ""), (404, ""))).cancel(ORDER_ID, KALSHI_TERMS) is None


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (((500, ""),), Ambiguous),
        (((429, ""),), Retryable),
        (((400, '{"error":{"code":"MARKET_INACTIVE"}}'),), Final),
        (((200, "{}"), (500, "")), Retryable),
        (((200, "{}"), (200, "{}")), Retryable),
    ],
)
def test_a_cancel_that_fails_says_whether_it_may_have_worked(
    script: tuple[tuple[int, str], ...], kind: type[VenueFailed]
) -> None:
    """After the cancel itself only the read is missing, which may be repeated."""
    with pytest.raises(kind):
        kalshi(Asked(*script)).cancel(ORDER_ID, KALSHI_TERMS)


def test_an_id_that_is_no_id_is_not_put_into_a_path() -> None:
    """What would leave its place in the path is refused before anything is sent."""
    for name in ("../balance", "a/b", "a?b", "ä", ""):
        with pytest.raises(Final, match="is no id"):
            kalshi(Asked()).cancel(name, KALSHI_TERMS)


def test_everything_is_cancelled_in_batches() -> None:
    """Seven resting orders are two requests, with their shards; those with an error of their own are not counted."""
    rows = [ROW | {"order_id": f"o-{number}", "exchange_index": 2} for number in range(7)]
    good, bad = {"order_id": "o", "reduced_by": "1.00"}, {"order_id": "o", "error": {"code": "not_found"}}
    venue = Asked(
        listed(*rows), (200, json.dumps({"orders": [good] * BATCH})), (200, json.dumps({"orders": [good, bad]}))
    )
    assert 6 == kalshi(venue).cancel_all(TICKER)
    assert "GET /trade-api/v2/portfolio/orders?status=resting&ticker=KXHIGHNY-26NOV20-T45&limit=200" == venue.said[0]
    assert [["o-0", "o-1", "o-2", "o-3", "o-4"], ["o-5", "o-6"]] == [
        [one["order_id"] for one in json.loads(request.content)["orders"]] for request in venue.requests[1:]
    ]
    assert {"order_id": "o-6", "exchange_index": 2} == json.loads(venue.requests[2].content)["orders"][1]
    assert 0 == kalshi(Asked(listed())).cancel_all()
    with pytest.raises(Ambiguous):
        kalshi(Asked(listed(ROW), (500, ""))).cancel_all()
    busy = (429, '{"error":"too many requests"}')
    assert 1 == kalshi(Asked(listed(ROW), busy, busy, (200, json.dumps({"orders": [good]})))).cancel_all()
    with pytest.raises(Retryable):
        kalshi(Asked(listed(ROW), *[busy] * 6)).cancel_all()


def test_lists_are_whole_or_say_so() -> None:
    """A row that cannot be read, or a later page that fails, leaves a page incomplete; the first must come."""
    page = kalshi(Asked(listed(ROW, cursor="c"), listed(ROW | {"order_id": "o-2"}))).open_orders()
    assert ([ORDER_ID, "o-2"], True) == ([row.venue_order_id for row in page.rows], page.complete)
    for script in ((listed(ROW, {"order_id": "o-2"}),), (listed(ROW, cursor="c"), (503, ""))):
        page = kalshi(Asked(*script)).open_orders()
        assert (1, False) == (len(page.rows), page.complete)
    with pytest.raises(Retryable):
        kalshi(Asked((200, '{"orders":null}'))).open_orders()


def test_fills_come_oldest_first_with_the_venues_fee() -> None:
    """REST says no id of ours: it is joined by the order's; the fee is exact, the side is book_side's."""
    later = FILL | {"trade_id": "t-2", "book_side": "ask", "is_taker": False, "created_time": "2026-04-28T18:14:00Z"}
    venue = Asked(listed(ROW), listed(later, FILL, name="fills"))
    connector = kalshi(venue)
    connector.open_orders()
    page = connector.fills(1_777_400_000_000_000_000)
    assert VenueFill(
        "d91bc706-ee49-470d-82d8-11418bda6fed", ORDER_ID, OUR_ID, TICKER, 1, 44, 200, 34_600, "taker",
        1_777_400_000_301_000_000,
    ) == page.rows[0]  # fmt: skip
    second = page.rows[1]
    assert isinstance(second, VenueFill)
    assert ("t-2", -1, "maker", True) == (second.trade_id, second.side, second.liquidity, page.complete)
    assert "GET /trade-api/v2/portfolio/fills?min_ts=1777400000&limit=200" == venue.said[1]
    page = kalshi(Asked(listed(FILL | {"is_taker": "yes"}, FILL | {"fee_cost": "0.0000001"}, name="fills"))).fills(0)
    assert ((), False) == (page.rows, page.complete)


def test_what_is_held_is_signed_and_the_cash_is_the_shards() -> None:
    """NO is below zero; cash is `balance_dollars`, to the millionth; what is nothing is left out."""
    positions = listed(
        {"ticker": TICKER, "position_fp": "-12.50"}, {"ticker": "KXA-1", "position_fp": "3.00"},
        {"ticker": "KXB-1", "position_fp": "0.00"}, name="market_positions",
    )  # fmt: skip
    venue = Asked((200, '{"balance":12345,"balance_dollars":"123.4567","portfolio_value":1}'), positions)
    held = kalshi(venue).holdings()
    assert (123_456_700, ((TICKER, -1_250), ("KXA-1", 300)), True) == (
        held.cash_micros, tuple(sorted(held.positions, reverse=True)), held.complete,
    )  # fmt: skip
    assert "GET /trade-api/v2/portfolio/balance?exchange_index=0" == venue.said[0]
    cash = (200, '{"balance_dollars":"1.0000"}')
    assert not kalshi(Asked(cash, listed({"ticker": TICKER}, name="market_positions"))).holdings().complete
    for bad in ((500, ""), (200, "{}")):
        with pytest.raises(Retryable):
            kalshi(Asked(bad)).holdings()


def test_the_clock_is_the_answers_date() -> None:
    """No endpoint states the time, so the header does, to the second; without one there is no answer."""
    venue = Asked((200, '{"exchange_active":true}'), (200, "{}"))
    venue.headers = {"Date": "Tue, 28 Apr 2026 18:13:20 GMT"}
    connector = kalshi(venue)
    assert 1_777_400_000_000_000_000 == connector.server_time_ns()
    assert "KALSHI-ACCESS-KEY" not in venue.requests[0].headers
    venue.headers = {}
    with pytest.raises(Retryable, match="no date"):
        connector.server_time_ns()


def test_the_user_channel_says_what_happened_once() -> None:
    """An order that rests is acknowledged once; a fill is told once, from the channel or from polling."""
    venue = Asked(listed(FILL, name="fills"))
    connector = kalshi(venue)
    told = [*connector._heard(USER_ORDER), *connector._heard(USER_ORDER), *connector._heard(FILL_FRAME)]
    ack = VenueOrderEvent(OUR_ID, ORDER_ID, TICKER, "ACK", 1, 44, 1_000, "", "", 0, 0, "")
    assert [ack, "d91bc706-ee49-470d-82d8-11418bda6fed"] == [
        one.trade_id if isinstance(one, VenueFill) else one for one in told
    ]
    cancelled = USER_ORDER.replace('"resting"', '"canceled"')
    assert ["CANCELLED"] == [one.event for one in connector._heard(cancelled) if isinstance(one, VenueOrderEvent)]
    executed = USER_ORDER.replace('"resting"', '"executed"').replace(
        '"fill_count_fp":"2.00"', '"fill_count_fp":"10.00"'
    )
    noise = ["", "[", "[]", "{}", '{"type":"subscribed","msg":{"channel":"fill","sid":13}}', '{"type":"fill","msg":{}}']
    assert [] == [one for frame in (executed, FILL_FRAME, *noise) for one in connector._heard(frame)]
    connector._channel.close()
    assert [] == connector.events(0.0)


def test_polling_finds_what_the_channel_did_not_say() -> None:
    """Without a channel fills are polled; a failure is told when there is nothing else to tell."""
    recent = FILL | {"created_time": "2026-04-28T18:15:37Z"}
    connector = kalshi(Asked(listed(recent, name="fills")))
    connector._channel.close()
    assert ["d91bc706-ee49-470d-82d8-11418bda6fed"] == [
        one.trade_id for one in connector.events(0.0) if isinstance(one, VenueFill)
    ]
    assert [] == connector.events(0.0)
    connector = kalshi(Asked((503, "")))
    connector._channel.close()
    with pytest.raises(Retryable):
        connector.events(0.0)
    connector.arm()
    connector.close()


def test_an_address_elsewhere_needs_its_socket() -> None:
    """Production and demo know their sockets, a mock's is beside it, any other must be named."""
    signer = cast(SignerClient, OwnSigner())
    for base, socket in (
        ("https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com/trade-api/ws/v2"),
        ("https://external-api.demo.kalshi.co/trade-api/v2", "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2"),
        ("http://127.0.0.1:81/", "ws://127.0.0.1:81/trade-api/ws/v2"),
    ):
        assert socket == Kalshi(base, signer, key_ref="k", mode="live")._socket
    with pytest.raises(Final, match="socket_url"):
        Kalshi("https://kalshi.example", signer, key_ref="k", mode="live")
