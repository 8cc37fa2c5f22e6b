"""The page of a run holds what was recorded, shows text from outside as text, and asks the world for nothing."""

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from contracts.reasons import REGISTRY
from web.model import Mark, MarketView, Report, Spell
from web.report import from_envelopes, render

HOSTILE = "<img src=x onerror=alert(1)>"
QUOTED = "\"'><script>alert(2)</script>&amp;"
SECOND = 1_000_000_000
START = 1_795_194_000 * SECOND
SUMMARY = {
    "run_id": "r1",
    "fingerprint": "f1",
    "decision_digest": "d" * 64,
    "seconds": 1.5,
    "frames": 1_234,
    "facts": 2_345,
    "fills": 2,
    "intents": 3,
    "dead_letters": {"INTEL_FRAME_NOT_JSON": 7},
    "pnl": {
        "realised_micros": 1_500_000,
        "unrealised_micros": -250_000,
        "fees_micros": 50_000,
        "total_micros": 1_200_000,
    },
}


def envelope(kind: str, second: int, payload: dict, market: str = "M1", reasons: tuple[str, ...] = ()) -> dict:
    """Return an envelope with the keys of `pt envelopes` that the report reads."""
    return {
        "envelope_id": f"lab/{second}",
        "kind": kind,
        "desk_id": "lab",
        "bot_id": "x",
        "market_id": market,
        "at_ns": START + second * SECOND,
        "reasons": list(reasons),
        "severity": "INFO",
        "payload": payload,
    }


def definition(title: str = HOSTILE) -> dict:
    """Return a definition: ticks of a cent, lots of a hundredth."""
    return {"kind": "MarketDefinition", "tick_micros": 10_000, "lot_micros": 10_000, "title": title, "outcome": "YES",
            "venue_id": "kalshi", "instrument_kind": 0}  # fmt: skip


def update(order: str, side: int, price: int, state: str) -> dict:
    """Return the state of one of our orders."""
    return {"client_order_id": order, "side": side, "price_ticks": price, "state": state, "size_lots": 1_000}


def position(lots: int, cost: int, realised: int = 0) -> dict:
    """Return what is held, after 0.10 of fees."""
    return {"size_lots": lots, "cost_micros": cost, "realised_micros": realised, "fees_micros": 100_000}


def votes(verdict: str, reason: str) -> dict:
    """Return a decision: the kill switch's approval and the stale book's vote."""
    return {"votes": [{"gate": "risk.kill_switch", "verdict": "APPROVE", "reason": "RISK_KILL_SWITCH_CLEAR"},
                      {"gate": "risk.stale_book", "verdict": verdict, "reason": reason}]}  # fmt: skip


FILL = {"side": 1, "price_ticks": 44, "tick_micros": 10_000, "size_lots": 1_000, "lot_micros": 10_000,
        "fee_micros": 100_000, "liquidity": "maker"}  # fmt: skip


def story() -> list[dict]:
    """A short run: a quote rests, is filled, the price moves, the book is lost and heals, the market is paid."""
    return [
        envelope("DeskConfigured", 0, {}, market=""),
        envelope("MarketDefinition", 0, definition()),
        envelope("MarketSnapshot", 1, {"bid_ticks": 44, "ask_ticks": 46}),
        envelope("OrderIntent", 1, {}, reasons=("STRAT_MT_QUOTE",)),
        envelope("RiskDecision", 1, votes("APPROVE", "RISK_BOOK_FRESH"), reasons=("RISK_BOOK_FRESH",)),
        envelope("OrderUpdate", 1, update("o1", 1, 44, "LIVE")),
        envelope("OrderUpdate", 1, update("o2", 1, 43, "LIVE")),
        envelope("Fill", 5, FILL, reasons=("EXEC_VENUE_MATCH",)),
        envelope("OrderUpdate", 5, update("o1", 1, 44, "FILLED")),
        envelope("PositionState", 5, position(1_000, 4_400_000)),
        envelope("MarketSnapshot", 9, {"bid_ticks": 49, "ask_ticks": 51}),
        envelope("BookQuality", 12, {"state": "RESYNC", "cause": "GAP"}),
        envelope("BookQuality", 14, {"state": "OK", "cause": "IMAGE"}),
        envelope("RiskDecision", 15, votes("REJECT", "RISK_STALE_BOOK"), reasons=("RISK_STALE_BOOK",)),
        envelope("Settlement", 60, FILL | {"price_ticks": 100, "fee_micros": 0, "liquidity": "settlement"}),
        envelope("PositionState", 60, position(0, 0, 5_600_000)),
    ]


