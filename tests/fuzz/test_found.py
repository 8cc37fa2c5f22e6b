"""What was found by damage, once: each input as it was, and what must come of it."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cli.settings import instant
from contracts import ids
from contracts.base import Refused, read
from contracts.control import ControlCommand
from contracts.envelope import DECISIONS, FACT_RANK, JOURNAL, rows_of
from contracts.market import Fact, VenueBookDelta
from flows.desks import LAB, load_desk
from operators.freshness import read_budgets
from operators.normalise import Frame, Normalised, Normaliser, read_instruments
from tests import world
from tests.fuzz import seeds

CONFIG = world.ROOT / "config"
DEEP = "[" * 2_000
HUGE = 10**30


def heard(dialect: str, *messages: object, times: int = 1) -> Normalised:
    """What the last of some messages says, after the others."""
    normaliser = Normaliser()
    for place, made in enumerate(messages, 1):
        data = made if isinstance(made, bytes) else json.dumps(made).encode()
        said = normaliser.step([Frame(1, place, seeds.AT_NS + place, dialect, data, "c")])
    return said


def changed(message: dict, **more: object) -> dict:  # type: ignore[type-arg]
    """A message with other fields."""
    return {**message, **more}


BOOK, CHANGE = seeds.BY_HAND["clob_v2"][:2]
SNAPSHOT, DELTA = seeds.BY_HAND["kalshi"][:2]
CONTRACT = seeds.BY_HAND["bitget"][-2]
DEPTH, MARK = seeds.BY_HAND["binance"][0], seeds.BY_HAND["binance"][6]
LINE_SNAPSHOT, LINE_DELTA = seeds.BY_HAND["kalshi_recorder"][1:3]


@pytest.mark.parametrize(
    ("dialect", "messages", "reason"),
    [
        # A number that Decimal cannot hold ended the run.
        ("clob_v2", [b'{"conditionId":"0xd","orderPriceMinTickSize":1e9999999999999999999}'], "INTEL_FRAME_BAD_FIELD"),
        ("kalshi", [b'{"market":{"ticker":"K-1","floor":1e9999999999999999999}}'], "INTEL_FRAME_BAD_FIELD"),
        # Figures that Python calls digits and cannot count with.
        (
            "bitget",
            [json.dumps(CONTRACT).replace('"pricePlace": "2"', '"pricePlace": "\u00b2"').encode()],
            "INTEL_FRAME_BAD_FIELD",
        ),
        # Funding of more than the notional, beyond 64 bits; a combined stream without a name.
        ("binance", [changed(MARK, r="1777400000456")], "INTEL_FRAME_BAD_FIELD"),
        ("binance", [DEPTH, changed(DEPTH, stream="")], "INTEL_FRAME_BAD_FIELD"),
        # A smallest order beyond 64 bits became a record that no reader accepts.
        (
            "clob_v2",
            [{"condition_id": "0xe", "tokens": [{"token_id": "7"}], "minimum_order_size": 1 << 53}],
            "INTEL_FRAME_BAD_FIELD",
        ),
        # The quick reader took a sequence number beyond 64 bits.
        ("kalshi", [SNAPSHOT, DELTA, changed(DELTA, seq=HUGE)], "INTEL_FRAME_BAD_FIELD"),
        (
            "kalshi_recorder",
            [LINE_SNAPSHOT, LINE_DELTA, changed(LINE_DELTA, sequence_number=HUGE)],
            "INTEL_FRAME_BAD_FIELD",
        ),
    ],
)
def test_a_frame_that_broke_something_is_a_dead_letter(dialect: str, messages: list[object], reason: str) -> None:
    """It is refused with its reason, and nothing is said of it."""
    said = heard(dialect, *messages)
    assert ([], [reason]) == (said.facts, [letter.reason for letter in said.dead])


@pytest.mark.parametrize(
    ("dialect", "before", "message"),
    [
        # The quick reader looks at no field that it does not need; the slow one must not either.
        ("clob_v2", BOOK, changed(CHANGE, market=5)),
        ("clob_v2", BOOK, changed(CHANGE, bids="none")),
        ("clob_v2", BOOK, json.dumps(CHANGE).encode().replace(b"0xa", b"0x\xff")),
        ("kalshi_recorder", LINE_SNAPSHOT, changed(LINE_DELTA, channel=[1])),
        ("kalshi_recorder", LINE_SNAPSHOT, json.dumps(LINE_DELTA).encode().replace(b'"orderbook"', b'"order\xff"')),
        # Seconds where milliseconds were meant: the quick reader put them into January 1970.
        ("kalshi", SNAPSHOT, changed(DELTA, msg={**DELTA["msg"], "ts_ms": 1_777_400_000})),
    ],
)
def test_a_plain_change_is_read_the_same_whether_its_market_is_known(
    dialect: str, before: object, message: object
) -> None:
    """At first sight (slowly) and later (quickly) the same bytes give the same change."""
    first, later = heard(dialect, message), heard(dialect, before, message)
    assert ([], []) == (first.dead, later.dead)
    assert _change(first.facts) == _change(later.facts)


def _change(facts: list[Fact]) -> VenueBookDelta:
    change = facts[-1]
    assert isinstance(change, VenueBookDelta)
    return msgspec.structs.replace(change, fact=0, at_ns=0)


def test_every_fact_of_a_frame_has_an_id_of_its_own() -> None:
    """A frame of Bitget that is heard on a new connection gave two changes one id."""
    image, update = seeds.BY_HAND["bitget"][:2]
    normaliser = Normaliser()
    for place, conn in ((1, "one"), (2, "two")):
        data = json.dumps(image if place == 1 else update).encode()
        said = normaliser.step([Frame(1, place, seeds.AT_NS + place, "bitget", data, conn)])
    assert len(said.facts) == len({fact.fact for fact in said.facts}) >= 3


@pytest.mark.parametrize(
    ("reads", "text", "words"),
    [
        (read_instruments, '{"conditionId":"0xd","x":1e9999999999999999999}', "instruments line 1: not JSON (number"),
        (read_instruments, '[{"market_id":"a","venue_id":"kalshi","title":' + DEEP, "instruments line 1: not JSON"),
        (read_instruments, "[" * 900 + "]" * 900, "instruments: "),
        (read_instruments, '{"condition_id":"0xe","tokens":[{"token_id":"7"}],"minimum_order_size":9007199254740992}',
         "min_size_lots"),
        (lambda data: read_budgets(data.decode()), "book_ms = " + DEEP, "freshness: not TOML"),
        (lambda data: read(ControlCommand, data), '{"kind":' + DEEP, "ControlCommand: not JSON (maximum recursion"),
        (lambda data: rows_of(data, JOURNAL), DEEP, "journal block: maximum recursion"),
        (lambda data: rows_of(data, DECISIONS), '[[1,2,3,4,5,{"kind":"\xff"}]]', "decisions block: "),
    ],
)  # fmt: skip
def test_what_ended_a_run_is_refused_in_one_sentence(reads: Callable[[bytes], object], text: str, words: str) -> None:
    """Files, configuration and stored blocks are refused with the field, and never with a traceback."""
    with pytest.raises(Refused) as refusal:
        reads(text.encode("latin-1"))
    assert words in str(refusal.value)


def test_a_gamma_market_whose_tokens_are_brackets_without_end_has_none() -> None:
    """JSON inside a string is read like the rest: what cannot be decoded holds no token."""
    data = json.dumps([{"conditionId": "0xd", "clobTokenIds": DEEP}, *map(msgspec.to_builtins, [world.record()])])
    assert [world.MARKET] == [record.market_id for record in read_instruments(data.encode())]


def test_no_stored_row_may_pose_as_a_fact() -> None:
    """A row under the rank of facts would be replayed as one; a list with more parts than a row has is none."""
    row = [ids.fact_id(1, 1), 4, 0, int(world.NOW), 0, msgspec.to_builtins(world.quality())]
    data = [msgspec.json.encode([made]) for made in (row, [row[0], FACT_RANK, *row[2:]], [*row, 0])]
    assert world.quality() == rows_of(data[0])[0].payload
    for made, words in ((data[1], "Expected `int` >= 0"), (data[2], "array")):
        with pytest.raises(Refused, match=f"journal block: .*{words}"):
            rows_of(made)


@pytest.mark.parametrize("text", ["\u00b2", "1" * 5_000, "\udc80", "2026-13-01"])
def test_a_time_that_is_none_is_refused_by_name(text: str) -> None:
    """Figures that cannot be counted with, or too many of them, are no time."""
    with pytest.raises(Refused, match=r"--since .*not a time; allowed: nanoseconds"):
        instant("--since", text)


def test_settings_that_are_no_text_are_refused_by_name(tmp_path: Path) -> None:
    """A byte that is no UTF-8 on the command line, and brackets without end in a desk's file."""
    with pytest.raises(Refused, match=r"--set .*risk\.market_quality\.band_ticks is '3.udca1'; allowed"):
        load_desk(LAB, CONFIG, ["risk.market_quality.band_ticks=3\udca1"])
    (tmp_path / "desks").mkdir()
    (tmp_path / "desks" / f"{LAB}.toml").write_text(f"desk_id = {DEEP}")
    with pytest.raises(Refused, match=rf"{LAB}\.toml: not TOML"):
        load_desk(LAB, tmp_path)
