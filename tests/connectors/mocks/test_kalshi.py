"""The mock of Kalshi against its fact sheet, over raw requests: signatures, orders, refusals, reads, limits."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.connectors.mocks.clients import KALSHI, KALSHI_ORDERS, TICKER, KalshiClient, send
from tests.venues import VenueControl, mock_venue

CRYPTO = "KXBTC-26NOV21-B65000"


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Kalshi."""
    with mock_venue("kalshi") as running:
        yield running


@pytest.fixture
def client(venue: VenueControl) -> KalshiClient:
    """Its main account."""
    return KalshiClient(venue)


def code(said: object) -> str:
    """The code of an error body."""
    return str(getattr(said, "body")["error"]["code"])  # noqa: B009


def test_the_order_of_the_fact_sheet_rests_and_is_found(client: KalshiClient) -> None:
    """POST /portfolio/events/orders answers 201 with counts as text; both reads know the order, with every field."""
    said = client.order("8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1", price="0.4300", post_only=True,
                        cancel_order_on_pause=True, exchange_index=0)  # fmt: skip
    assert (201, "0.00", "10.00") == (said.status, said.body["fill_count"], said.body["remaining_count"])
    assert {"order_id", "client_order_id", "fill_count", "remaining_count", "ts_ms"} == said.body.keys()
    listed = client.call("GET", "/portfolio/orders?status=resting").body["orders"]
    one = client.call("GET", f"/portfolio/orders/{said.body['order_id']}").body["order"]
    assert [one] == listed
    assert {
        "client_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1", "ticker": TICKER, "outcome_side": "yes",
        "book_side": "bid", "type": "limit", "status": "resting", "yes_price_dollars": "0.4300",
        "no_price_dollars": "0.5700", "initial_count_fp": "10.00", "exchange_index": 0,
    }.items() <= one.items()  # fmt: skip


def test_fees_are_those_of_the_formula(venue: VenueControl, client: KalshiClient) -> None:
    """2 contracts at 0.44 cost 0.07 x 2 x 0.44 x 0.56 = 0.034496, so 0.0345; a plain member's balance keeps cents."""
    venue.rules(direct_member=True)
    assert "0.017250" == client.order("a", price="0.4400", count="2.00").body["average_fee_paid"]
    assert "0.034500" == client.call("GET", "/portfolio/fills").body["fills"][0]["fee_cost"]
    assert "9999.0855" == client.call("GET", "/portfolio/balance").body["balance_dollars"]
    venue.reset()
    venue.rules(direct_member=False)
    client.order("b", price="0.4400", count="2.00")
    assert "0.040000" == client.call("GET", "/portfolio/fills").body["fills"][0]["fee_cost"]
    assert "9999.0800" == client.call("GET", "/portfolio/balance").body["balance_dollars"]


def test_rounding_of_many_small_fills_comes_to_that_of_one(venue: VenueControl) -> None:
    """What rounding took from an order comes back in whole cents: 20 fills of one cost what one fill of 20 does."""
    fees: list[Decimal] = []
    for name, sizes in (("many", ["1"] * 20), ("one", ["20"])):
        account = KalshiClient(venue, name)
        venue.book("KXRAIN-26DEC31-A1", bids=[], asks=[])
        account.order(name, ticker="KXRAIN-26DEC31-A1", price="0.4400", count="20.00")
        for size in sizes:
            venue.trade(client_order_id=name, size=size)
        rows = account.call("GET", "/portfolio/fills?limit=100").body["fills"]
        assert len(sizes) == len(rows)
        fees.append(sum((Decimal(row["fee_cost"]) for row in rows), Decimal(0)))
    assert Decimal("0.09") == fees[1], "0.0175 x 20 x 0.44 x 0.56 = 0.08624 is 0.0863, and the balance keeps cents"
    assert abs(fees[0] - fees[1]) <= Decimal("0.01")