@pytest.fixture(scope="module")
def report() -> Report:
    """The story, read."""
    return from_envelopes(story(), SUMMARY)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    """The story, as a page."""
    return render(report)


# ---- from envelopes ------------------------------------------------------------------------------------------------


def test_our_best_quote_is_followed(report: Report) -> None:
    """The best resting bid is 0.44 until it is filled, then the next one; nothing is asked on the other side."""
    market = report.markets[0]
    assert market.bid == ((START + SECOND, 440_000), (START + 5 * SECOND, 430_000))
    assert market.ask == ()


def test_money_is_marked_at_the_middle_and_at_the_settlement(report: Report) -> None:
    """Ten contracts bought at 0.44: worth 0.45 at once, 0.50 after the move, 1.00 at resolution; less 0.10 of fees."""
    seconds = [((at_ns - START) // SECOND, micros) for at_ns, micros in report.equity]
    assert seconds == [(5, 0), (9, 500_000), (60, 5_500_000)]
    assert report.markets[0].result_micros == 5_500_000


def test_fills_settlements_and_inventory_are_kept(report: Report) -> None:
    """Sizes are millionths of a contract, whatever the lot."""
    market = report.markets[0]
    assert market.fills == (Mark(START + 5 * SECOND, 440_000, 1, 10_000_000, 100_000, "maker"),)
    assert [(mark.price_micros, mark.kind) for mark in market.paid] == [(1_000_000, "settlement")]
    assert market.inventory == ((START + 5 * SECOND, 10_000_000), (START + 60 * SECOND, 0))


def test_lost_books_are_spells(report: Report) -> None:
    """RESYNC opens a spell with its cause, anything else closes it."""
    assert report.markets[0].spells == (Spell(START + 12 * SECOND, START + 14 * SECOND, "GAP"),)


def test_votes_are_counted_where_the_summary_has_none(report: Report) -> None:
    """Every vote of every decision counts, approvals too, with its reason."""
    assert report.votes == {"risk.kill_switch": {"APPROVE": 2}, "risk.stale_book": {"APPROVE": 1, "REJECT": 1}}
    assert report.vote_reasons["RISK_KILL_SWITCH_CLEAR"] == 2
    assert report.dead_letters == {"INTEL_FRAME_NOT_JSON": 7}


def test_a_summary_with_votes_is_believed() -> None:
    """What the run counted itself is shown, not what can be counted again."""
    counted = {"risk.stale_book": {"REJECT": 40}}
    assert from_envelopes([], {"votes": counted, "reasons": {"RISK_STALE_BOOK": 40}}).votes == counted


def test_payloads_may_be_json(report: Report) -> None:
    """A payload that is still JSON gives the same report."""
    written = [{**one, "payload": json.dumps(one["payload"])} for one in story()]
    assert from_envelopes(written, SUMMARY) == report


def test_a_one_sided_book_has_no_middle() -> None:
    """Without a bid or an ask there is no middle: the line breaks instead of inventing one."""
    snapshots = [(1, 44, 46), (2, 0, 46), (3, 44, 46), (4, 44, 101)]
    read = from_envelopes(
        [envelope("MarketDefinition", 0, definition())]
        + [envelope("MarketSnapshot", second, {"bid_ticks": bid, "ask_ticks": ask}) for second, bid, ask in snapshots],
        {},
    )
    assert [value for _, value in read.markets[0].mid] == [450_000, None, 450_000, None]


def test_a_market_whose_lane_is_behind_does_not_draw_money_back() -> None:
    """What a desk is worth is known at the journal's time, though a price in it is older. The oldest begins it."""
    shown = {"bid_ticks": 40, "ask_ticks": 42}
    late = [envelope("MarketSnapshot", second, shown | {"bid_ticks": 20 + second}, "M2") for second in (3, 9)]
    envelopes = [
        envelope("MarketDefinition", 100, definition(), "M1"), envelope("MarketDefinition", 3, definition(), "M2"),
        envelope("MarketSnapshot", 100, shown), envelope("PositionState", 101, position(1_000, 4_000_000), "M2"),
        *late, envelope("MarketSnapshot", 102, shown),
    ]  # fmt: skip
    found = from_envelopes(envelopes, SUMMARY)
    times = [at_ns for at_ns, _ in found.equity]
    assert times == sorted(times)
    assert (START + 3 * SECOND, START + 102 * SECOND) == (found.start_ns, found.end_ns)


def test_where_trading_is_over_no_book_is_missed() -> None:
    """A closed market's middle ends, its open spell ends, and an empty book afterwards is no loss."""
    said = [
        envelope("MarketDefinition", 0, definition()),
        envelope("MarketSnapshot", 1, {"bid_ticks": 44, "ask_ticks": 46}),
        envelope("BookQuality", 2, {"state": "RESYNC", "cause": "EMPTY"}),
        envelope("MarketDefinition", 3, definition() | {"status": 3}),
        envelope("BookQuality", 4, {"state": "OK", "cause": "IMAGE"}),
        envelope("MarketSnapshot", 4, {"bid_ticks": 44, "ask_ticks": 46}),
        envelope("BookQuality", 5, {"state": "RESYNC", "cause": "EMPTY"}),
    ]
    view = from_envelopes(said, {}).markets[0]
    assert view.spells == (Spell(START + 2 * SECOND, START + 3 * SECOND, "EMPTY"),)
    assert view.mid == ((START + SECOND, 450_000), (START + 3 * SECOND, None))


def test_the_most_traded_market_comes_first() -> None:
    """Markets are sorted by fills, then by intents."""
    said = [envelope("OrderIntent", 1, {}, market="A"), envelope("Fill", 2, FILL, market="B")]
    said += [envelope("MarketSnapshot", 1, {"bid_ticks": 1, "ask_ticks": 2}, market="C")]
    assert [view.market_id for view in from_envelopes(said, {}).markets] == ["B", "A", "C"]


# ---- the page ------------------------------------------------------------------------------------------------------


def pictures(page: str) -> Iterator[ElementTree.Element]:
    """Yield every picture of a page, parsed as XML."""
    for text in re.findall(r"<svg.*?</svg>", page, re.S):
        yield ElementTree.fromstring(text)


def test_text_from_outside_stays_text() -> None:
    """Hostile titles, ids, causes and codes appear escaped and make no element."""
    said = story()
    said[1] = envelope("MarketDefinition", 0, definition(HOSTILE + QUOTED))
    said[11] = envelope("BookQuality", 12, {"state": "RESYNC", "cause": HOSTILE})
    said = [one | {"market_id": QUOTED if one["market_id"] else ""} for one in said]
    summary = SUMMARY | {"run_id": HOSTILE, "truncated": HOSTILE, "dead_letters": {HOSTILE: 1}}
    page = render(from_envelopes(said, summary))
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "<script" not in page
    assert {"html", "head", "body", "main", "svg"} <= set(re.findall(r"<([a-z0-9]+)", page))
    assert not re.search(r"<[^>]*\son[a-z]+=", page)


def test_the_page_is_well_formed(page: str) -> None:
    """The whole page is closed as strictly as XML asks, so that no browser has to guess."""
    tree = ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))
    assert tree.tag == "html"


