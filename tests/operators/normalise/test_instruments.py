"""Instrument metadata of every shape becomes records, or is refused by name."""

import json
from typing import Any

import pytest

from contracts.base import Refused
from contracts.market import FeeModel, PriceBand, Status, VenueInstrumentRecord
from operators.normalise import Frame, Normaliser, read_instruments

KALSHI = {
    "ticker": "KXA-1-T5",
    "event_ticker": "KXA-1",
    "market_type": "binary",
    "status": "active",
    "close_time": "2026-05-13T13:00:00Z",
    "title": "Over 5?",
    "rules_primary": "If over 5.",
    "rules_secondary": "Else no.",
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
}
GAMMA = {
    "conditionId": "0xaa",
    "question": "Q?",
    "description": "R.",
    "outcomes": '["Up", "Down"]',
    "clobTokenIds": '["11", "22"]',
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
    "endDate": "2026-05-13T13:00:00Z",
    "negRisk": True,
    "feesEnabled": True,
    "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True},
    "events": [{"id": "70", "series": [{"slug": "btc"}]}],
}
CLOB = {
    "condition_id": "0xbb",
    "question": "Q?",
    "minimum_tick_size": 0.001,
    "minimum_order_size": 5,
    "end_date_iso": "2026-05-13T00:00:00Z",
    "taker_base_fee": 0,
    "maker_base_fee": 0,
    "closed": True,
    "tokens": [{"token_id": "33", "outcome": "Yes"}, {"token_id": "44", "outcome": "No"}],
}


def records(value: Any) -> list[Any]:
    """Read one JSON value."""
    return read_instruments(json.dumps(value).encode())


def test_a_kalshi_market() -> None:
    """The finest step is the tick; event, end, title and rules are taken from their fields."""
    (record,) = records({"market": KALSHI})
    assert ("KXA-1-T5", "KXA-1", "KXA", 10_000, 10_000, 1_778_677_200_000_000_000) == (
        record.market_id,
        record.event_id,
        record.series_id,
        record.tick_micros,
        record.lot_micros,
        record.expiry_ns,
    )
    assert ((PriceBand(1, 99, 1),), "Over 5?", "If over 5.\n\nElse no.", Status.OPEN) == (
        record.price_bands,
        record.title,
        record.rules_text,
        record.status,
    )


def test_tapered_bands_share_the_finest_tick() -> None:
    """0.001 at the ends and 0.01 between: tick 0.001, and three bands in ticks."""
    bands = [("0.0000", "0.1000", "0.0010"), ("0.1000", "0.9000", "0.0100"), ("0.9000", "1.0000", "0.0010")]
    ranges = [dict(zip(("start", "end", "step"), band, strict=True)) for band in bands]
    (record,) = records([{**KALSHI, "price_ranges": ranges}])
    assert (1_000, (PriceBand(1, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 999, 1))) == (
        record.tick_micros,
        record.price_bands,
    )


@pytest.mark.parametrize(
    ("kind", "times", "expected"),
    [
        ("quadratic", 1, (70_000, 0)),
        ("quadratic_with_maker_fees", 1, (70_000, 17_500)),
        ("quadratic_with_combo_maker_fees", 0.5, (35_000, 17_500)),
    ],
)
def test_kalshi_fees_come_from_the_fields(kind: str, times: float, expected: tuple[int, int]) -> None:
    """Type and multiplier give the rates; an event's own type counts for its markets; a flat fee has no model."""
    (record,) = records({"event_ticker": "KXA-1", "fee_type": kind, "fee_multiplier": times, "markets": [KALSHI]})
    assert expected == (record.fee.taker_rate_micros, record.fee.maker_rate_micros)
    assert "unknown" == records({**KALSHI, "fee_type": "flat"})[0].fee.formula


def test_a_gamma_market_is_two_linked_tokens() -> None:
    """Outcomes and ids are JSON inside strings; a step of 0.01 stands on the grid of 0.001; the fee is the schedule."""
    up, down = records([GAMMA])
    assert [("11", "22", "Up"), ("22", "11", "Down")] == [(r.market_id, r.complement_id, r.outcome) for r in (up, down)]
    assert (1_000, 1, 5_000_000, (PriceBand(10, 990, 10),), "70", "btc", True) == (
        up.tick_micros,
        up.lot_micros,
        up.min_size_lots,
        up.price_bands,
        up.event_id,
        up.series_id,
        up.neg_risk,
    )
    assert FeeModel("binary_quadratic", 70_000, 0, 10, 1) == up.fee