@pytest.mark.parametrize(
    ("change", "status", "wanted"),
    [
        ({"price": "0.4350"}, 400, "invalid_order"),
        ({"price": "1.0000"}, 400, "invalid_order"),
        ({"price": "0.0000"}, 400, "invalid_order"),
        ({"price": 0.43}, 400, "invalid_order"),
        ({"price": "0.4"}, 400, "invalid_order"),
        ({"count": "0.005"}, 400, "invalid_order_size"),
        ({"count": "0.00"}, 400, "invalid_order_size"),
        ({"count": 10}, 400, "invalid_order_size"),
        ({"side": "yes"}, 400, "invalid_order"),
        ({"time_in_force": "gtc"}, 400, "invalid_order"),
        ({"time_in_force": "immediate_or_cancel", "expiration_time": 4_000_000_000}, 400, "invalid_order"),
        ({"expiration_time": 1_000_000_000}, 400, "invalid_order"),
        ({"self_trade_prevention_type": None}, 400, "missing_parameters"),
        ({"ticker": "KXNONE"}, 404, "not_found"),
        ({"ticker": CRYPTO, "exchange_index": 0}, 404, "not_found"),
        ({"price": "0.9900", "count": "20000.00"}, 400, "insufficient_balance"),
        ({"price": "0.4400", "post_only": True}, 400, "post_only_cross"),
        ({"price": "0.4400", "count": "17.01", "time_in_force": "fill_or_kill"}, 400,
         "fill_or_kill_insufficient_resting_volume"),
        ({"reduce_only": True}, 400, "reduce_only_no_position"),
        ({"client_order_id": "x" * 65}, 400, "invalid_order"),
    ],
)  # fmt: skip
def test_what_the_documents_refuse_is_refused(
    client: KalshiClient, venue: VenueControl, change: dict[str, Any], status: int, wanted: str
) -> None:
    """Each refusal has its status and code, and leaves nothing behind."""
    said = client.order(str(change.pop("client_order_id", "a")), **change)
    assert (status, wanted) == (said.status, code(said))
    assert {} == venue.state()["effective_orders"]


@pytest.mark.parametrize(
    ("structure", "price", "taken"),
    [("linear_cent", "0.05", True), ("linear_cent", "0.055", False), ("deci_cent", "0.0550", True),
     ("deci_cent", "0.0555", False), ("tapered_deci_cent", "0.0550", True), ("tapered_deci_cent", "0.1050", False),
     ("tapered_deci_cent", "0.9050", True), ("tapered_deci_cent", "0.1000", True)],
)  # fmt: skip
def test_the_grid_is_that_of_the_band(
    venue: VenueControl, client: KalshiClient, structure: str, price: str, taken: bool
) -> None:
    """A price must be on the step of its band, which differs at the edges."""
    venue.market(market="KXGRID-1", structure=structure)
    venue.book("KXGRID-1", bids=[], asks=[])
    ranges = client.call("GET", "/markets/KXGRID-1").body["market"]["price_ranges"]
    assert (201 if taken else 400) == client.order("a", ticker="KXGRID-1", price=price).status
    assert all({"start", "end", "step"} == band.keys() for band in ranges)


def test_the_same_client_id_is_refused_with_409_while_its_order_is_open(
    venue: VenueControl, client: KalshiClient
) -> None:
    """A repeat of an open order is a 409 and no second order; what a closed one does is a rule that can be set."""
    order_id = client.order("a").body["order_id"]
    assert (409, "order_already_exists") == (client.order("a").status, code(client.order("a")))
    client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}?market_ticker={TICKER}")
    assert 201 == client.order("a").status
    venue.rules(duplicate_ids="ever")
    assert 409 == client.order("a").status
    assert {"a": 2} == venue.state()["effective_orders"]


def test_a_signature_must_be_right_fresh_and_of_the_path_without_query(
    venue: VenueControl, client: KalshiClient
) -> None:
    """A wrong key, method, path, age or text is a 401; the query does not enter the signature."""
    path = f"{KALSHI}/portfolio/balance"
    good = client.headers("GET", path)
    now = time.time_ns() // 1_000_000
    for headers in (
        {}, {**good, "KALSHI-ACCESS-KEY": "someone"}, client.headers("POST", path),
        client.headers("GET", "/portfolio/balance"), client.headers("GET", path, now - 31_000),
        client.headers("GET", path, now + 31_000), {**good, "KALSHI-ACCESS-SIGNATURE": "no base64"},
    ):  # fmt: skip
        assert 401 == send("GET", venue.base_url + path, None, headers).status
    assert 200 == send("GET", f"{venue.base_url}{path}?subaccount=0", None, good).status


def test_a_given_public_key_is_trusted(venue: VenueControl, client: KalshiClient) -> None:
    """A venue can be started with a client's own public key, and then knows no private one."""
    given: dict[str, object] = {"key_id": "mine", "public_key_pem": client.keys["public_key_pem"]}
    with mock_venue("kalshi", keys=given) as other:
        assert "private_key_pem" not in other.keys
        headers = {**client.headers("GET", f"{KALSHI}/portfolio/balance"), "KALSHI-ACCESS-KEY": "mine"}
        assert 200 == send("GET", f"{other.base_url}{KALSHI}/portfolio/balance", None, headers).status