def test_every_picture_is_xml_with_a_title_and_a_description(page: str) -> None:
    """Profit and loss, the market, votes, reasons: four pictures, each with words for those who cannot see it."""
    found = list(pictures(page))
    assert len(found) == 4
    for picture in found:
        assert picture.get("role") == "img"
        assert picture.find("title").text
        assert picture.find("desc").text
        assert picture.get("aria-labelledby") == f"{picture.find('title').get('id')} {picture.find('desc').get('id')}"


def test_every_picture_has_its_numbers_beside_it(page: str) -> None:
    """For each picture there is a table with a caption."""
    assert page.count("<table>") >= page.count("<svg")
    assert page.count("<caption>") == page.count("<table>")


def test_nothing_is_asked_of_the_world(page: str) -> None:
    """No address, no script, no picture file, no import: the only link is an empty data address for the icon."""
    assert "http://" not in page
    assert "https://" not in page
    assert re.findall(r"(?:src|href|action|poster)=\"([^\"]*)\"", page) == ["data:,"]
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")


def test_the_numbers_are_on_the_page(page: str) -> None:
    """Result, counts, meaning of the reasons, dead letters."""
    meaning = REGISTRY["RISK_STALE_BOOK"].meaning
    for text in ("$1.20", "1,234", "\u2212$0.25", "INTEL_FRAME_NOT_JSON", meaning, "gap"):
        assert text in page


