"""What is delivered late is said to be late, in the record and in order, and nobody trades on it."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from bots.kit import ConfirmedAt, Instant
from bots.risk import stale_book
from connectors.capture import Received
from connectors.kafka_records import Record, origin_of, record_of, record_of_received
from connectors.spool import NORMAL, SAFE, Spool
from connectors.spooled import SpooledWriter
from contracts.envelope import Row
from contracts.intent import RiskDecision
from contracts.market import BookQuality
from operators.normalise.frames import CONNECTION, Frame
from tests import world
from tests.connectors.away import SECOND_NS, START_NS, Away, frames_of
from tests.laws import engine_stream

ORIGIN = origin_of("feed 1")
BIG = 1 << 24
ASSETS = 3


def spooled(away: Away, folder: Path, limit: int = BIG, origin: bytes = ORIGIN, held: int = 50) -> SpooledWriter:
    """A feed's writer over the broker, with a spool in a folder."""
    return SpooledWriter(away, Spool(folder, limit), origin, held, away.now_ns, away.clock)  # type: ignore[arg-type]


def one(away: Away, number: int) -> Record:
    """A message that has just come."""
    return record_of_received(Received(away.now_ns(), "c", number, b"%d" % number), "kalshi", ORIGIN)


def fed(away: Away, feed: SpooledWriter, numbers: range, every_s: float = 0.1, partition: int = 0) -> None:
    """Write one message after the other, and pump in between."""
    for number in numbers:
        feed.write(partition, [one(away, number)])
        away.now_s += every_s
        feed.pump()


def words(away: Away, partition: int = 0) -> list[str]:
    """What the partition says: events by name, messages by number."""
    frames = frames_of(away.log.get(partition, []))
    return [json.loads(f.data)["event"] if f.dialect == CONNECTION else f.data.decode() for f in frames]


def texts(numbers: range) -> list[str]:
    """Messages by number."""
    return [str(number) for number in numbers]


@pytest.fixture
def away() -> Away:
    """A broker that answers."""
    return Away()


def test_a_feed_begins_on_time(away: Away, tmp_path: Path) -> None:
    """The first word in each partition is `on_time`, once, at the arrival of the message behind it."""
    feed = spooled(away, tmp_path / "s")
    for number in range(3):
        feed.write(0, [one(away, number)])
        feed.write(7, [one(away, number)])
    feed.write(3, [])
    assert (["on_time", "0", "1", "2"], ["on_time", "0", "1", "2"], []) == (words(away), words(away, 7), words(away, 3))
    first = frames_of(away.log[0])[0]
    assert (START_NS, "spool", CONNECTION) == (first.at_ns, first.conn, first.dialect)


def test_what_went_to_disk_is_said_to_be_late(away: Away, tmp_path: Path) -> None:
    """While the broker is away a second passes unmarked; all the rest stands between `late` and `on_time`, in order."""
    feed = spooled(away, tmp_path / "s")
    fed(away, feed, range(10))
    away.answers = False
    fed(away, feed, range(10, 60))
    assert feed.is_late
    away.answers = True
    fed(away, feed, range(60, 70))
    assert not feed.is_late
    said = words(away)
    assert texts(range(70)) == [word for word in said if word.isdigit()]
    assert ["on_time", "late", "on_time"] == [word for word in said if not word.isdigit()]
    late, back = said.index("late"), len(said) - 1 - said[::-1].index("on_time")
    assert ("on_time", "20", "60") == (said[0], said[late + 1], said[back + 1])


def test_the_words_stand_where_and_when_they_hold(away: Away, tmp_path: Path) -> None:
    """Each has the arrival of the message behind it, so time never runs backwards; its number is above all before."""
    feed = spooled(away, tmp_path / "s", held=3)
    for spell in range(4):
        fed(away, feed, range(spell * 20, spell * 20 + 10))
        away.answers = False
        fed(away, feed, range(spell * 20 + 10, spell * 20 + 20))
        away.answers = True
    fed(away, feed, range(80, 90))
    frames = frames_of(away.log[0])
    assert 90 + 9 == len(frames)
    assert sorted(f.at_ns for f in frames) == [f.at_ns for f in frames]
    behind = [(a.at_ns, b.at_ns) for a, b in pairwise(frames) if a.dialect == CONNECTION]
    assert [second for _, second in behind] == [first for first, _ in behind]


