"""Show what a reader gets out of a store: envelopes with their names, books, reasons and descent."""

from collections.abc import Iterator

import pytest

from bots.registry import library
from connectors.books import decimal
from connectors.clickhouse import EnvelopeTable
from connectors.envelopes import reasons_of, severity_of
from connectors.reader import StoreReader
from connectors.store import StoreError
from contracts import ids
from contracts.base import Refused
from contracts.envelope import PAYLOADS, DeadLetter
from contracts.reasons import REGISTRY
from tests import world
from tests.connectors.desk_stream import MAKER, decisions, journal

pytestmark = pytest.mark.chdb

EPISODES = 8
KEYS = [
    "envelope_id", "kind", "desk_id", "bot_id", "bot_version", "config_version", "market_id", "cause_id",
    "correlation_id", "at_ns", "offset", "rank", "index", "reasons", "severity", "block", "payload",
]  # fmt: skip
LETTER = DeadLetter("capture-1", 7, int(world.NOW), "INTEL_FRAME_NOT_JSON", "torn", "7b")
SOURCES = {"1": {"source_id": "abc", "name": "day.jsonl.gz"}}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreReader]:
    """Store a small run and open it for reading."""
    folder = tmp_path_factory.mktemp("reader") / "store"
    with EnvelopeTable.embedded(folder, "paper") as table:
        table.write_blocks([*journal(4, rows=128), *decisions(EPISODES)])
        table.write_dead_letters([LETTER])
        table.write_run("run-1", "lab", "x86", SOURCES, {"frames": 7})
    with StoreReader(folder) as opened:
        yield opened


def kinds(envelopes: object) -> list[str]:
    """Return the kinds of envelopes, in order."""
    assert isinstance(envelopes, list)
    return [said["kind"] for said in envelopes]


# ---- envelopes -----------------------------------------------------------------------------------------------------


def test_envelopes_have_the_documented_keys_and_come_in_journal_order(reader: StoreReader) -> None:
    """Every row of both chains is spelled out once, the entry before what was said because of it."""
    found = list(reader.envelopes())
    assert len(found) == 4 * 128 + EPISODES * 8
    assert all(list(said) == KEYS for said in found)
    assert [said["offset"] for said in found] == sorted(said["offset"] for said in found)
    assert len({said["envelope_id"] for said in found}) == len(found)
    assert kinds(found)[:2] == ["DeskConfigured", "ConfigApplied"]
    first = next(place for place, said in enumerate(found) if said["kind"] == "OrderIntent")
    assert (found[first - 1]["cause_id"], found[first - 1]["kind"]) == (found[first]["cause_id"], "VenueBookDelta")


def test_an_envelope_says_who_with_which_versions_about_which_market(reader: StoreReader) -> None:
    """Numbers become names: rank the bot, index the market, cause the text; a payload is an object."""
    intent = next(reader.envelopes(kind="OrderIntent"))
    cause = ids.fact_id(1, 10)
    assert intent["envelope_id"] == ids.envelope_id("lab", cause, MAKER, 0)
    assert (intent["desk_id"], intent["market_id"], intent["cause_id"]) == ("lab", "M1", "1:10.0+0")
    assert intent["bot_id"] == library().rows[MAKER].id
    assert intent["correlation_id"] == ids.intent_id("lab", cause, world.STRATEGY, "bid")
    assert (intent["reasons"], intent["severity"], intent["block"]) == (["STRAT_MT_QUOTE"], "INFO", 0)
    assert (intent["payload"]["market_id"], intent["payload"]["price_ticks"]) == ("M1", 44)
    decision = next(reader.envelopes(kind="RiskDecision"))
    assert decision["bot_id"] == "operators.gate"
    assert decision["reasons"] == ["RISK_GATE_APPROVED", "RISK_BOOK_FRESH"]
    votes = decision["payload"]["votes"]
    assert isinstance(votes, list)
    assert (votes[0]["gate"], votes[0]["verdict"]) == ("risk.stale_book", "APPROVE")


def test_versions_are_those_that_the_journal_applied(reader: StoreReader) -> None:
    """Code and configuration come from ConfigApplied; a mechanism's version is that of the plan."""
    names = reader._names["lab"]
    names.makers = {**names.makers, MAKER: world.STRATEGY}
    intent = next(reader.envelopes(kind="OrderIntent"))
    assert (intent["bot_id"], intent["bot_version"], intent["config_version"]) == (world.STRATEGY, "code-1", "config-1")
    fact = next(reader.envelopes(kind="VenueBookImage"))
    assert (fact["bot_id"], fact["bot_version"], fact["rank"]) == ("operators.normalise", "plan-1", -1)
    assert fact["reasons"] == ["GOV_FACT_RECEIVED"]


