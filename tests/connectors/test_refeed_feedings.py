"""What recordings and topics feed: which record where, the cut, and the mark at the end."""

import gzip
from pathlib import Path

import pytest

from connectors.capture import CaptureWriter, Received, open_capture
from connectors.errors import BrokerError
from connectors.kafka_records import FrameReader, heading_of, origin_of, record_of
from connectors.refeed import Fed
from connectors.refeed_feedings import CaptureFeeding, Cut, EndFeeding, of_captures
from contracts.base import Refused
from operators.normalise.frames import CONNECTION, ENDED, Frame

START, SECOND = 1_767_225_600_000_000_000, 1_000_000_000
BINANCE = b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}'


def recording(folder: Path, frames: int, name: str = "a.jsonl", venue: str = "kalshi") -> Path:
    """Write a recording with a frame each second."""
    dialect = {"polymarket": "clob_v2"}.get(venue, venue)
    with CaptureWriter(folder / name, venue, dialect, {"name": name}) as file:
        file.write(Received(START + number * SECOND, "c1", number, b"frame %d" % number) for number in range(frames))
    return folder / name


def dialects(fed: list[Fed]) -> list[str]:
    """Return the dialect of each record."""
    return [heading.dialect for each in fed if (heading := heading_of(each.key)) is not None]


def test_a_recording_gives_a_record_for_each_line_and_an_end(tmp_path: Path) -> None:
    """The header line is the first record, the frames follow as a reader of the recording gives them, then the end."""
    capture = open_capture(recording(tmp_path, 3))
    fed = list(CaptureFeeding(capture, "t", 0, Cut()).records())
    origin = origin_of(capture.source_id)
    assert [(frame.at_ns, *record_of(frame, origin)) for frame in capture] == [tuple(each) for each in fed[:-1]]
    assert [CONNECTION, "kalshi", "kalshi", "kalshi", ENDED] == dialects(fed)
    assert [1, 2, 3, 4, 5] == [heading.number for each in fed if (heading := heading_of(each.key)) is not None]
    assert (START + 2 * SECOND, b"") == (fed[-1].at_ns, fed[-1].value)
    assert fed[:-1] == list(CaptureFeeding(capture, "t", 0, Cut(ends=False)).records())


def test_a_line_without_a_frame_keeps_its_place(tmp_path: Path) -> None:
    """Blank lines of a recording become control lines that say nothing, so that offset + 1 is the line's number."""
    path = tmp_path / "feed.0"
    host = b"wss://fstream.binance.com/stream?streams=btcusdt@trade "
    lines = [host + b"<-> 1767225600.0", b"", b"1767225601.0: " + BINANCE, b"", b"1767225602.0: " + BINANCE, b""]
    path.write_bytes(b"\n".join(lines))
    capture = open_capture(path)
    fed = list(CaptureFeeding(capture, "t", 0, Cut()).records())
    reader = FrameReader(0, {})
    read = [reader.frame(offset, each.key, each.value, lambda: (0, 0)) for offset, each in enumerate(fed)]
    kept = [frame for frame in read if frame is not None and frame.data != b'{"polytraders_capture":1}']
    assert list(capture) == kept[:-1]
    assert [CONNECTION, CONNECTION, "binance", CONNECTION, "binance", ENDED] == dialects(fed)


def test_a_cut_is_by_arrival_with_both_ends(tmp_path: Path) -> None:
    """--since and --until take what arrived from the one up to the other; the end is said all the same."""
    capture = open_capture(recording(tmp_path, 6))
    cut = Cut(START + SECOND, START + 3 * SECOND)
    fed = list(CaptureFeeding(capture, "t", 0, cut).records())
    assert [b"frame 1", b"frame 2", b"frame 3", b""] == [each.value for each in fed]
    assert (False, True) == (cut.is_whole, Cut().is_whole)


def test_what_is_cut_short_is_told(tmp_path: Path) -> None:
    """A recording that ends in the middle of a line is fed up to its last whole line, and named."""
    whole = recording(tmp_path, 50)
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(whole.read_bytes())[:-20])
    feeding = CaptureFeeding(open_capture(torn), "t", 0, Cut())
    fed = list(feeding.records())
    assert ENDED == dialects(fed)[-1]
    assert str(torn) in feeding.truncated
    assert feeding.total == feeding.done


def test_a_recording_goes_to_a_partition_of_its_venue(tmp_path: Path) -> None:
    """In their order, one for each; what nothing goes to gets the end alone; without a deployment it is partition 0."""
    names = (("a", "kalshi"), ("b", "binance"), ("c", "kalshi"))
    captures = [open_capture(recording(tmp_path, 2, name, venue)) for name, venue in names]
    places = {"kalshi": [2, 0], "binance": [1], "bitget": [0]}
    found = of_captures(captures, "paper.refeed.a", places, Cut())
    assert [
        ("paper.refeed.a.raw.kalshi", 2, CaptureFeeding),
        ("paper.refeed.a.raw.binance", 1, CaptureFeeding),
        ("paper.refeed.a.raw.kalshi", 0, CaptureFeeding),
        ("paper.refeed.a.raw.bitget", 0, EndFeeding),
    ] == [(each.topic, each.partition, type(each)) for each in found]
    assert [ENDED] == dialects(list(found[-1].records()))
    assert 3 == len(of_captures(captures, "paper.refeed.a", places, Cut(ends=False)))
    plain = of_captures(captures[:2], "paper.refeed.a", None, Cut())
    assert [("paper.refeed.a.raw.kalshi", 0), ("paper.refeed.a.raw.binance", 0)] == [
        (each.topic, each.partition) for each in plain
    ]
    with pytest.raises(Refused, match=r"c: no partition is left for it among those of venue kalshi \(1\)"):
        of_captures(captures, "paper.refeed.a", None, Cut())
    with pytest.raises(Refused, match=r"b: no partition is left for it among those of venue binance \(0\)"):
        of_captures(captures, "paper.refeed.a", {"kalshi": [0, 1]}, Cut())


def test_what_is_held_is_stepped_over(tmp_path: Path) -> None:
    """A feeding goes on after what its target holds, and says what must stand at both of its edges."""
    feeding = CaptureFeeding(open_capture(recording(tmp_path, 3)), "t", 0, Cut())
    fed = list(feeding.records())
    for held in range(6):
        rest = feeding.after(held, None)
        assert {offset: fed[offset] for offset in {0, held - 1} if 0 <= offset < held} == rest.known
        assert fed[held:] == list(rest.records)
    with pytest.raises(BrokerError, match=r"topic t, partition 0: holds 6 records, but .*a.jsonl gives 5; allowed"):
        feeding.after(6, None)


def test_a_record_is_spelt_for_people(tmp_path: Path) -> None:
    """A frame by its number and origin, whatever is no frame by its size and key."""
    feeding = CaptureFeeding(open_capture(recording(tmp_path, 1)), "t", 0, Cut())
    known = record_of(Frame(0, 7, START, "kalshi", b"x"), bytes(8))
    assert "number 7 of kalshi, origin 0000000000000000" == feeding.spelt(Fed(0, *known))
    assert "a record of 3 bytes under key b'k'" == feeding.spelt(Fed(0, b"k", b"abc"))
