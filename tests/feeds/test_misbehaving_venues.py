"""Feed from venues that misbehave a thousand times: nothing crashes, gaps are seen, and the books are true in the end.

The servers are written from the venues' rules by their own author and share no line with the feeds. What is checked is
what a run reads: the frames are written to a capture, and its books are those of the lane's own steps over that file.
"""

import asyncio
import json
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.capture import CaptureWriter, open_capture
from connectors.feeds.binance import Binance
from connectors.feeds.bitget import Bitget
from connectors.feeds.kalshi import Kalshi
from connectors.feeds.kalshi_key import Signer
from connectors.feeds.polymarket import Polymarket
from connectors.feeds.session import Session
from connectors.feeds.venue import Places
from contracts.market import BOOK_LOST, BookEvent, VenueBookDelta
from operators.freshness import Budgets, Freshness
from operators.normalise import CONNECTION, Normaliser
from operators.normalise.bitget_contracts import market_id_of
from operators.normalise.spelling import MILLION
from operators.order_book import OrderBooks
from operators.sequencer import merge
from tests.connectors.feeds.loopback import fast
from tests.feeds.servers.books import TrueBook
from tests.feeds.servers.deeds import Script
from tests.feeds.servers.kalshi import Kalshi as KalshiServer
from tests.feeds.servers.polymarket import Polymarket as PolymarketServer
from tests.feeds.servers.serving import serve
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue as Server

pytestmark = pytest.mark.campaign

LIVELY = Settings(pace_s=0.002)
DEEDS = 250  # of each venue: a thousand together
D = Decimal
DOUBTS = BOOK_LOST | {"SILENT", "QUIET", "FROZEN"}


class Fed(NamedTuple):
    """What a feed came to."""

    session: Session
    did: Counter[str]
    books: dict[str, TrueBook]
    path: Path


