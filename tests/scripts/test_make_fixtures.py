"""The demonstration pack is what its generator makes, and every oddity stands where the table of contents says."""

import gzip
import json
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from bots.maths.rules_text import is_contradicted, read_claim
from connectors.capture import open_capture
from operators.normalise import Normaliser, read_instruments
from scripts.fixtures_pack.cast import HOSTILE_TITLE, KALSHI, POLYMARKET
from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.pack import STAGES, Pack, make
from scripts.make_fixtures import SEED, differing
from tests.scripts.perp_oddities import PERP_CHECKS, books_of, checksum, said

FOLDER = Path(__file__).parents[2] / "fixtures"
CONTENTS = tomllib.loads((FOLDER / "demo.toml").read_text())
MS = 1_000_000


class Line(NamedTuple):
    """One line of a capture: its arrival, its connection, its frame as text and as JSON (None where it is none)."""

    at_ns: int
    conn: str
    n: int
    text: str
    frame: object

    @property
    def fields(self) -> dict:
        """The frame, where it is an object."""
        return self.frame if isinstance(self.frame, dict) else {}

    @property
    def msg(self) -> dict:
        """Kalshi's message."""
        return self.fields.get("msg", {})


def parsed(text: str) -> object:
    """Return the JSON value of a text, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.fixture(scope="module")
def captures() -> dict[str, list[Line]]:
    """Both captures; element 0 is the header, element n stands on line n + 1."""
    found = {}
    for capture in CONTENTS["captures"].values():
        rows = gzip.decompress((FOLDER / capture["file"]).read_bytes()).decode().splitlines()
        lines = [Line(0, "", 0, rows[0], json.loads(rows[0]))]
        for row in rows[1:]:
            value = json.loads(row)
            assert list(value) in (["at_ns", "conn", "n", "frame"], ["at_ns", "conn", "n", "event"])
            frame = value.get("frame")
            known = parsed(frame) if frame is not None else {"event": value["event"]}
            lines.append(Line(value["at_ns"], value["conn"], value["n"], frame or "", known))
        found[capture["file"]] = lines
    return found


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The pack as the generator makes it now."""
    return make()


def test_the_generator_makes_the_committed_pack(pack: Pack) -> None:
    """Same seed, same bytes: every stored file, uncompressed, is what the generator makes on this Python."""
    assert differing(pack, FOLDER) == []


def test_the_digests_are_those_of_the_uncompressed_bytes(pack: Pack) -> None:
    """demo.sha256 names each file and the SHA-256 of its uncompressed bytes."""
    named = dict(reversed(line.split("  ")) for line in (FOLDER / "demo.sha256").read_text().splitlines())
    assert named == {name: sha256(pack.files[name]).hexdigest() for name in named}
    assert set(named) == {*STAGES, "demo_instruments.jsonl"}


def test_another_seed_makes_another_pack() -> None:
    """The seed decides the frames, from the first second."""
    assert make(8, 20).files["demo_kalshi.jsonl"] != make(7, 20).files["demo_kalshi.jsonl"]


def test_compressed_files_carry_no_time_of_making(pack: Pack) -> None:
    """Packing twice gives the same bytes: the modification time inside gzip is 0."""
    stored = pack.stored()
    assert stored == pack.stored()
    assert stored["demo_kalshi.jsonl.gz"][4:8] == b"\0\0\0\0"


def test_draws_follow_the_published_recurrence() -> None:
    """xorshift64* from a fixed state gives the values that its definition gives; nothing depends on the platform."""
    draw = Chance(7, "test")
    expected, state = [], int.from_bytes(sha256(b"7|test").digest()[:8], "big")
    for _ in range(5):
        state ^= state >> 12
        state = (state ^ (state << 25)) % 2**64
        state ^= state >> 27
        expected.append((state * 0x2545F4914F6CDD1D % 2**64 >> 32) * 1_000 >> 32)
    assert [draw.below(1_000) for _ in range(5)] == expected


def test_the_pack_is_large_enough_and_small_enough(captures: dict[str, list[Line]]) -> None:
    """At least 60,000 frames over 25 minutes, at most 2.2 MB on disk; the counts are those of the contents."""
    frames = {name: sum(line.text != "" for line in lines) - 1 for name, lines in captures.items()}
    assert frames == {capture["file"]: capture["frames"] for capture in CONTENTS["captures"].values()}
    assert sum(frames.values()) == CONTENTS["pack"]["frames"] >= 60_000
    assert [len(lines) for lines in captures.values()] == [row["lines"] for row in CONTENTS["captures"].values()]
    assert sum((FOLDER / name).stat().st_size for name in frames) <= 2_200_000
    for lines in captures.values():
        assert 1_490 <= (lines[-1].at_ns - lines[1].at_ns) // 10**9 <= 1_500