@pytest.mark.parametrize(
    ("fields", "fee"),
    [
        ({"feesEnabled": False, "feeSchedule": None}, FeeModel("none")),
        ({"feesEnabled": True, "feeSchedule": None}, FeeModel("binary_quadratic", 70_000, 0, 10, 1)),
        ({"feeSchedule": {"rate": 0.03, "exponent": 2}}, FeeModel("unknown")),
        (
            {"feeSchedule": {"rate": "0.03", "exponent": "1", "takerOnly": False}},
            FeeModel("binary_quadratic", 30_000, 30_000, 10, 1),
        ),
    ],
)
def test_polymarket_fees(fields: dict[str, Any], fee: FeeModel) -> None:
    """Not enabled is free, unknown is the highest published rate, an exponent other than 1 has no model."""
    assert fee == records({**GAMMA, **fields})[0].fee


def test_a_clob_market() -> None:
    """Closed, without fees, both tokens linked, grouped under its condition."""
    yes, no = records({"data": [CLOB], "next_cursor": "LTE="})
    assert [("33", "44", "Yes"), ("44", "33", "No")] == [(r.market_id, r.complement_id, r.outcome) for r in (yes, no)]
    assert (Status.CLOSED, "none", "0xbb", 1_000) == (yes.status, yes.fee.formula, yes.event_id, yes.tick_micros)


def test_our_own_shape_in_lines_keeps_a_coarse_grid() -> None:
    """JSON lines of our own record, without what only a fact has; an explicit tick of 0.01 stays."""
    first = b'{"market_id":"a","venue_id":"polymarket","tick_micros":10000,"lot_micros":1}'
    lines = first + b'\n\n{"market_id":"b","venue_id":"kalshi"}\n'
    assert [("a", 10_000, 1), ("b", 10_000, 10_000)] == [
        (r.market_id, r.tick_micros, r.lot_micros) for r in read_instruments(lines)
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no market found"),
        (b"[]", "no market found"),
        (b"{]", "line 1: not JSON"),
        (b'{"market_id":"a","venue_id":"kalshi","tick_micros":0}', "tick 0 millionths; allowed: a divisor"),
        (b'{"market_id":"a","venue_id":"kalshi","ticks":1}', "unknown field"),
        (json.dumps({**KALSHI, "status": "napping"}).encode(), "status 'napping'; allowed: active"),
        (json.dumps({**KALSHI, "price_ranges": [{"start": "0", "end": "1", "step": "0"}]}).encode(), "step > 0"),
        (json.dumps({**GAMMA, "orderPriceMinTickSize": 0.5}).encode(), "allowed: 0.0001 to 0.1"),
    ],
)
def test_what_is_no_instrument_is_refused_by_name(data: bytes, words: str) -> None:
    """The message names the entry, the field, the value and what is allowed."""
    with pytest.raises(Refused, match=words.replace(".", r"\.").replace("]", r"\]")):
        read_instruments(data)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("polymarket/fixtures/py_market.json", 2),
        ("polymarket/fixtures/py_markets.json.gz", 190),
        ("polymarket/fixtures/rs_gamma_market.json", 2),
        ("polymarket/fixtures/rs_gamma_event.json", 2),
        ("polymarket/fixtures/rs_gamma_market_sports_market_money_line.json", 2),
        ("polymarket/gamma_markets_pages_20260311_first.jsonl.gz", 7_400),
        ("polymarket/updown_btc5m_markets_20260724.jsonl.gz", 584),
        ("kalshi/sports_events_sports_nested.json.gz", 10),
        ("kalshi/sports_market_single.json.gz", 1),
    ],
)
def test_recorded_metadata_is_read(recorded: Any, name: str, least: int) -> None:
    """Every recorded listing gives its markets."""
    import gzip

    data = (recorded / name).read_bytes()
    found = read_instruments(gzip.decompress(data) if name.endswith(".gz") else data)
    assert least <= len(found)
    assert all(1_000_000 % record.tick_micros == 0 for record in found)


def test_a_market_keeps_the_lots_its_book_counts_in() -> None:
    """Metadata that arrives in other lots is told in the known ones, with the smallest order rounded up."""
    normaliser = Normaliser()
    normaliser.declare(
        records({"market_id": "11", "venue_id": "polymarket", "tick_micros": 1000, "lot_micros": 10_000})
    )
    data = json.dumps({**GAMMA, "orderMinSize": "5.005"}).encode()
    book = b'{"event_type":"book","asset_id":"11","bids":[],"asks":[],"timestamp":"1777400000123"}'
    read = normaliser.step([Frame(0, place, 10**18, "clob_v2", raw) for place, raw in enumerate((book, data), 1)])
    told = [fact for fact in read.facts if isinstance(fact, VenueInstrumentRecord) and fact.market_id == "11"]
    assert [(10_000, 1), (10_000, 501)] == [(record.lot_micros, record.min_size_lots) for record in told]