@pytest.mark.parametrize("every_s", [0.25, 1.0])
def test_at_a_low_rate_no_more_than_a_second_is_unmarked(away: Away, tmp_path: Path, every_s: float) -> None:
    """Also where a few messages would never fill what may be under way."""
    feed = spooled(away, tmp_path / "s", held=2_000)
    fed(away, feed, range(5), every_s)
    away.answers = False
    fed(away, feed, range(5, 5 + int(20 / every_s)), every_s)
    away.answers = True
    fed(away, feed, range(1_000, 1_020), every_s)
    said = words(away)
    unmarked = [word for word in said[: said.index("late")] if word.isdigit() and int(word) >= 5]
    assert len(unmarked) == round(1 / every_s)
    assert "on_time" in said[said.index("late") :]


@pytest.mark.parametrize("every_s", [0.1, 0.01])
def test_a_slow_broker_is_late_until_it_is_fast(away: Away, tmp_path: Path, every_s: float) -> None:
    """Acknowledgements that come three seconds later, however steadily, are late, without a word in between.

    Once they are fast it is on time, though messages never pause for as long as an acknowledgement takes.
    """
    feed = spooled(away, tmp_path / "s")
    fed(away, feed, range(10), every_s)
    away.delay_s = 3.0
    fed(away, feed, range(10, 510), every_s)
    assert ["on_time", "late"] == [word for word in words(away) if not word.isdigit()]
    away.delay_s = 0.05
    fed(away, feed, range(510, 700), every_s)
    assert ["on_time", "late", "on_time"] == [word for word in words(away) if not word.isdigit()]
    assert texts(range(700)) == [word for word in words(away) if word.isdigit()]


def test_what_waited_before_it_was_written_is_late(away: Away, tmp_path: Path) -> None:
    """A batch that its feed could not write for a while is late though nothing went to disk."""
    feed = spooled(away, tmp_path / "s")
    feed.write(0, [one(away, 1)])
    batch = [one(away, 2), one(away, 3)]
    away.now_s += 1.0
    feed.write(0, batch)
    feed.write(0, [one(away, 4)])
    assert ["on_time", "1", "late", "2", "3", "on_time", "4"] == words(away)


@pytest.mark.parametrize("origin", [ORIGIN, origin_of("feed 2")])
def test_a_feed_that_finds_a_spool_goes_on_being_late(away: Away, tmp_path: Path, origin: bytes) -> None:
    """What an earlier process kept is late, whoever counts, though the broker answers; then it is on time."""
    feed = spooled(away, tmp_path / "s", held=3)
    away.answers = False
    fed(away, feed, range(10))
    again = Away()
    again.log, again.now_s = away.log, 100.0
    after = spooled(again, tmp_path / "s", origin=origin)
    assert after.is_late
    fed(again, after, range(10, 20))
    assert ["on_time", "late", "on_time"] == [word for word in words(again) if not word.isdigit()]
    assert texts(range(20)) == [word for word in words(again) if word.isdigit()]
    assert words(again).index("late") < words(again).index("3")


def test_a_feed_that_starts_anew_ends_the_spell_of_one_that_crashed(away: Away, tmp_path: Path) -> None:
    """The last word of the one before was `late`, and its disk is lost: the first word of the next is `on_time`."""
    feed = spooled(away, tmp_path / "s", held=3)
    fed(away, feed, range(3))
    away.answers = False
    fed(away, feed, range(3, 10))
    away.answers = True
    feed.pump()
    assert "late" == [word for word in words(away) if not word.isdigit()][-1]
    away.now_s += 5
    fed(away, spooled(away, tmp_path / "other", origin=origin_of("feed 2")), range(10, 12))
    assert ["on_time", "10", "11"] == words(away)[-3:]


def test_a_feed_that_ends_leaves_nobody_late(away: Away, tmp_path: Path) -> None:
    """Once all is delivered nothing is late any more; where it cannot be, the spell stays."""
    feed = spooled(away, tmp_path / "s", held=3)
    away.answers = False
    fed(away, feed, range(10))
    assert not feed.drain(0.0)
    away.answers, away.now_s = True, away.now_s + 5
    assert feed.drain(float("inf"))
    assert ["late", *texts(range(2, 10)), "on_time"] == words(away)[-10:]
    assert frames_of(away.log[0])[-1].at_ns >= away.now_ns() - SECOND_NS