def test_every_capture_says_that_it_is_synthetic(captures: dict[str, list[Line]]) -> None:
    """The first line is the header of the capture format with the label, venue and dialect."""
    for venue, capture in CONTENTS["captures"].items():
        header = captures[capture["file"]][0].fields
        assert list(header) == ["polytraders_capture", "venue", "dialect", "synthetic", "labels"]
        assert (header["polytraders_capture"], header["venue"], header["dialect"]) == (1, venue, capture["dialect"])
        assert header["synthetic"] is True
        assert header["labels"]["origin"].startswith("synthetic")


def test_kinds_are_counted(captures: dict[str, list[Line]]) -> None:
    """The table of contents counts the frames of each kind; together they are all frames."""
    for capture in CONTENTS["captures"].values():
        assert sum(capture["kinds"].values()) == capture["frames"] + capture["kinds"]["event"]
    lines = captures["demo_kalshi.jsonl.gz"]
    trades = sum(line.fields.get("type") == "trade" and "NaN" not in line.text for line in lines)
    assert trades == CONTENTS["captures"]["kalshi"]["kinds"]["trade"]


def test_rules_are_clear() -> None:
    """Every market's rules name all six parts of a claim, use no vague word and do not contradict the title."""
    for part in (*KALSHI, *POLYMARKET):
        claim = read_claim(part.rules)
        assert (part.name, claim.missing, claim.vague) == (part.name, 0, 0)
        assert not is_contradicted(part.title, part.rules, claim)


def test_instruments_are_read() -> None:
    """The instruments file holds one record for each Kalshi market, on a grid that holds every price of it."""
    records = read_instruments((FOLDER / "demo_instruments.jsonl").read_bytes())
    assert [record.market_id for record in records] == [part.name for part in KALSHI]
    for record in records:
        assert (record.tick_micros, record.lot_micros, record.venue_id) == (1_000, 10_000, "kalshi")
        assert record.expiry_ns > 0


def test_the_pack_is_read_as_it_was_meant() -> None:
    """The project's own reader opens all captures; 20 frames become dead letters, the ones that the contents name."""
    unreadable = ("torn", "unknown_type", "not_json", "nan", "off_grid", "negative", "above_one", "not_an_object")
    reader = Normaliser()
    reader.declare(read_instruments((FOLDER / "demo_instruments.jsonl").read_bytes()))
    found = []
    for source, capture in enumerate(CONTENTS["captures"].values()):
        frames = list(open_capture(FOLDER / capture["file"], source))
        assert len(frames) == capture["lines"]
        done = reader.step(frames)
        found += [(capture["file"], letter.position) for letter in done.dead]
        assert done.counts.frames == capture["lines"]
    named = [row for row in CONTENTS["oddity"] if row["name"].partition(".")[2] in unreadable]
    assert found == [(row["file"], row["line"]) for row in named]
    assert len(found) == 20


def kalshi_books(lines: list[Line], skipped: set[int]) -> Iterator[tuple[int, str, dict, dict]]:
    """Rebuild every book by the venue's rules; yields line, ticker, bids and asks in mills after each frame."""
    books: dict[str, tuple[dict, dict]] = {}
    for number, line in enumerate(lines, 1):
        kind, ticker = line.fields.get("type"), line.msg.get("market_ticker")
        if kind == "orderbook_snapshot":
            yes = {mills(p): Decimal(s) for p, s in line.msg.get("yes_dollars_fp", [])}
            no = {1_000 - mills(p): Decimal(s) for p, s in line.msg.get("no_dollars_fp", [])}
            books[ticker] = (yes, no)
        elif kind == "orderbook_delta" and number not in skipped:
            own = line.msg["side"] == "yes"
            price = mills(line.msg["price_dollars"])
            side, price = books[ticker][0 if own else 1], price if own else 1_000 - price
            total = side.get(price, Decimal(0)) + Decimal(line.msg["delta_fp"])
            assert total >= 0, f"line {number}"
            if total:
                side[price] = total
            else:
                side.pop(price, None)
        else:
            continue
        yield number, ticker, *books[ticker]


def mills(text: str) -> int:
    """Return a price in thousandths."""
    return int(Decimal(text) * 1_000)


