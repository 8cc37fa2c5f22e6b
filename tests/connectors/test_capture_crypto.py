"""Recordings of crypto venues are known by their lines; answers find their market; what is torn is said."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capture import open_capture
from connectors.capture_crypto import CRYPTOFEED, RAW_LINES, recognise_crypto
from connectors.capture_formats import recognise
from connectors.errors import CaptureError
from contracts.market import VenueBookImage, VenueConnection
from operators.normalise import Frame, Normaliser
from operators.order_book import OrderBooks
from operators.sequencer import merge

NS, AT = 10**9, 1_723_161_255
WS = "wss://fstream.binance.com/stream?streams=btcusdt@depth"


def depth(first: int, last: int, prev: int, symbol: str = "BTCUSDT") -> str:
    """A change of one bid, as a combined stream sends it."""
    data = {"e": "depthUpdate", "s": symbol, "U": first, "u": last, "pu": prev, "b": [["100.0", f"{last}"]], "a": []}
    return json.dumps({"stream": f"{symbol.lower()}@depth@0ms", "data": data}, separators=(",", ":"))


def image(number: int) -> str:
    """The answer to a request for a perpetual's book, which does not say whose."""
    made = {"lastUpdateId": number, "E": AT * 1_000, "bids": [["99.0", "5"]], "asks": [["101.0", "2"]]}
    return json.dumps(made, separators=(",", ":"))


def raw(*frames: str) -> list[str]:
    """Raw lines, a hundredth of a second apart."""
    return [f"{AT * NS + place * 10_000_000} {frame}" for place, frame in enumerate(frames, 1)]


def stored(path: Path, lines: Iterable[str]) -> Path:
    """Write lines, compressed when the name says so."""
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def played(*paths: Path) -> tuple[Normaliser, OrderBooks, int]:
    """Read captures together, as a run does; the dead letters are counted."""
    normaliser, books, dead = Normaliser(), OrderBooks(), 0
    for block in merge([open_capture(path, source) for source, path in enumerate(paths)]):
        read = normaliser.step(block)
        dead += len(read.dead)
        books.step(read.facts)
    return normaliser, books, dead


def bids(books: OrderBooks, market: int = 0) -> list[tuple[int, int]]:
    """The bids of a believed book."""
    book = books.book(market)
    return book.side(1) if book is not None and book.live else []


# ---- raw lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.jsonl"])
def test_raw_lines_are_known_by_their_first_lines(tmp_path: Path, name: str) -> None:
    """Arrival in nanoseconds, the frame untouched, positions by line; the name does not matter."""
    path = stored(tmp_path / name, raw(depth(1, 5, 0), image(5)))
    capture = open_capture(path)
    assert ("binance", "binance", AT * NS + 10_000_000) == (capture.venue, capture.dialect, capture.first_ns)
    assert [
        Frame(0, 1, AT * NS + 10_000_000, "binance", depth(1, 5, 0).encode(), ""),
        Frame(0, 2, AT * NS + 20_000_000, "binance", image(5).encode(), "depth:BTCUSDT"),
    ] == list(capture)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param((depth(1, 5, 0), image(4), depth(6, 9, 5)), id="after changes"),
        pytest.param((image(4), depth(1, 5, 0), depth(6, 9, 5)), id="before any change"),
        pytest.param((image(0), '{"result":null,"id":1}', image(4), depth(1, 5, 0), depth(6, 9, 5)), id="twice before"),
    ],
)
def test_a_snapshot_finds_the_market_of_its_file(tmp_path: Path, frames: tuple[str, ...]) -> None:
    """It is tied to the nearest frame with a symbol, before it or else after it."""
    path = stored(tmp_path / "a.txt", raw(*frames))
    normaliser, books, dead = played(path)
    assert (["BTCUSDT"], 0, [(1_000, 90), (990, 50)]) == (
        normaliser.markets.ids,
        dead,
        [(p, s * 10) for p, s in bids(books)],
    )
    assert list(range(1, len(frames) + 1)) == [frame.position for frame in open_capture(path)]


def test_a_snapshot_of_nothing_is_a_dead_letter(tmp_path: Path) -> None:
    """Where no line names a symbol, the answer cannot be tied to a market."""
    normaliser, _, dead = played(stored(tmp_path / "a.txt", raw(image(4), image(5))))
    assert ([], 2) == (normaliser.markets.ids, dead)