def test_a_market_s_fills_are_marked(page: str) -> None:
    """One triangle for one fill, one ring for one settlement, one shade for one lost book."""
    assert page.count("<polygon") == 1
    assert page.count("<circle") == 1
    assert page.count('class="spell"') == 1


def test_votes_are_told_in_full_beside_their_bars() -> None:
    """Approvals first, then what was refused, then what never ran; the smallest share is still two pixels wide."""
    said = {"risk.stale_book": {"NOT_RUN": 8, "REJECT": 1, "APPROVE": 60_630}}
    page = render(Report(votes=said))
    assert "60,630 approve, 1 reject, 8 not run" in page
    widths = re.findall(r'<rect [^>]*width="([0-9.]+)"[^>]*class="bar ([a-z_]+)"', page)
    assert [(kind, width) for width, kind in widths] == [("approve", "339.9"), ("reject", "2"), ("not_run", "2")]


def test_an_empty_run_renders() -> None:
    """A run without anything says so, section by section, and is well formed."""
    page = render(Report())
    ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))
    sentences = ("Nothing was said.", "No position was held.", "No market was seen.", "No guard was asked.")
    sentences += ("No reason was given.", "Every frame could be read.", "Every book could be believed.")
    assert [sentence for sentence in sentences if sentence not in page] == []
    assert "<svg" not in page


def test_the_same_report_gives_the_same_page(report: Report, page: str) -> None:
    """Rendering reads no clock and draws nothing by chance."""
    assert render(report) == page


def test_more_than_eight_markets_are_named_in_a_table() -> None:
    """Pictures are for the eight most traded; the others stand in a table, by name."""
    views = tuple(MarketView(f"M{n}", title=f"market {n}", mid=((START, 500_000),)) for n in range(11))
    page = render(Report(markets=views, start_ns=START, end_ns=START + 60 * SECOND))
    assert len(list(pictures(page))) == 8
    assert "3 more markets" in page
    assert all(f"market {n}<" in page for n in range(11))


def test_a_long_line_stays_within_its_points() -> None:
    """A market that moved 50,000 times is drawn with at most 2,000 points and keeps its peak."""
    said = [envelope("MarketDefinition", 0, definition())]
    for n in range(50_000):
        bid = 99 if n == 31_234 else 40 + n % 2
        said.append(envelope("MarketSnapshot", n, {"bid_ticks": bid - 2, "ask_ticks": bid}))
    line = from_envelopes(said, {}).markets[0].mid
    assert len(line) <= 2_000
    assert max(line, key=lambda point: point[1]) == (START + 31_234 * SECOND, 980_000)