def test_everything_of_an_order_carries_its_intent(reader: StoreReader) -> None:
    """Intent, vote, decision, plan, order, venue's word, update and fill share one correlation id."""
    intents = [str(said["correlation_id"]) for said in reader.envelopes(kind="OrderIntent")]
    chain = [said for said in reader.envelopes() if said["correlation_id"] == intents[3]]
    assert kinds(chain) == [
        "OrderIntent", "RiskVote", "RiskDecision", "ExecutionPlan", "AuthorisedOrder",
        "VenueOrderEvent", "OrderUpdate", "Fill",
    ]  # fmt: skip
    fills = [said["correlation_id"] for said in reader.envelopes(kind="Fill")]
    assert fills == intents


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"kind": "Fill"}, EPISODES),
        ({"kind": "Fill", "market": "M1", "desk": "lab"}, EPISODES),
        ({"desk": "bot1"}, 0),
        ({"market": "M2"}, 0),
        ({"reason": "RISK_BOOK_FRESH"}, EPISODES),
        ({"reason": "GOV_DESK_CONFIGURED"}, 1),
        ({"reason": "EXEC_VENUE_MATCH"}, EPISODES),
        ({"bot": "operators.gate"}, EPISODES),
        ({"bot": "operators.desk"}, 2),
        ({"kind": "VenueBookDelta", "limit": 5}, 5),
        ({"limit": 0}, 0),
        ({"kind": "RiskVote", "bot": "operators.gate"}, 0),
    ],
)
def test_filters_narrow_together(reader: StoreReader, asked: dict[str, object], count: int) -> None:
    """Every filter given must hold; a filter never changes what is said."""
    found = list(reader.envelopes(**asked))  # type: ignore[arg-type]
    assert len(found) == count
    everything = {said["envelope_id"]: said for said in reader.envelopes()}
    assert all(everything[said["envelope_id"]] == said for said in found)


def test_times_are_inclusive_on_both_sides(reader: StoreReader) -> None:
    """`since` and `until` are journal time, and the moment itself belongs."""
    times = [said["at_ns"] for said in reader.envelopes(kind="Fill")]
    assert len(list(reader.envelopes(kind="Fill", since=times[2], until=times[4]))) == 3
    assert len(list(reader.envelopes(kind="Fill", since=times[2] + 1, until=times[4] - 1))) == 1


def test_dead_letters_are_asked_for_by_kind(reader: StoreReader) -> None:
    """A frame that could not be read is nobody's envelope, and still found."""
    found = list(reader.envelopes(kind="DeadLetter"))
    assert [list(said) for said in found] == [KEYS]
    assert (found[0]["cause_id"], found[0]["severity"], found[0]["payload"]["data"]) == ("capture-1:7", "HARD", "7b")
    assert list(reader.envelopes(kind="DeadLetter", reason="INTEL_FRAME_BAD_FIELD")) == []
    assert list(reader.envelopes(kind="DeadLetter", market="M1")) == []


def test_every_payload_type_has_its_reasons() -> None:
    """Whatever the type, reasons are registered codes, each once, and severity is the worst of them."""
    for kind in PAYLOADS:
        codes = reasons_of(world.plainest(kind))
        assert set(codes) <= REGISTRY.keys()
    assert severity_of([]) == "INFO"
    assert severity_of(["RISK_BOOK_FRESH", "RISK_BOOK_AGE_UNKNOWN", "RISK_STALE_BOOK"]) == "CRITICAL"
    assert reasons_of(world.approved()) == ["STRAT_MT_QUOTE"]
    assert reasons_of(world.order_event(event="CANCELLED")) == ["EXEC_VENUE_DONE"]


# ---- one market ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "size"), [(2, "1"), (3, "1.03"), (60, "1.6"), (100_000, f"{(100 + 4 * 128 - 4) / 100:g}")]
)
def test_the_book_is_that_after_the_line(reader: StoreReader, frame: int, size: str) -> None:
    """The image at line 2, then every change up to and with the line asked for; prices and sizes are decimal texts."""
    for source in (None, "abc", "day.jsonl.gz", "/elsewhere/day.jsonl.gz"):
        found = reader.book_at("M1", frame, source)
        assert found == {
            "market": "M1", "venue": "kalshi", "frame": frame, "bids": [["0.44", "50"], ["0.43", size]],
            "asks": [["0.46", "40"]], "quality": "OK", "reasons": ["INTEL_BOOK_OK"],
        }  # fmt: skip


def test_before_the_image_there_is_no_book(reader: StoreReader) -> None:
    """Line 1 named the instrument and nothing else."""
    found = reader.book_at("M1", 1)
    assert (found["bids"], found["asks"], found["quality"], found["venue"]) == ([], [], "UNKNOWN", "kalshi")