def test_waiting_for_a_symbol_is_bounded(tmp_path: Path) -> None:
    """A file without any is read all the same, line by line."""
    path = stored(tmp_path / "a.txt", raw(*[image(4)] * 2_500))
    assert list(range(1, 2_501)) == [frame.position for frame in open_capture(path)]


def test_a_damaged_line_is_a_frame_at_the_time_before_it(tmp_path: Path) -> None:
    """What has no arrival keeps its place and becomes a dead letter."""
    lines = raw(depth(1, 5, 0), image(5), depth(6, 9, 5))
    lines.insert(2, "garbage")
    path = stored(tmp_path / "a.txt", lines)
    assert (3, AT * NS + 20_000_000, b"garbage") == next(
        (frame.position, frame.at_ns, frame.data) for frame in open_capture(path) if frame.position == 3
    )
    _, books, dead = played(path)
    assert (1, [(1_000, 9), (990, 5)]) == (dead, bids(books))


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_a_torn_end_is_said(tmp_path: Path, cut: int) -> None:
    """Plain or gzip, the whole lines are read and the cut is named; a last line without its end still counts."""
    text = "\n".join(raw(*[depth(n, n, n - 1) for n in range(1, 301)])).encode()
    plain, packed, whole = tmp_path / "a.txt", tmp_path / "a.txt.gz", tmp_path / "b.txt"
    plain.write_bytes(text[:-cut])
    packed.write_bytes(gzip.compress(text + b"\n")[: -8 - cut])
    whole.write_bytes(text)
    for path, least, why in (
        (plain, 299, "line 300 is torn; read up to line 299"),
        (packed, 200, "gzip ends before its"),
    ):
        capture = open_capture(path)
        places = [frame.position for frame in capture]
        assert (True, True, list(range(1, len(places) + 1))) == (why in capture.truncated, least <= len(places), places)
    capture = open_capture(whole)
    assert (300, "") == (len(list(capture)), capture.truncated)


# ---- cryptofeed ---------------------------------------------------------------------------------------------------


def test_every_line_of_cryptofeed_has_its_meaning(tmp_path: Path) -> None:
    """A new connection, what was sent, what was said and when; times are exact whatever their digits."""
    lines = [
        f"{WS} <-> {AT}.179554",
        f'{WS} <- {AT}.2: {{"op":"subscribe"}}',
        f"{AT}.06217: {depth(1, 5, 0)}",
        "",
        f"{AT + 1}: {depth(6, 9, 5)}",
        'configuration: {"trades":["BTC"]}',
    ]
    frames = list(open_capture(stored(tmp_path / "a.txt", lines)))
    assert [
        (1, AT * NS + 179_554_000, "connection", ""),
        (2, AT * NS + 200_000_000, "connection", ""),
        (3, AT * NS + 62_170_000, "binance", "ws"),
        (5, (AT + 1) * NS, "binance", "ws"),
        (6, (AT + 1) * NS, "connection", ""),
    ] == [(frame.position, frame.at_ns, frame.dialect, frame.conn) for frame in frames]
    read = Normaliser().step(frames)
    assert ([], 3, ["connected", "beat", "attached", "beat"]) == (
        read.dead,
        read.counts.control,
        [fact.event for fact in read.facts if isinstance(fact, VenueConnection)],
    )


