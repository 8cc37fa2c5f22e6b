"""The benchmark measures what it says: the common stream to the byte, and a maker that really works."""

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from contracts.base import Refused
from flows import stream
from flows.bench import bench
from flows.bench_bots import quiet_choices

ROOT = Path(__file__).resolve().parent.parent.parent
STREAM_5000_20 = "891e2cf238b8f254c8cf7b24361e4b5d097fd33fdf5ba44636f7308f984cea01"
KEYS = {
    "events", "seconds", "events_per_s", "decode_per_s", "bare_flow_per_s", "ratio_to_decode", "governance_share",
    "stream_sha256", "intents_per_1000", "approved_per_1000", "orders_per_1000", "cancels_per_1000", "fills_per_1000",
}  # fmt: skip


def test_the_stream_is_the_common_stream() -> None:
    """Its bytes are those that every yardstick was measured with."""
    assert STREAM_5000_20 == sha256(b"\n".join(stream.frames(5_000, 20)) + b"\n").hexdigest()


@pytest.mark.recorded
@pytest.mark.parametrize(("events", "assets"), [(5_000, 20), (3_000, 3)])
def test_the_stream_equals_the_shared_generator(
    events: int, assets: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the shared generator lies beside the checkout, its messages are equal."""
    folder = ROOT.parent / "shared" / "bench"
    if not folder.is_dir():
        pytest.skip("no shared generator beside the checkout")
    monkeypatch.setenv("PEERS_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    import pm_stream  # type: ignore[import-not-found]

    assert pm_stream.messages(events, assets) == stream.frames(events, assets)


def test_the_maker_benchmark_works_and_says_so() -> None:
    """All keys are there; the maker asks at least 40 times in 1,000 frames, and at least 95 % of it is approved."""
    found = bench("maker", 30_000, 20)
    assert found.keys() >= KEYS
    assert found["counts"] is True
    assert 0 < found["ratio_to_decode"] < 1
    assert 0 < found["governance_share"] < 1


def test_every_pending_row_is_played_by_a_quiet_bot() -> None:
    """Together with the built bots they are 109, so the cost of a full house is really measured."""
    from bots.registry import library

    built = [row.id for row in library().rows if library().has_module(row.id)]
    assert 109 == len(built) + len(quiet_choices())


@pytest.mark.parametrize(("kind", "store"), [("speed", "none"), ("maker", "disk")])
def test_an_unknown_benchmark_or_store_is_refused(kind: str, store: str) -> None:
    """The refusal names what is allowed."""
    with pytest.raises(Refused, match="allowed"):
        bench(kind, 10, 2, store)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["bots", "markets", "replay"])
def test_the_longer_benchmarks_run(kind: str) -> None:
    """Each gives figures for every size it names."""
    found = bench(kind, 20_000, 20)
    assert all(value for value in found.values() if isinstance(value, dict))
    assert found.get("differs", 0) == 0