def test_kalshi_levels_never_go_below_zero_and_books_stay_liquid(captures: dict[str, list[Line]]) -> None:
    """Signed changes add up; the leading market is 1 to 3 cents wide nine times of ten, with hundreds of contracts."""
    skipped = ("off_grid", "negative", "above_one", "off_band", "duplicate")
    bad = {row["line"] for row in CONTENTS["oddity"] if row["name"].removeprefix("kalshi.") in skipped}
    narrow = seen = deep = 0
    for _, ticker, bids, asks in kalshi_books(captures["demo_kalshi.jsonl.gz"], bad):
        if ticker == KALSHI[0].name and bids and asks:
            width = min(asks) - max(bids)
            seen, narrow = seen + 1, narrow + (10 <= width <= 30)
            near = sum(sorted_near(bids, True)) + sum(sorted_near(asks, False))
            deep += near >= 1_000
    assert narrow * 10 >= seen * 9
    assert deep * 10 >= seen * 9


def test_binance_changes_follow_each_other(captures: dict[str, list[Line]]) -> None:
    """Each change names the one before it, but for the lost frame and the one that came twice."""
    depths = [said(line) for line in captures["demo_binance.jsonl.gz"] if said(line).get("e") == "depthUpdate"]
    steps = [late["pu"] - early["u"] for early, late in pairwise(depths)]
    assert (1, 1) == (sum(step > 0 for step in steps), sum(step < 0 for step in steps))
    assert all(depth["U"] <= depth["u"] for depth in depths)


def test_bitget_checksums_hold(captures: dict[str, list[Line]]) -> None:
    """Every checksum is that of the book, but between the lost change and the image after it."""
    lines = captures["demo_bitget.jsonl.gz"]
    wrong = [place + 1 for place, row, sides in books_of(lines) if row["checksum"] != checksum(sides)]
    first = next(row["line"] for row in CONTENTS["oddity"] if row["name"] == "bitget.checksum_mismatch")
    healed = min(row["line"] for row in CONTENTS["oddity"] if row["name"] == "bitget.snapshot" and row["line"] > first)
    assert first == wrong[0] <= wrong[-1] < healed



def sorted_near(levels: dict, highest: bool) -> list[Decimal]:
    """Return the sizes of the three best levels."""
    return [levels[price] for price in sorted(levels, reverse=highest)[:3]]


# ---- where the oddities stand --------------------------------------------------------------------------------------

Check = Callable[[list[Line], int], bool]


def before(lines: list[Line], at: int, key: str) -> Line:
    """Return the last line before `at` whose frame has the same `key` of its envelope or message."""
    return next(line for line in reversed(lines[:at]) if line.fields.get(key) == lines[at].fields.get(key))


def seq_step(lines: list[Line], at: int) -> int:
    """Return how far the sequence of the subscription moved."""
    return lines[at].fields["seq"] - before(lines, at, "sid").fields["seq"]


def book_at(lines: list[Line], at: int) -> tuple[dict, dict]:
    """Rebuild the Kalshi book of the marked line's market after it."""
    ticker = lines[at].msg["market_ticker"]
    start = max(i for i in range(at + 1) if lines[i].fields.get("type") == "orderbook_snapshot"
                and lines[i].msg["market_ticker"] == ticker)  # fmt: skip
    own = [line for line in lines[start : at + 1] if line.msg.get("market_ticker") == ticker]
    return list(kalshi_books(own, set()))[-1][2:]


def silent_ms(lines: list[Line], at: int, ticker: str) -> int:
    """Return how long nothing was said of a market around a line."""
    times = [line.at_ns for line in lines if line.msg.get("market_ticker") == ticker]
    here = lines[at].at_ns
    return (min(t for t in times if t > here) - max(t for t in times if t <= here)) // MS


def changes(line: Line) -> list[dict]:
    """Return a price_change's entries."""
    return line.fields.get("price_changes", [])


def claims(line: Line) -> tuple[int, int]:
    """Return the best quotes that a change claims for the first token, in mills."""
    return mills(changes(line)[0]["best_bid"]), mills(changes(line)[0]["best_ask"])