@pytest.mark.parametrize(
    ("url", "conn"),
    [
        ("https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000", "depth:BTCUSDT"),
        ("https://dapi.binance.com/dapi/v1/depth?limit=1000&symbol=BTCUSD_PERP", "depth:BTCUSD_PERP"),
        ("https://api.binance.us/api/v3/depth?symbol=BTCUSDT", "depth:BTCUSDT"),
        ("https://fapi.binance.com/fapi/v1/exchangeInfo", ""),
        ("https://fapi.binance.com/fapi/v1/depth?limit=5", ""),
    ],
)
@pytest.mark.parametrize("tail", ["", ' header: {"Date":"today"}'])
def test_an_answer_is_heard_on_the_connection_of_its_request(tmp_path: Path, url: str, conn: str, tail: str) -> None:
    """The URL names the market; headers that later versions repeat behind the answer are no part of it."""
    (frame,) = open_capture(stored(tmp_path / "a.txt", [f"{url} -> {AT}.5: {image(4)}{tail}"]))
    assert Frame(0, 1, AT * NS + NS // 2, "binance", image(4).encode(), conn) == frame


def test_a_snapshot_in_another_file_joins_by_arrival(tmp_path: Path) -> None:
    """Socket and answers are two files; together they make the books, in whichever order they are named."""
    url = "https://fapi.binance.com/fapi/v1/depth?symbol="
    socket = stored(
        tmp_path / "ws.txt",
        [
            f"{WS} <-> {AT}.1",
            f"{AT}.2: {depth(1, 5, 0)}",
            f"{AT}.3: {depth(6, 9, 5)}",
            f"{AT}.35: {depth(3, 4, 2, 'ETHUSDT')}",
            f"{AT}.5: {depth(10, 12, 9)}",
        ],
    )
    answers = stored(
        tmp_path / "http.txt", [f"{url}BTCUSDT -> {AT}.4: {image(6)}", f"{url}ETHUSDT -> {AT}.45: {image(3)}"]
    )
    for paths in ((socket, answers), (answers, socket)):
        normaliser, books, dead = played(*paths)
        assert (["BTCUSDT", "ETHUSDT"], 0, 0) == (normaliser.markets.ids, dead, books.gaps)
        assert ([(1_000, 12), (990, 5)], [(1_000, 4), (990, 5)]) == (bids(books), bids(books, 1))


@pytest.mark.parametrize(
    ("head", "dialect"),
    [
        ("wss://ws.bitget.com/mix/v1/stream <-> 1649290076.518649", "bitget"),
        ("https://api.bitget.com/api/spot/v1/public/products -> 1649290075.8: {}", "bitget"),
        ("wss://fstream.binance.com/ws <-> 1649290076", "binance"),
    ],
)
def test_the_venue_is_that_of_the_url(tmp_path: Path, head: str, dialect: str) -> None:
    """Its dialect has the venue's name."""
    capture = open_capture(stored(tmp_path / "a.txt", [head, '1649290077.5: {"event":"subscribe"}']))
    assert (dialect, dialect, dialect) == (capture.venue, capture.dialect, list(capture)[-1].dialect)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            [f"wss://stream.bybit.com/realtime_public <-> {AT}.4"],
            "cryptofeed lines of stream.bybit.com; allowed: binance",
        ),
        ([f"https://notbinance.com/x -> {AT}: {{}}"], "cryptofeed lines of notbinance.com"),
        ([f"{AT}.4: {{}}"], "cryptofeed lines without the line of their connection"),
        ([f'{AT * NS} {{"channel":"l2Book","data":{{}}}}'], "raw lines of an unknown venue; allowed: binance"),
        ([f"{AT * NS} text"], "unknown format; allowed: our captures"),
        (["configuration: {}", "text"], "unknown format"),
    ],
)
def test_another_venue_is_refused_by_name(tmp_path: Path, lines: list[str], words: str) -> None:
    """Before anything is read, with the venues that can be."""
    with pytest.raises(CaptureError, match="allowed") as caught:
        open_capture(stored(tmp_path / "a.txt", lines))
    assert words in str(caught.value)


def test_our_own_captures_use_the_same_rule(tmp_path: Path) -> None:
    """A connection called depth:SYMBOL carries the answers for that market."""
    lines = ['{"polytraders_capture":1,"venue":"binance","dialect":"binance","labels":{}}']
    for place, (conn, frame) in enumerate([("ws", depth(1, 5, 0)), ("depth:BTCUSDT", image(5))]):
        lines.append(json.dumps({"at_ns": AT * NS + place, "conn": conn, "n": place, "frame": frame}))
    path = stored(tmp_path / "a.jsonl", lines)
    read = Normaliser().step(list(open_capture(path)))
    assert ([], [5]) == (read.dead, [fact.venue_seq for fact in read.facts if isinstance(fact, VenueBookImage)])


@given(st.lists(st.binary(max_size=60) | st.sampled_from([line.encode() for line in raw(depth(1, 2, 0), image(1))])))
def test_no_first_lines_raise(first: list[bytes]) -> None:
    """Whatever a file begins with, it is a known format or none; and whatever follows, reading it does not raise."""
    head = [*first, b""][:16]
    form = recognise(head) or recognise_crypto(head)
    assert form is None or form.name
    for known in (RAW_LINES, CRYPTOFEED):
        frames = list(known.read(iter(first), 0))
        assert len(frames) <= len(first)
