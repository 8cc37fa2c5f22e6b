"""The mock CLOB V2 adapter: what it publishes passes our normaliser and our published schemas."""

import gzip
import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from msgspec.json import encode

from contracts.market import VenueBookDelta, VenueBookImage, VenueTrade
from operators.normalise import Normaliser
from operators.normalise.frames import Frame
from tests.connectors.mocks.clients import TOKEN, PolymarketClient
from tests.connectors.mocks.sockets import Ear
from tests.venues import VenueControl, mock_venue

ROOT = Path(__file__).resolve().parents[3]
MARKET = "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1"
OTHER = "93334311276653430123471163012764321467134718452310983453142387109823419023781"
FIXTURE = ROOT / "fixtures" / "demo_polymarket.jsonl.gz"


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Polymarket."""
    with mock_venue("polymarket") as running:
        yield running


def subscribed(venue: VenueControl, *tokens: str, custom: bool = True) -> Ear:
    """A socket that hears tokens."""
    ear = Ear(f"{venue.ws_url}/ws/market")
    ear.say({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": custom})
    return ear


@cache
def schema_of(kind: str) -> Draft202012Validator:
    """The published schema of a contract."""
    return Draft202012Validator(json.loads((ROOT / "contracts" / "schemas" / f"{kind}.json").read_text("utf-8")))


def validated(texts: list[str]) -> dict[str, int]:
    """Let our normaliser read frames, check every fact against its published schema, and count facts by kind."""
    normaliser = Normaliser()
    frames = [
        Frame(1, number, time.time_ns(), "clob_v2", text.encode(), "mock") for number, text in enumerate(texts, 1)
    ]
    done = normaliser.step(frames)
    assert [] == done.dead
    counts: dict[str, int] = {}
    for fact in done.facts:
        kind = type(fact).__name__
        schema_of(kind).validate(json.loads(encode(fact)))
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def test_a_subscription_begins_with_pictures_of_both_tokens(venue: VenueControl) -> None:
    """Each token has its own picture, the best level last; a PING is answered, whatever else happens."""
    with subscribed(venue, TOKEN, OTHER) as ear:
        image = ear.until(lambda message: message["asset_id"] == OTHER)
        assert ("book", {"price": "0.48", "size": "25"}) == (image["event_type"], image["bids"][-1])
        venue.misbehave("ws_freeze")
        ear.say("PING")
        assert "PONG" == ear.until(lambda message: message == "PONG")


def test_a_change_is_a_new_total_on_both_tokens(venue: VenueControl) -> None:
    """One order moves both books; sizes are totals, with the best prices beside them."""
    with subscribed(venue, TOKEN, OTHER, custom=False) as ear:
        ear.until(lambda message: message["asset_id"] == TOKEN)
        PolymarketClient(venue).order("BUY", "0.48", "10")
        change = ear.until(lambda message: message["event_type"] == "price_change")["price_changes"]
    assert [(TOKEN, "BUY", "0.48", "40.5"), (OTHER, "SELL", "0.52", "40.5")] == [
        (row["asset_id"], row["side"], row["price"], row["size"]) for row in change
    ]
    assert [("0.48", "0.52"), ("0.48", "0.52")] == [(row["best_bid"], row["best_ask"]) for row in change]


def test_what_is_published_passes_our_normaliser_and_our_schemas(venue: VenueControl) -> None:
    """Pictures, changes, trades, best prices and a new tick, read by our normaliser: every fact fits its schema."""
    client = PolymarketClient(venue)
    with subscribed(venue, TOKEN, OTHER) as ear:
        client.order("BUY", "0.49", "10")
        client.order("BUY", "0.52", "30")
        client.call("DELETE", "/cancel-all")
        venue.price(MARKET, "0.60")
        venue.market(market=MARKET, tick="0.001")
        heard = ear.for_a_while(0.5)
    assert {"book", "price_change", "last_trade_price", "best_bid_ask", "tick_size_change"} <= {
        message["event_type"] for message in heard
    }
    counts = validated([json.dumps(message) for message in heard])
    assert {VenueBookImage.__name__, VenueBookDelta.__name__, VenueTrade.__name__} <= counts.keys()


def test_a_recording_is_played_through_the_contracts(venue: VenueControl) -> None:
    """Every frame of the fixture pack comes out as it was recorded, and every fact fits its schema."""
    with gzip.open(FIXTURE, "rt", encoding="utf-8") as lines:
        recorded = [row["frame"] for row in map(json.loads, lines) if "frame" in row][:400]
    with Ear(f"{venue.ws_url}/ws/market") as ear:
        ear.say("PING")
        ear.until(lambda message: message == "PONG")
        said = venue.ask("POST", "/_book", {"capture": str(FIXTURE), "frames": 400})
        assert 400 == said["frames"]
        flat: list[Any] = []
        for text in recorded:
            read = text if text == "PONG" else json.loads(text)
            flat += read if isinstance(read, list) else [read]
        heard = ear.for_a_while(0.5)
    assert flat == heard
    assert 400 <= sum(validated(recorded).values())


def test_the_user_channel_needs_its_keys(venue: VenueControl) -> None:
    """A wrong key ends the connection; the market channel hears nothing of orders."""
    with Ear(f"{venue.ws_url}/ws/user") as ear:
        ear.say({"type": "user", "auth": {"apiKey": "x", "secret": "y", "passphrase": "z"}})
        assert ear.closed()
    with Ear(f"{venue.ws_url}/ws/market") as ear:
        ear.say("nonsense")
        assert "INVALID OPERATION" == ear.until(lambda message: True)
