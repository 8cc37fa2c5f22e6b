"""The demonstration over Kafka decides what the embedded one does, and leaves nothing running behind it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli import up
from connectors.broker import Broker
from connectors.kafka_health import Lag
from connectors.metrics import of_lag, sample
from connectors.scrape import Seen
from connectors.signing import make_key
from flows.deployment import load_deployment
from flows.desk import public_keys
from scripts import kafka_demo
from scripts.kafka_demo import Row, deployment_text, merged, row_of

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "fixtures" / "demo.golden.json").read_text())
LIMIT_S = 240


class Recording:
    """A recording's venue, which is all that a deployment wants of it."""

    def __init__(self, venue: str) -> None:
        self.venue = venue


def started(folder: Path) -> "subprocess.Popen[str]":
    """Start the demonstration as `make kafka-demo` does, in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.kafka_demo", "--into", str(folder)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def left(folder: Path) -> list[str]:
    """Return the command lines that still run and name a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


@pytest.mark.kafka
def test_the_whole_demonstration(broker: Broker, tmp_path: Path) -> None:
    """It says every frame of the pack, the digest of the embedded run and where its report is, and ends everything."""
    assert broker.pid is not None  # where no broker can be had this test is skipped
    with started(tmp_path / "demo") as running:
        out, err = running.communicate(timeout=LIMIT_S)
    assert 0 == running.returncode, err
    lines = out.splitlines()
    assert f"frames: {GOLDEN['frames']}" in lines
    assert "digest: equal to the embedded run's (fixtures/demo.golden.json)" in lines
    assert lines[-1].startswith("everything stopped; all of it took ")
    (report,) = [line.removeprefix("report: ") for line in lines if line.startswith("report: ")]
    assert Path(report).stat().st_size > 10_000
    for name in ("market", "desk", "record", "govern"):
        assert f"pt: {name}: ended, exit code 0" in err
        assert (tmp_path / "demo" / "state" / "logs" / f"{name}.log").exists()
    assert "running: market " in err
    assert "lag " in err
    assert [] == left(tmp_path)
    access = tmp_path / "demo" / "broker" / "access"
    assert {"paper.desk.json", "paper.refeed.json"} <= {path.name for path in access.iterdir()}


@pytest.mark.kafka
@pytest.mark.parametrize(
    "sign", ["broker/running.json", "state/logs/market.log"], ids=["broker starts", "programs run"]
)
def test_an_interruption_stops_everything(broker: Broker, tmp_path: Path, sign: str) -> None:
    """Ctrl-C while the broker starts, or while programs run, is 130, and nothing is left running."""
    assert broker.pid is not None
    with started(tmp_path / "demo") as running:
        until = time.monotonic() + 90
        while not (tmp_path / "demo" / sign).exists() and running.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=90)
    assert 130 == running.returncode, err
    assert "pt: interrupted" == err.splitlines()[-1]
    assert [] == left(tmp_path)


def test_a_folder_in_which_one_runs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that runs there is named, and nothing is removed."""
    (tmp_path / "broker").mkdir()
    monkeypatch.setattr(Broker, "pid", 4_711)
    with pytest.raises(kafka_demo.Refused, match="a broker runs there as process 4711"), kafka_demo.emptied(tmp_path):
        raise AssertionError("it was emptied")
    assert (tmp_path / "broker").is_dir()


def test_the_deployment_that_is_written(tmp_path: Path) -> None:
    """One lane joins the recordings in their order; the desk's public key and every address are in it."""
    key, records = make_key(tmp_path / "k.pem"), tmp_path / "instruments.jsonl"
    records.write_text("{}\n")
    captures = [Recording("bitget"), Recording("kalshi")]
    text = deployment_text(captures, records, key, {"market": "127.0.0.1:9"})  # type: ignore[arg-type]
    (tmp_path / "d.toml").write_text(text)
    found = load_deployment(tmp_path / "d.toml")
    assert ("paper.refeed.demo", records) == (found.prefix, found.instruments)
    assert ["bitget", "kalshi"] == [part.venue for part in found.lanes["lane0"].parts]
    assert dict([key]) == public_keys(found, "order")
    (market, *_) = up.tasks_of(found, tmp_path, None, "h:1", None, until_end=True)
    assert "127.0.0.1:9" in market.words
    bare = deployment_text(captures, None, key, {})  # type: ignore[arg-type]
    assert "instruments" not in bare


def test_one_summary_of_all() -> None:
    """Frames are market's, decisions record's, memory the largest, and the rate that of the whole."""
    market = {"frames": 100, "markets": ["M"], "peak_rss_mb": 5, "run_id": "r", "seconds": 9}
    desk = {"decision_digest": "d", "entries": 3, "seconds": 1}
    found = merged({"market": market, "record": {"desks": {"lab": desk}, "peak_rss_mb": 7}}, 2.0)
    wanted = {"frames": 100, "markets": ["M"], "decision_digest": "d", "entries": 3, "run_id": "r"}
    assert wanted == {key: found[key] for key in wanted}
    assert (2.0, 50, 7) == (found["seconds"], found["frames_per_s"], found["peak_rss_mb"])


def test_how_far_a_program_is() -> None:
    """Frames and entries are counted, lag is summed over partitions, and one that has not begun is not shown."""
    samples = [
        sample("polytraders_frames_total", 1_200, lane="lane0"),
        *of_lag(Lag("paper.raw.kalshi", 0, 90, 0, 100, 1, 0, 0, "")),
        *of_lag(Lag("paper.raw.bitget", 0, 0, 0, 7_000, 1, 0, 0, "")),
    ]
    metrics: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for each in samples:
        assert isinstance(each.value, int | float)
        metrics.setdefault(each.name, {})[tuple(sorted(each.labels))] = each.value
    targets = {"a:1": "market", "a:2": "desk"}
    seen = [Seen("a:1", 1.0, metrics, {}, ""), Seen("a:2", 1.0, {}, {}, "")]
    found = kafka_demo.top.document(targets, [], seen)
    assert Row(1_200, 0.0, 7_010) == row_of(found, "market")
    assert None is row_of(found, "desk")
    assert ("1,200 (0/s), lag 7,010", "lag 3") == (str(Row(1_200, 0.0, 7_010)), str(Row(None, 0.0, 3)))