def test_an_unknown_market_or_capture_is_refused_with_what_is_there(reader: StoreReader) -> None:
    """The message names what may be asked for."""
    with pytest.raises(Refused, match=r"market 'M9' is not in this store; it has: M1$"):
        reader.book_at("M9", 1)
    with pytest.raises(Refused, match=r"capture 'night.jsonl' is not one of this run; allowed: day.jsonl.gz"):
        reader.book_at("M1", 1, "night.jsonl")
    with pytest.raises(Refused, match="market 'M9'"):
        reader.why("M9")


def test_why_tells_the_last_decisions_newest_first(reader: StoreReader) -> None:
    """Up to the moment asked for, with reasons and the votes behind them; without one, up to the end."""
    times = [said["at_ns"] for said in reader.envelopes(kind="RiskDecision")]
    found = reader.why("M1", times[5])
    decided = found["decisions"]
    assert isinstance(decided, list)
    assert [said["at_ns"] for said in decided if said["kind"] == "RiskDecision"] == times[5::-1]
    assert decided[0]["kind"] == "ExecutionPlan"
    assert decided[1]["reasons"] == ["RISK_GATE_APPROVED", "RISK_BOOK_FRESH"]
    assert decided[1]["votes"][0]["gate"] == "risk.stale_book"
    assert reader.why("M1")["at_ns"] == times[-1]
    assert reader.why("M1", times[0] - 1)["decisions"] == []
    assert len(reader.why("M1", limit=3)["decisions"]) == 3  # type: ignore[arg-type]


def test_why_tells_how_the_book_was(reader: StoreReader) -> None:
    """The newest word on the trust in the market's book, with its cause and code; none before the first."""
    said = reader.why("M1")["book"]
    assert isinstance(said, dict)
    assert ("OK", "IMAGE", ["INTEL_BOOK_OK"]) == (said["state"], said["cause"], said["reasons"])
    assert None is reader.why("M1", said["at_ns"] - 1)["book"]


# ---- descent -------------------------------------------------------------------------------------------------------


def test_explain_follows_an_order_both_ways(reader: StoreReader) -> None:
    """Named by envelope, fact, intent, plan, order or trade: the same chain, from the fact to the fill."""
    fill = list(reader.envelopes(kind="Fill"))[2]
    intent = str(fill["correlation_id"])
    fact = next(said for said in reader.envelopes(kind="OrderIntent") if said["correlation_id"] == intent)["cause_id"]
    order = str(fill["payload"]["client_order_id"])
    names = (fill["envelope_id"], fact, intent, f"plan-{intent[:8]}", order, str(fill["payload"]["trade_id"]))
    for what in names:
        found = reader.explain(what)
        assert found["id"] == what
        assert found["intent_ids"] == [intent]
        counted = {name: len(part) for name, part in found.items() if isinstance(part, list) and name != "subject"}
        assert counted == {
            "facts": 1, "signals": 0, "intents": 1, "votes": 1, "decisions": 1, "plans": 1, "orders": 1,
            "updates": 2, "fills": 1, "positions": 0, "intent_ids": 1,
        }, what  # fmt: skip
        assert found["fills"] == [fill]
        assert kinds(found["facts"]) == ["VenueBookDelta"]
    assert reader.explain(fill["envelope_id"])["subject"] == [fill]


def test_a_fact_that_led_to_nothing_explains_itself(reader: StoreReader) -> None:
    """A chain may be one link long; an image shows what was said of it."""
    found = reader.explain("1:2.0+0")
    assert (kinds(found["facts"]), kinds(found["signals"]), found["intent_ids"]) == (
        ["VenueBookImage"],
        ["BookQuality"],
        [],
    )


@pytest.mark.parametrize("what", ["lab/1:10.0+0/99.9", "other/1:10.0+0/7.0", "9:9.9+9", "no-such-id", "", "a/b/c"])
def test_an_unknown_id_is_refused(reader: StoreReader, what: str) -> None:
    """An id that is nowhere is said to be nowhere."""
    with pytest.raises(Refused, match="the store knows no envelope"):
        reader.explain(what)


# ---- runs ----------------------------------------------------------------------------------------------------------


def test_the_summary_is_that_of_the_newest_run(reader: StoreReader) -> None:
    """What `pt run` said is kept."""
    assert reader.summary() == {"frames": 7}


def test_a_store_without_a_finished_run_says_so(reader: StoreReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed left blocks and no summary."""
    monkeypatch.setattr(reader.table, "runs", list)
    with pytest.raises(StoreError, match="no finished run is recorded"):
        reader.summary()


@pytest.mark.parametrize(
    ("micros", "text"),
    [(440_000, "0.44"), (50_000_000, "50"), (0, "0"), (1, "0.000001"), (-1_500_000, "-1.5"), (100_000, "0.1")],
)
def test_decimals_are_exact_and_short(micros: int, text: str) -> None:
    """Millionths as a decimal text, without zeros that say nothing."""
    assert text == decimal(micros)
