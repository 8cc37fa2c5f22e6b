"""flows.point: the run that `pt run --set` makes, with its equity beside it, under a name that says it all."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from flows import embedded
from flows.desks import load_desk
from flows.point import FORMAT, Outcome, keep, kept, key_of, place_of, run_point
from tests.flows.captures import INSTRUMENTS, ROOT, small

CONFIG = ROOT / "config"
SET = "strat.maker_tight.clip_usd=40"
TIMES = ("seconds", "frames_per_s", "peak_rss_mb")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> embedded.Settings:
    """A run of 6,000 lines of the pack that trades."""
    capture = small(tmp_path_factory.mktemp("captures") / "small.jsonl", 6_000)
    return embedded.Settings((capture,), load_desk("lab", CONFIG, [SET]), instruments=INSTRUMENTS, config=CONFIG)


@pytest.fixture(scope="module")
def outcome(settings: embedded.Settings) -> Outcome:
    """What the point came to."""
    return run_point(settings)


def test_a_point_is_a_run(settings: embedded.Settings, outcome: Outcome) -> None:
    """Its whole summary, the digest of all decisions first, is what `embedded.run` says; only times may differ."""
    run = embedded.run(replace(settings, validate=False)).summary
    assert run["fills"]
    assert run["decision_digest"] == outcome.summary["decision_digest"]
    assert {key: run[key] for key in run if key not in TIMES} == {
        key: outcome.summary[key] for key in outcome.summary if key not in TIMES
    }


def test_the_curve_ends_where_the_summary_does(outcome: Outcome) -> None:
    """Its last level is the total of the summary, marked, and what was paid is realised less fees plus funding."""
    pnl = outcome.summary["pnl"]
    assert isinstance(pnl, dict)
    _, total, paid = outcome.equity[-1]
    assert total == pnl["total_micros"]
    assert paid == pnl["realised_micros"] - pnl["fees_micros"] + pnl["funding_micros"]


def test_the_curve_rises_in_time_and_moves_at_each_point(outcome: Outcome) -> None:
    """One level per second, only where one changed, within the run."""
    seconds = [second for second, _, _ in outcome.equity]
    assert seconds == sorted(set(seconds))
    assert outcome.start_ns // 10**9 <= seconds[0]
    assert seconds[-1] <= outcome.end_ns // 10**9
    assert all(one[1:] != other[1:] for one, other in pairwise(outcome.equity))


def test_what_is_kept_is_read_again(tmp_path: Path, outcome: Outcome) -> None:
    """A result survives its file to the last number; nothing else is left in the folder."""
    keep(tmp_path, outcome)
    assert kept(tmp_path, outcome.key) == outcome
    assert [file.name for file in tmp_path.iterdir()] == [f"{outcome.key}.json"]


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"format":1,"key":"x","start_ns":0,"end_ns":0}'])
def test_a_file_that_is_not_whole_is_no_result(tmp_path: Path, data: bytes) -> None:
    """Whatever stands under the name: it is made again, not believed."""
    place_of(tmp_path, "k").write_bytes(data)
    assert kept(tmp_path, "k") is None
    assert kept(tmp_path, "other") is None


def test_a_result_of_another_version_or_name_is_no_result(tmp_path: Path) -> None:
    """A file that was renamed, or has another format, is not what it is asked for."""
    for key, made in (("k", Outcome(FORMAT + 1, "k", 0, 0, [], {})), ("l", Outcome(FORMAT, "k", 0, 0, [], {}))):
        keep(tmp_path, made)
        place_of(tmp_path, "k").rename(place_of(tmp_path, key))
        assert kept(tmp_path, key) is None


def test_the_name_depends_on_everything_that_decides(
    settings: embedded.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another value, capture, latency, record file or kill switch is another name; another batch or folder is not."""

    def key(given: embedded.Settings) -> str:
        return key_of(embedded.prepared(given))

    copied = tmp_path / "renamed.jsonl"
    copied.write_bytes(settings.captures[0].read_bytes())
    records = tmp_path / "records.jsonl"
    records.write_bytes(INSTRUMENTS.read_bytes())
    same = [settings, replace(settings, batch=7), replace(settings, captures=(copied,), instruments=records)]
    assert len({key(given) for given in same}) == 1
    records.write_bytes(INSTRUMENTS.read_bytes()[: INSTRUMENTS.read_bytes().index(b"\n") + 1])
    other = [
        settings,
        replace(settings, desk=load_desk("lab", CONFIG, ["strat.maker_tight.clip_usd=41"])),
        replace(settings, desk=replace(settings.desk, order_latency_ms=251)),
        replace(settings, captures=(small(tmp_path / "less.jsonl", 5_999),)),
        replace(settings, instruments=records),
    ]
    keys = [key(given) for given in other]
    monkeypatch.setenv("BOT_DISABLE_TRADING", "1")
    keys.append(key(settings))
    assert len(set(keys)) == len(keys)