def feed_of(server: Server) -> Any:
    """Return the venue of a server, as a person would name it."""
    places = Places("ws://" + urlsplit(server.url).netloc, server.rest)
    markets = list(server.books)
    if isinstance(server, KalshiServer):
        key = load_pem_private_key(server.private_key_pem.encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return Kalshi(markets, Signer(server.key_id, key), places=places)
    if isinstance(server, PolymarketServer):
        return Polymarket([token for market in markets for token in server.tokens(market)], places=places)
    return (Binance if server.name == "binance" else Bitget)(markets, places=places)


def true_books(server: Server) -> dict[str, TrueBook]:
    """Return every book as it is, under the name that the lane has for it."""
    if isinstance(server, PolymarketServer):
        return {token: server.book(token) for market in server.books for token in server.tokens(market)}
    if server.name == "bitget":
        return {market_id_of("USDT-FUTURES", market): server.book(market) for market in server.books}
    return {market: server.book(market) for market in server.books}


def read_books(path: Path) -> dict[str, TrueBook]:
    """Return the books that a run has before the feed's own end; one that it withholds is not among them."""
    normalise, books = Normaliser(), OrderBooks()
    capture = open_capture(path)
    frames = list(capture)
    while frames[-1].dialect == CONNECTION:
        frames.pop()
    books.step(normalise.step(frames).facts)
    assert "" == capture.truncated
    found = {}
    for index, market_id in enumerate(normalise.markets.ids):
        book, record = books.book(index), normalise.markets.by_id[market_id].record
        if book is not None and book.live:
            tick, lot = D(record.tick_micros) / MILLION, D(record.lot_micros) / MILLION
            sides = [{price * tick: lots * lot for price, lots in book.side(side)} for side in (1, -1)]
            found[market_id] = TrueBook(*sides)
    return found


async def whole(session: Session) -> None:
    """Wait until no image is missing, for a while."""
    calm = 0
    while calm < 20:
        calm = 0 if session.judge.waiting else calm + 1
        await asyncio.sleep(0.01)


async def fed(venue: str, path: Path, script: Script, *, sent_away: bool) -> Fed:
    """Feed until the script is over, the venue has fallen silent and every book is whole.

    `sent_away`: with a new connection in the end, for venues where no number tells of a change that was lost.
    """
    async with serve(venue, seed=11, script=script, settings=LIVELY) as server:
        made = fast(feed_of(server), first_s=0.3)
        quiet = asyncio.Event()
        with CaptureWriter(path, made.name, made.dialect) as writer:
            session = Session(made, writer, seed=5)

            async def calm() -> None:
                await server.script_over.wait()
                await asyncio.sleep(0.5)
                await server.settle()
                connects = session.counts.connects
                if sent_away:
                    for client in list(server.clients):
                        await server.do("drop", client=client)
                    while session.counts.connects == connects:
                        await asyncio.sleep(0.01)
                await whole(session)
                quiet.set()

            calming = asyncio.create_task(calm())
            await session.run(lambda: quiet.is_set() or calming.done(), 60)
            assert quiet.is_set(), (calming, len(server.did), session.judge.waiting, session.counts)
        return Fed(session, Counter(deed.kind for deed in server.did), true_books(server), path)


@pytest.mark.parametrize(
    ("venue", "sent_away"), [("kalshi", False), ("binance", False), ("polymarket", True), ("bitget", True)]
)
def test_a_thousand_misbehaviours(venue: str, sent_away: bool, tmp_path: Path) -> None:
    """Dropped, closed, frozen, reordered, resent, cut, garbled, slow, refused: no fault, and every book is true."""
    script = Script(total=DEEDS, seed=3, patience_s=0.5)
    done = asyncio.run(fed(venue, tmp_path / "x.jsonl", script, sent_away=sent_away))
    assert DEEDS <= done.did.total()
    assert 0 == done.session.counts.faults
    assert 0 < done.session.judge.lost.total()
    assert done.books == read_books(done.path)


def holes(path: Path) -> int:
    """Count the numbers that are missing in a Kalshi capture, by the rule of its documents alone: one for each break.

    A number below the last one is late or a repeat unless it is a snapshot or the first of a new subscription.
    """
    found, last = 0, dict[tuple[str, int], int]()
    for line in path.read_bytes().splitlines()[1:]:
        said = json.loads(line)
        try:
            frame = json.loads(said.get("frame", ""))
        except ValueError:
            continue
        if frame.get("type") not in ("orderbook_delta", "orderbook_snapshot", "ok") or "seq" not in frame:
            continue
        key, seq = (said["conn"], frame["sid"]), frame["seq"]
        found += seq > last.get(key, 0) + 1
        last[key] = max(seq, last.get(key, 0))
    return found


def test_every_number_that_is_missing_is_seen(tmp_path: Path) -> None:
    """What a plain count over the capture finds is what the lane's operators and the feed have found."""
    script = Script(total=60, seed=5, kinds=("lose", "drop", "resend"), patience_s=0.5)
    done = asyncio.run(fed("kalshi", tmp_path / "x.jsonl", script, sent_away=False))
    assert done.did["lose"] > 10
    assert holes(done.path) == done.session.judge.gaps > 0
    assert done.books == read_books(done.path)


class Doubted(NamedTuple):
    """When a frozen feed was doubted, in seconds after its last market data."""

    by_feed: float
    by_lane: float
    event: str


async def freeze(venue: str, path: Path, *, pings: bool) -> Doubted:
    """Let one connection freeze under the venue's own limits; return when that was known."""
    async with serve(venue, seed=2, settings=LIVELY) as server:
        made = feed_of(server)
        made.about = ()
        with CaptureWriter(path, made.name, made.dialect) as writer:
            session = Session(made, writer, seed=5)
            loop, known = asyncio.get_running_loop(), list[int]()

            async def look() -> None:
                while session.judge.images < len(true_books(server)):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.3)
                client = next(client for client in server.clients if client.markets)
                server.pause()  # nobody else speaks
                deed = await server.do("freeze", client=client, seconds=6.0, pings=pings)
                while made.links[0].slot not in session.stale():
                    await asyncio.sleep(0.01)
                known.extend((deed.at_ns, time.time_ns()))
                begun = loop.time()
                while loop.time() - begun < 1.6:
                    await asyncio.sleep(0.01)

            looking = asyncio.create_task(look())
            await session.run(looking.done, 20)
            await looking
    return Doubted((known[1] - known[0]) / 1e9, *doubted(path, known[0]))


def doubted(path: Path, since_ns: int) -> tuple[float, str]:
    """Return when the lane first says of a book that it is not proven, counted from its last change, and how."""
    normalise, books, freshness = Normaliser(), OrderBooks(), Freshness(Budgets())
    newest = 0
    for block in merge([open_capture(path)]):
        for fact in freshness.step(books.step(normalise.step(block).facts)):
            if type(fact) is VenueBookDelta:
                newest = fact.at_ns
            elif type(fact) is BookEvent and fact.at_ns > since_ns and fact.event in DOUBTS:
                return (fact.at_ns - newest) / 1e9, fact.event
    return -1.0, ""


FREEZES = [(venue, False) for venue in ("kalshi", "polymarket", "binance", "bitget")]
FREEZES += [(venue, True) for venue in ("kalshi", "binance")]


def test_a_feed_that_froze_is_stale_within_two_seconds(tmp_path: Path) -> None:
    """Where nothing is answered the connection is given up before two seconds are over, and its books with it.

    A socket that answers pings and withholds data is stale for the feed as soon; the lane, which looks once a second,
    doubts its books before three are over. A vote refuses a book after half a second all the same.
    """

    async def main() -> list[Doubted]:
        freezes = [freeze(venue, tmp_path / f"{venue}{pings}", pings=pings) for venue, pings in FREEZES]
        return await asyncio.gather(*freezes)

    for (venue, pings), found in zip(FREEZES, asyncio.run(main()), strict=True):
        assert 1.6 <= found.by_feed <= 2.2, (venue, pings, found)  # with a little for a busy machine
        assert 1.0 <= found.by_lane <= (3.2 if pings else 2.2), (venue, pings, found)
        assert found.event in {"RECONNECTED", "SILENT", "QUIET"}, (venue, pings, found)