# ---- what follows for a desk ----------------------------------------------------------------------------------------


def delivered(frames: list[Frame], folder: Path, out: tuple[float, float], limit: int) -> tuple[list[Frame], set[str]]:
    """Feed frames as they arrive through a broker that is away for some seconds; return what a lane reads, and states.

    Frames are written in the order of arrival, at the time of their arrival.
    """
    away, states = Away(), {NORMAL}
    feed = spooled(away, folder, limit, held=20)
    base = frames[0].at_ns
    for number, frame in enumerate(sorted(frames, key=lambda each: each.at_ns), 1):
        away.now_s = (frame.at_ns - START_NS) / SECOND_NS
        away.answers = not out[0] <= (frame.at_ns - base) / SECOND_NS < out[1]
        numbered = Frame(0, number, frame.at_ns, frame.dialect, frame.data, "c")
        feed.write(0, [record_of(numbered, ORIGIN)])
        states.add(feed.state)
    assert feed.drain(float("inf"))
    return frames_of(away.log[0]), states


def spell(frames: list[Frame]) -> tuple[int, int]:
    """Arrival of the only `late`, and of the `on_time` after it."""
    said = [(json.loads(f.data)["event"], f.at_ns) for f in frames if f.dialect == CONNECTION]
    assert ["on_time", "late", "on_time"] == [word for word, _ in said]
    return said[1][1], said[2][1]


def decisions(frames: list[Frame], since: int, until: int) -> tuple[Counter[str], Counter[str], list[BookQuality]]:
    """Verdicts, verdicts of `risk.stale_book` with their reason, and what withheld books, in a span of arrival."""
    blocks, _ = engine_stream.run(frames, ASSETS)
    rows = [row for block in blocks for row in block.rows if type(row) is Row and since <= row.at_ns < until]
    found = [row.payload for row in rows if isinstance(row.payload, RiskDecision)]
    votes = [vote for decision in found for vote in decision.votes if vote.gate == "risk.stale_book"]
    withheld = [row.payload for row in rows if type(row.payload) is BookQuality and not row.payload.usable]
    return Counter(d.verdict for d in found), Counter(f"{vote.verdict} {vote.reason}" for vote in votes), withheld


def asked(quality: BookQuality) -> str:
    """What the guard says to an intent on a book of this moment and this quality."""
    seen, intent = stale_book.Seen("h"), world.intent(book_hash="h")
    now = Instant(world.NOW)
    vote = stale_book.decide(
        stale_book.Config(), seen, intent, world.definition(), quality, ConfirmedAt(world.NOW), None, now
    )
    return f"{vote.verdict} {vote.reason}"


def test_no_vote_approves_while_a_source_is_late(tmp_path: Path) -> None:
    """From `late` to `on_time` nothing is approved, with a spool that is SAFE; without an outage the same span trades.

    Read by the lane's and the desk's own engines from what the partition holds, so a replay comes to the same.
    """
    stream = engine_stream.frames(2_000, ASSETS, seed=5, trade_every=17)
    stream = [Frame(0, f.position, f.at_ns - engine_stream.START_NS + START_NS, f.dialect, f.data) for f in stream]
    read, states = delivered(stream, tmp_path / "s", (20.0, 50.0), 400_000)
    since, until = spell(read)
    assert 28 * SECOND_NS < until - since < 32 * SECOND_NS
    assert SAFE in states
    assert {f.data for f in stream} == {f.data for f in read if f.dialect != CONNECTION}
    verdicts, votes, withheld = decisions(read, since, until)
    assert {"APPROVE", "RESHAPE"}.isdisjoint(verdicts)
    assert {"REJECT RISK_STALE_BOOK"} >= votes.keys()
    assert [("LATE", "INTEL_BOOK_LATE")] * ASSETS == [(quality.cause, quality.reason) for quality in withheld]
    assert {"REJECT RISK_STALE_BOOK"} == {asked(quality) for quality in withheld}
    usual, usual_votes, _ = decisions(stream, since, until)
    assert usual["APPROVE"] + usual["RESHAPE"] > 20 < usual_votes.total()
    healed, _, _ = decisions(read, until, stream[-1].at_ns)
    assert healed["APPROVE"] + healed["RESHAPE"] > 5
    batches = {tuple(engine_stream.heads(engine_stream.run(read, ASSETS, n)[0]).items()) for n in (1, 256)}
    assert 1 == len(batches)