def token_book(lines: list[Line], at: int) -> tuple[int, int]:
    """Rebuild the first token's book of the marked change up to the line before; returns best bid and ask in mills."""
    token = changes(lines[at])[0]["asset_id"]
    sides: dict[str, dict[int, Decimal]] = {"BUY": {}, "SELL": {}}
    for line in lines[1:at]:
        for event in line.frame if isinstance(line.frame, list) else [line.fields]:
            if event.get("event_type") == "book" and event["asset_id"] == token:
                sides = {"BUY": {mills(x["price"]): Decimal(x["size"]) for x in event["bids"]},
                         "SELL": {mills(x["price"]): Decimal(x["size"]) for x in event["asks"]}}  # fmt: skip
            for change in event.get("price_changes", []):
                if change["asset_id"] == token:
                    sides[change["side"]][mills(change["price"])] = Decimal(change["size"])
    alive = {side: [price for price, size in levels.items() if size] for side, levels in sides.items()}
    return max(alive["BUY"]), min(alive["SELL"])


def clock_back(lines: list[Line], at: int) -> bool:
    """True when this line arrived before the line above it."""
    return lines[at].at_ns < lines[at - 1].at_ns


def one_sided(lines: list[Line], at: int) -> bool:
    """The marked market's frames end with no offers, while bids stand."""
    ticker = lines[at].msg["market_ticker"]
    last = max(i for i in range(at, at + 14) if lines[i].msg.get("market_ticker") == ticker)
    bids, asks = book_at(lines, last)
    return bool(bids) and not asks