def test_the_endpoints_of_v1_are_dead(client: KalshiClient) -> None:
    """The old order endpoint says where to go, and takes nothing."""
    said = client.call("POST", "/portfolio/orders", {"ticker": TICKER})
    assert (410, "deprecated_v1_order_endpoint") == (said.status, code(said))


def test_cancel_needs_the_right_shard(client: KalshiClient) -> None:
    """Without a shard or a ticker shard 0 is assumed; an order elsewhere is then not found."""
    order_id = client.order("a", ticker=CRYPTO, price="0.4000").body["order_id"]
    assert 404 == client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}").status
    said = client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}?exchange_index=2")
    assert (200, "10.00") == (said.status, said.body["reduced_by"])
    assert 404 == client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}?exchange_index=2").status


def test_amend_counts_what_was_filled_and_decrease_takes_off(venue: VenueControl, client: KalshiClient) -> None:
    """An amendment's count is filled plus resting; a decrease is by or to, never both."""
    order_id = client.order("a").body["order_id"]
    venue.trade(order_id=order_id, size="4")
    amend = {"ticker": TICKER, "side": "bid", "price": "0.4100", "count": "9.00", "exchange_index": 0}
    said = client.call("POST", f"{KALSHI_ORDERS}/{order_id}/amend", amend).body
    assert ("5.00", "4.00") == (said["remaining_count"], said["fill_count"])
    wrong = client.call("POST", f"{KALSHI_ORDERS}/{order_id}/amend", {**amend, "side": "ask"})
    assert (400, "order_side_mismatch") == (wrong.status, code(wrong))
    both = {"reduce_by": "1.00", "reduce_to": "2.00"}
    assert 400 == client.call("POST", f"{KALSHI_ORDERS}/{order_id}/decrease", both).status
    assert (
        "2.00"
        == client.call("POST", f"{KALSHI_ORDERS}/{order_id}/decrease", {"reduce_to": "2.00"}).body["remaining_count"]
    )


def test_a_batch_has_a_result_for_each(client: KalshiClient) -> None:
    """One bad order spoils no other, in placing and in cancelling."""
    row = {"ticker": TICKER, "side": "bid", "count": "1.00", "price": "0.4000", "time_in_force": "good_till_canceled",
           "self_trade_prevention_type": "maker"}  # fmt: skip
    rows = [{**row, "client_order_id": "a"}, {**row, "price": "0.4050"}]
    said = client.call("POST", f"{KALSHI_ORDERS}/batched", {"orders": rows})
    assert ["order_id", "error"] == [
        next(n for n in ("order_id", "error") if n in each) for each in said.body["orders"]
    ]
    ids = [{"order_id": said.body["orders"][0]["order_id"], "exchange_index": 0}, {"order_id": "none"}]
    done = client.call("DELETE", f"{KALSHI_ORDERS}/batched", {"orders": ids}).body["orders"]
    assert ("1.00", "not_found") == (done[0]["reduced_by"], done[1]["error"]["code"])


def test_an_order_group_cancels_itself_beyond_its_limit(venue: VenueControl, client: KalshiClient) -> None:
    """More filled in 15 s than the group allows: everything of the group is cancelled, and no more is taken."""
    group = client.call("POST", "/portfolio/order_groups/create", {"contracts_limit": 3}).body["order_group_id"]
    client.order("rest", price="0.3000", order_group_id=group)
    assert 201 == client.order("take", price="0.4400", count="4.00", order_group_id=group).status
    assert 0 == venue.state()["open_orders"]
    assert "exceeded_order_group_risk_limit" == code(client.order("late", order_group_id=group))
    assert 200 == client.call("PUT", f"/portfolio/order_groups/{group}/reset").status
    assert 201 == client.order("late", order_group_id=group).status
    assert 200 == client.call("PUT", f"/portfolio/order_groups/{group}/trigger").status
    assert 0 == venue.state()["open_orders"]


def test_a_group_counts_resting_orders_too(venue: VenueControl, client: KalshiClient) -> None:
    """Fills of a resting order count: the one that passes the limit cancels what is left of the group."""
    group = client.call("POST", "/portfolio/order_groups/create", {"contracts_limit": 3}).body["order_group_id"]
    client.order("a", order_group_id=group)
    venue.trade(client_order_id="a", size="3")
    assert 1 == venue.state()["open_orders"]
    venue.trade(client_order_id="a", size="1")
    assert ("cancelled", "4") == tuple(venue.state()["orders"][0][name] for name in ("state", "filled"))


