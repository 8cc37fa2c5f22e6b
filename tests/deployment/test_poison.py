"""Messages that nobody can read become letters with reason, place and bytes, and nothing else is touched by them."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import count, islice

import msgspec
import pytest

from connectors.clickhouse import EnvelopeTable
from connectors.kafka_client import incarnation
from connectors.kafka_records import frame_key, heading_of, origin_of
from contracts.envelope import DeadLetter
from flows.market import lane_steps
from flows.program import program_of
from operators.lane_sequencer import LaneSequencer
from operators.normalise.frames import ENDED, Frame
from tests.deployment.conftest import Sites
from tests.deployment.feeding import Placed, placed, put
from tests.deployment.packs import whole
from tests.deployment.reading import read_all, strands
from tests.deployment.running import END_S, Site, wait

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]
FRAMES, RUBBISH = 200_000, 1_000
EVERY = FRAMES // RUBBISH
LAP_NS = 1_500_000_000_000  # how long the pack is
BATCH = 256
DIALECTS = {"polymarket": "clob_v2"}
STOPPED = 143
Letter = tuple[str, int, str]  # source, position, bytes in hexadecimal


def poisoned(given: list[Placed]) -> Iterator[Placed]:
    """Yield the pack again and again, each time later; one message in 200 is rubbish, and its place among them -1."""
    numbers, origin = count(1), origin_of("poisoned")
    for lap in count():
        for at_ns, venue, _, (key, value) in given:
            told, number, later = heading_of(key), next(numbers), at_ns + lap * LAP_NS
            assert told is not None
            if number % EVERY != EVERY // 2:
                key = frame_key(later, number, origin, told.dialect, told.conn)
                yield later, venue, number, (key, value)
                continue
            rubbish = (b"\xff\xfe\x00 no text", b"", value[: len(value) // 2] + b"{", b"[[[[")
            key = frame_key(later, number, origin, DIALECTS.get(venue, venue), told.conn)
            yield later, venue, -1, (key, rubbish[number // EVERY % len(rubbish)])


def frames_of(mixed: list[Placed], numbers: Mapping[str, int]) -> tuple[list[Frame], list[Frame]]:
    """Return the frames that a lane gets, rubbish apart from the others; each under its own position."""
    places, good, rubbish = dict.fromkeys(numbers, 0), list[Frame](), list[Frame]()
    for at_ns, venue, number, (key, value) in mixed:
        places[venue] += 1
        told = heading_of(key)
        assert told is not None
        frame = Frame(numbers[venue], places[venue], at_ns, told.dialect, value, told.conn)
        (rubbish if number < 0 else good).append(frame)
    return good, rubbish


def undisturbed(site: Site, good: list[Frame]) -> tuple[bytes, list[DeadLetter]]:
    """Return what the lane says of the messages without the rubbish among them, and the letters that are their own."""
    program = program_of("market", site.file, site.access, site.state)
    lane = program.deployment.lanes["lane0"]
    steps = lane_steps(program, lane, program.deployment.lane_assembly(lane.name))
    sequence, letters, lines = LaneSequencer(lane.sources, lane.clock), list[DeadLetter](), list[bytes]()

    def take(frames: list[Frame]) -> None:
        read = steps.normalise.step(sequence.step(frames))
        letters.extend(read.dead)
        said = steps.signals.step(steps.freshness.step(steps.order_book.step(read.facts)))
        lines.extend(msgspec.json.encode(entry) + b"\n" for entry in said)

    for first in range(0, len(good), BATCH):
        for number in lane.sources:
            take([frame for frame in good[first : first + BATCH] if frame.source == number])
    for number in lane.sources:
        take([Frame(number, 0, 0, ENDED, b"")])
    return digest(lines), letters


def digest(lines: list[bytes]) -> bytes:
    """Return the SHA-256 of lines."""
    return sha256(b"".join(lines)).digest()


def shape(letters: list[DeadLetter]) -> set[Letter]:
    """Return what a letter must keep: whose it is, its place, its bytes."""
    return {(each.source_id, each.position, each.data) for each in letters}


def test_rubbish_becomes_letters_and_touches_nothing_else(sites: Sites) -> None:
    """1,000 of 200,000 messages are letters, in topic and store; of the others the lane says what they say alone."""
    pack = whole()
    site = sites({"lane0": pack.venues})
    market, record = site.start("market"), site.start("record", until_end=False, watched=True)
    mixed = list(islice(poisoned([each for each in placed(pack.captures) if each[3][1]]), FRAMES))
    put(site.access, site.prefix, mixed)
    last = [(0, venue, 0, (frame_key(0, 1, origin_of("end"), ENDED, ""), b"")) for venue in pack.venues]
    put(site.access, site.prefix, last)
    topics = [site.topic(f"raw.{venue}") for venue in pack.venues]
    names = {number: f"{incarnation(site.access, topic)}/0" for number, topic in enumerate(topics)}
    good, rubbish = frames_of(mixed, {venue: number for number, venue in enumerate(pack.venues)})
    alone, own = undisturbed(site, good)
    assert (RUBBISH, FRAMES) == (len(rubbish), len(good) + len(rubbish))
    expected = shape(own) | {(names[frame.source], frame.position, frame.data.hex()) for frame in rubbish}
    found = market.summary()
    assert (FRAMES, RUBBISH + len(own)) == (found["frames"], sum(found["dead_letters"].values()))
    said = strands(read_all(site.access.bootstrap, site.topic("journal")))
    assert alone == digest(said.lines["lane0"])
    letters = read_all(site.access.bootstrap, site.topic("dead_letters"))
    in_topic = [msgspec.json.decode(value, type=DeadLetter) for _, _, value in letters]
    assert (expected, RUBBISH + len(own)) == (shape(in_topic), len(in_topic))
    assert {"INTEL_FRAME"} == {"_".join(letter.reason.split("_")[:2]) for letter in in_topic if letter.detail}
    wait(lambda: record.newest_s(".dead_letters") > letters[-1][0] / 1_000 - 0.5, END_S, "record has the letters")
    assert STOPPED == record.stop()
    with EnvelopeTable.embedded(site.store) as table:
        assert sorted(in_topic, key=lambda each: (each.source_id, each.position)) == list(table.dead_letters())