CHECKS: dict[str, Check] = {
    "kalshi.subscribed": lambda rows, at: rows[at].fields["type"] == "subscribed",
    "kalshi.snapshot": lambda rows, at: rows[at].fields["type"] == "orderbook_snapshot" and rows[at].fields["seq"] == 1,
    "kalshi.sequence_gap": lambda rows, at: seq_step(rows, at) == 2,
    "kalshi.get_snapshot": lambda rows, at: rows[at].fields["type"] == "ok" and seq_step(rows, at) == 1
        and [row.fields["type"] for row in rows[at + 1 : at + 7]] == ["orderbook_snapshot"] * 6,
    "kalshi.duplicate": lambda rows, at: rows[at].text == rows[at - 1].text,
    "kalshi.time_backwards": lambda rows, at: seq_step(rows, at) == 1
        and rows[at].msg["ts_ms"] < before(rows, at, "sid").msg["ts_ms"] - 1_000,
    "kalshi.swapped": lambda rows, at: rows[at].fields["seq"] == rows[at + 1].fields["seq"] + 1,
    "kalshi.crossed": lambda rows, at: max(book_at(rows, at)[0]) > min(book_at(rows, at)[1]),
    "kalshi.locked": lambda rows, at: max(book_at(rows, at)[0]) == min(book_at(rows, at)[1]),
    "kalshi.one_sided": one_sided,
    "kalshi.torn": lambda rows, at: rows[at].frame is None and rows[at].text.startswith('{"type":"ticker"'),
    "kalshi.unknown_type": lambda rows, at: rows[at].fields["type"] == "orderbook_teapot",
    "kalshi.not_json": lambda rows, at: rows[at].frame is None and rows[at].text == "service restarting",
    "kalshi.nan": lambda rows, at: rows[at].msg["count_fp"] == "NaN",
    "kalshi.off_grid": lambda rows, at: rows[at].msg["price_dollars"] == "0.52503",
    "kalshi.off_band": lambda rows, at: mills(rows[at].msg["price_dollars"]) % 10 == 5,
    "kalshi.negative": lambda rows, at: rows[at].msg["price_dollars"].startswith("-"),
    "kalshi.above_one": lambda rows, at: mills(rows[at].msg["price_dollars"]) > 1_000,
    "kalshi.stale_spell": lambda rows, at: silent_ms(rows, at, KALSHI[1].name) >= 8_000,
    "kalshi.late_burst": lambda rows, at: len({row.at_ns for row in rows[at : at + 20]}) == 1
        and rows[at].at_ns // MS - rows[at].msg["ts_ms"] > 1_800,
    "kalshi.halt": lambda rows, at: rows[at].msg["event_type"] == "deactivated",
    "kalshi.reactivated": lambda rows, at: rows[at].msg["event_type"] == "activated",
    "kalshi.jump": lambda rows, at: "type" in rows[at].fields,
    "kalshi.reconnect": lambda rows, at: rows[at].n == 1 and rows[at - 1].fields == {"event": "disconnected"}
        and rows[at + 1].msg["sid"] == 11 and rows[at + 5].fields["seq"] == 1,
    "kalshi.price_steps": lambda rows, at: rows[at].msg["price_ranges"][0]["step"] == "0.0010",
    "kalshi.close_date": lambda rows, at: rows[at].msg["event_type"] == "close_date_updated",
    "kalshi.empty_book": lambda rows, at: rows[at].fields["type"] == "orderbook_snapshot"
        and not {"yes_dollars_fp", "no_dollars_fp"} & set(rows[at].msg),
    "kalshi.determined": lambda rows, at: (rows[at].msg["event_type"], rows[at].msg["result"]) == ("determined", "yes"),
    "kalshi.settled": lambda rows, at: rows[at].msg["event_type"] == "settled",
    "polymarket.new_market": lambda rows, at: rows[at].fields["description"] == POLYMARKET[0].rules,
    "polymarket.hostile_title": lambda rows, at: rows[at].fields["question"] == HOSTILE_TITLE
        and rows[at].fields["event_message"]["title"] == HOSTILE_TITLE,
    "polymarket.rest_answer": lambda rows, at: all("endDate" in market for market in rows[at].frame),
    "polymarket.initial_dump": lambda rows, at: [event["event_type"] for event in rows[at].frame] == ["book"] * 8,
    "polymarket.mismatch": lambda rows, at: claims(rows[at]) != token_book(rows, at),
    "polymarket.new_book": lambda rows, at: [row.fields["event_type"] for row in rows[at : at + 2]] == ["book"] * 2,
    "polymarket.duplicate": lambda rows, at: rows[at].text == rows[at - 1].text,
    "polymarket.time_backwards": lambda rows, at: int(rows[at].fields["timestamp"]) + 2_000
        < int(rows[at - 1].fields["timestamp"]),
    "polymarket.crossed": lambda rows, at: claims(rows[at])[0] > claims(rows[at])[1],
    "polymarket.locked": lambda rows, at: claims(rows[at])[0] == claims(rows[at])[1],
    "polymarket.one_sided": lambda rows, at: any(change["best_ask"] == "1" for row in rows[at : at + 12]
                                                 for change in changes(row)),
    "polymarket.old_flat": lambda rows, at: {"price", "side", "size", "asset_id"} <= set(rows[at].fields),
    "polymarket.old_changes": lambda rows, at: len(rows[at].fields["changes"]) == 1,
    "polymarket.torn": lambda rows, at: rows[at].frame is None and "price_changes" in rows[at].text,
    "polymarket.unknown_type": lambda rows, at: rows[at].fields["event_type"] == "price_teapot",
    "polymarket.off_grid": lambda rows, at: changes(rows[at])[0]["price"] == "0.42503",
    "polymarket.negative": lambda rows, at: changes(rows[at])[0]["size"] == "-5",
    "polymarket.nan": lambda rows, at: changes(rows[at])[0]["size"] == "NaN",
    "polymarket.not_an_object": lambda rows, at: rows[at].frame == "hello",
    "polymarket.no_leading_zero": lambda rows, at: all(change["price"].startswith(".") for change in changes(rows[at])),
    "polymarket.array": lambda rows, at: [event["event_type"] for event in rows[at].frame] == ["price_change"] * 2,
    "polymarket.tick_size": lambda rows, at: [row.fields["new_tick_size"]
                                                  for row in rows[at : at + 2]] == ["0.001"] * 2,
    "polymarket.reconnect": lambda rows, at: rows[at].fields == {"event": "connected"}
        and len(rows[at + 1].frame) == 8,
    "polymarket.clock_back": clock_back,
    "polymarket.resolved": lambda rows, at: rows[at].fields["winning_outcome"] == "No",
    **PERP_CHECKS,
}  # fmt: skip


@pytest.mark.parametrize("row", CONTENTS["oddity"], ids=lambda row: f"{row['name']}-{row['line']}")
def test_each_oddity_stands_where_the_contents_say(row: dict, captures: dict[str, list[Line]]) -> None:
    """The line that demo.toml names shows the oddity that it names."""
    assert CHECKS[row["name"]](captures[row["file"]], row["line"] - 1)


def test_no_oddity_is_missing() -> None:
    """The contents name every kind of oddity that is checked, and nothing else."""
    assert {row["name"] for row in CONTENTS["oddity"]} == set(CHECKS)


def test_arrival_runs_backwards_once_and_only_there(captures: dict[str, list[Line]]) -> None:
    """Arrival never decreases inside a capture, but for the one place where the recorder's clock was set back."""
    marked = [(row["file"], row["line"] - 1) for row in CONTENTS["oddity"] if row["name"].endswith("clock_back")]
    found = [(name, at) for name, lines in captures.items() for at in range(2, len(lines)) if clock_back(lines, at)]
    assert found == marked


def test_making_the_pack_twice_gives_the_same(pack: Pack) -> None:
    """Nothing of the first play is left behind for the second."""
    assert pack.files == make(SEED).files