def test_pausing_and_closing_a_market_cancel_what_rests(venue: VenueControl, client: KalshiClient) -> None:
    """A paused market takes nothing, its return cancels what rests; a closed one refuses cancels and clears itself."""
    client.order("a")
    venue.market(market=TICKER, status="inactive")
    assert "market_inactive" == code(client.order("b"))
    venue.market(market=TICKER, status="active")
    assert 0 == venue.state()["open_orders"]
    order_id = client.order("c").body["order_id"]
    venue.market(market=TICKER, status="closed")
    assert "market_inactive" == code(client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}?exchange_index=0"))
    time.sleep(0.4)
    assert 0 == venue.state()["open_orders"]


def test_positions_are_signed_and_cash_follows(venue: VenueControl, client: KalshiClient) -> None:
    """Selling YES without having any is holding NO: the position is negative, and one minus the price is paid."""
    venue.rules(direct_member=True)
    client.order("a", side="ask", price="0.4200", count="5.00", time_in_force="immediate_or_cancel")
    row = client.call("GET", "/portfolio/positions").body["market_positions"][0]
    assert ("-5.00", TICKER) == (row["position_fp"], row["ticker"])
    fee = Decimal(client.call("GET", "/portfolio/fills").body["fills"][0]["fee_cost"])
    spent = 10_000 - Decimal(client.call("GET", "/portfolio/balance").body["balance_dollars"])
    assert 5 * Decimal("0.58") + fee == spent


def test_books_hold_bids_of_both_outcomes_best_last(client: KalshiClient) -> None:
    """The example of the fact sheet: YES bid 0.42, YES ask 0.44 as a NO bid of 0.56."""
    said = send("GET", f"{client.base}{KALSHI}/markets/{TICKER}/orderbook?depth=2", None, {}).body["orderbook_fp"]
    assert [["0.4100", "10.00"], ["0.4200", "13.00"]] == said["yes_dollars"]
    assert [["0.5500", "20.00"], ["0.5600", "17.00"]] == said["no_dollars"]


def test_lists_go_on_until_the_cursor_is_empty(client: KalshiClient) -> None:
    """Pages of two give every order once."""
    for name in "abcde":
        client.order(name)
    seen, cursor = [], ""
    while True:
        page = client.call("GET", f"/portfolio/orders?limit=2&cursor={cursor}").body
        seen += [order["client_order_id"] for order in page["orders"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert list("edcba") == seen


def test_ten_writes_a_second_and_then_429(client: KalshiClient) -> None:
    """The Basic tier pays for ten orders at once; the eleventh is told so, and the body is only a text."""
    said = [client.order(f"n{n}") for n in range(14)]
    assert {201, 429} == {each.status for each in said}
    assert [201] * 10 == [each.status for each in said[:10]]
    refused = next(each for each in said if each.status == 429)
    assert ({"error": "too many requests"}, None) == (refused.body, refused.headers.get("retry-after"))


@pytest.mark.parametrize(
    ("variant", "place", "cancel", "status"), [("", 400, 200, 200), ("exchange_pause", 503, 503, 503)]
)
def test_pauses_stop_what_the_documents_say(
    venue: VenueControl, client: KalshiClient, variant: str, place: int, cancel: int, status: int
) -> None:
    """A trading pause lets cancels through, an exchange pause nothing; the status tells which it is."""
    order_id = client.order("a").body["order_id"]
    venue.misbehave("maintenance", variant=variant)
    assert place == client.order("b").status
    told = client.call("GET", "/exchange/status")
    assert (status, not variant, False) == (told.status, told.body["exchange_active"], told.body["trading_active"])
    assert cancel == client.call("DELETE", f"{KALSHI_ORDERS}/{order_id}?exchange_index=0").status


def test_markets_series_and_limits_can_be_read(client: KalshiClient) -> None:
    """Discovery and the account's own limits answer in the documented fields."""
    markets = client.call("GET", "/markets?limit=2").body
    assert (2, "2") == (len(markets["markets"]), markets["cursor"])
    assert "quadratic" == client.call("GET", "/series/KXHIGHNY").body["series"]["fee_type"]
    assert TICKER == client.call("GET", "/events/KXHIGHNY-26NOV20").body["markets"][0]["ticker"]
    assert {"usage_tier": "basic", "read_limit": 200, "write_limit": 100} == client.call("GET", "/account/limits").body
    assert client.call("GET", "/exchange/user_data_timestamp").body["as_of_time"].endswith("Z")
    for path in ("/markets/NONE", "/series/NONE", "/events/NONE", "/portfolio/orders/none", "/nothing"):
        assert 404 == client.call("GET", path).status
