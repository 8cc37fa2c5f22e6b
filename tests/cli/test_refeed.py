"""`pt refeed`: what was recorded, copied or stored becomes topics from which the programs decide the same again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.demo import FIXTURES, pack
from cli.main import app
from connectors.broker import Broker
from connectors.capture import CaptureWriter, Received, open_capture
from connectors.clickhouse import EnvelopeTable
from connectors.kafka_client import Reader
from connectors.kafka_records import heading_of, origin_of, record_of
from connectors.kafka_strands import strand_of
from flows.assemble import fingerprint
from flows.embedded import in_order
from operators.normalise.frames import ENDED
from tests.flows.captures import INSTRUMENTS, ROOT, small

GOLDEN = json.loads((FIXTURES / "demo.golden.json").read_text())
PATIENCE_S = 60
NOBODY = "--bootstrap or --access: name the broker with one of them"
Records = list[tuple[bytes | None, bytes | None]]


def pt(*words: str) -> tuple[int, dict[str, object], str]:
    """Run a verb with --json; return its exit code, its answer and what it said."""
    shown = CliRunner().invoke(app, [*words, "--json"])
    return shown.exit_code, json.loads(shown.stdout) if shown.stdout else {}, shown.stderr


def program(name: str, deployment: Path, broker: Broker, *more: str) -> dict[str, object]:
    """Run one program of a deployment to the end of its input."""
    state = str(deployment.parent / "state")
    where = ("--deployment", str(deployment), "--bootstrap", broker.plain.bootstrap, "--state", state)
    code, told, said = pt("program", name, *where, "--until-end", *more)
    assert 0 == code, said
    return told


def deployed(folder: Path, prefix: str, lane: Sequence[str]) -> Path:
    """Write a deployment of one lane and one desk."""
    file = folder / "one.toml"
    file.write_text(
        f'prefix = "{prefix}"\ninstruments = "{INSTRUMENTS}"\n[lanes]\nlane0 = {json.dumps(list(lane))}\n'
        f"[desks]\nlab = {{ partition = 0 }}\n"
    )
    return file


def held(broker: Broker, topic: str, partition: int = 0) -> Records:
    """Read a whole partition with the other client, which skips nothing."""
    reader = Reader(broker.plain, "test", topic, partition)
    reader.begin(0)
    found: Records = []
    end = reader.bounds()[1]
    while reader.position < end:
        found += [(message.key(), message.value()) for message in reader.poll(wait_s=0.1)]
    reader.close()
    return found


def killed(words: Sequence[str], is_time: Callable[[], bool], number: int = signal.SIGKILL) -> int:
    """Start `pt` as a process, send it a signal once it is time, and return its exit code."""
    begun = [sys.executable, "-m", "cli.main", *words]
    process = subprocess.Popen(begun, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE_S
    while not is_time() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process.wait(PATIENCE_S)


def count(broker: Broker, topic: str) -> Callable[[], int]:
    """Return what tells how many records a topic's first partition holds; 0 while there is no topic."""
    reader = Reader(broker.plain, "test", topic, 0)

    def ask() -> int:
        try:
            return reader.bounds(1)[1]
        except Exception:
            return 0

    return ask


# ---- a real broker -------------------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_recordings_fed_by_a_process_that_is_killed_give_the_decisions_of_a_run(broker: Broker, tmp_path: Path) -> None:
    """Killed twice, the feeding goes on: each line once and in its place; market and desk decide what a run decides."""
    prefix = "paper.refeed.killed"
    captures = in_order([open_capture(path) for path in pack(FIXTURES)[0]])
    files = [word for capture in captures for word in ("--capture", str(capture.path))]
    words = ["refeed", "--from", "capture", *files, "--to", prefix, "--bootstrap", broker.plain.bootstrap]
    ask = count(broker, f"{prefix}.raw.kalshi")
    reached = []
    for least in (6_000, 18_000):
        assert -signal.SIGKILL == killed(words, lambda least=least: ask() >= least)  # type: ignore[misc]
        reached.append(ask())
    assert 0 < reached[0] < reached[1] < 41_000
    code, told, said = pt(*words)
    assert (0, True, []) == (code, told["ended"], told["created"]), said
    assert GOLDEN["frames"] + len(captures) == told["held"] + told["written"]  # type: ignore[operator]
    assert told["held"] > reached[1]  # type: ignore[operator]
    code, told, _ = pt(*words)
    assert (0, True, 0) == (code, told["ended"], told["written"])
    for capture in captures:
        found, origin = held(broker, f"{prefix}.raw.{capture.venue}"), origin_of(capture.source_id)
        assert [record_of(frame, origin) for frame in capture] == found[:-1]
        end = heading_of(found[-1][0])
        assert end is not None and (ENDED, len(found)) == (end.dialect, end.number)
    deployment = deployed(tmp_path, prefix, [f"{capture.venue}/0" for capture in captures])
    market, desk = program("market", deployment, broker), program("desk", deployment, broker)
    assert [GOLDEN[key] for key in ("frames", "facts", "gaps")] == [market[key] for key in ("frames", "facts", "gaps")]
    lab = desk["desks"]["lab"]  # type: ignore[index]
    assert [GOLDEN[key] for key in ("entries", "envelopes", "orders", "fills")] == [
        lab[key] for key in ("entries", "envelopes", "orders", "fills")
    ]
    if GOLDEN["fingerprint"] == fingerprint():
        assert GOLDEN["decision_digest"] == lab["decision_digest"]


@pytest.mark.kafka
@pytest.mark.chdb
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_a_store_is_heard_again_and_replays(broker: Broker, tmp_path: Path, *, whole: bool) -> None:
    """A run's store, fed at ten times its pace, killed and stopped, then as fast as can be: the same store again."""
    prefix, store, again = f"paper.refeed.stored_{whole}".lower(), tmp_path / "store", tmp_path / "again"
    paths = pack(FIXTURES)[0] if whole else (small(tmp_path / "small.jsonl", 6_000),)
    captures = in_order([open_capture(path) for path in paths])
    files = [word for capture in captures for word in ("--capture", str(capture.path))]
    code, ran, said = pt("run", *files, "--instruments", str(INSTRUMENTS), "--store", str(store))
    assert 0 == code, said
    deployment = deployed(tmp_path, prefix, [f"{capture.venue}/0" for capture in captures])
    words = ["refeed", "--from", "store", "--store", str(store), "--to", prefix, "--deployment", str(deployment)]
    words += ["--bootstrap", broker.plain.bootstrap]
    ask = count(broker, f"{prefix}.journal")
    for least, number, ended in ((20, signal.SIGKILL, -signal.SIGKILL), (60, signal.SIGTERM, 128 + signal.SIGTERM)):
        slowly = [*words, "--speed", "10"]
        assert ended == killed(slowly, lambda least=least: ask() >= least, number)  # type: ignore[misc]
    before = ask()
    code, told, said = pt(*words, "--speed", "max")
    assert (0, True, before, {}) == (code, told["ended"], told["held"], told["left_out"]), said
    code, told, _ = pt(*words)
    assert (0, 0, ask()) == (code, told["written"], told["held"])
    number = 0
    for _, value in held(broker, f"{prefix}.journal"):
        strand = strand_of(value)
        assert number == strand.number
        number += strand.count
    assert strand.ended

    lab = program("desk", deployment, broker)["desks"]["lab"]  # type: ignore[index]
    assert (0, 0, ran["decision_digest"]) == (lab["repeats"], lab["incidents"], lab["decision_digest"])
    program("record", deployment, broker, "--store", str(again))
    code, replayed, said = pt("replay", "--store", str(again))
    assert (0, 0, 0) == (code, replayed["differs"], replayed["input_missing"]), said
    assert ran["envelopes"] == replayed["same"]
    assert ran["orders"] > 0  # type: ignore[operator]
    assert heads(store) == heads(again)


def heads(store: Path) -> dict[str, list[bytes]]:
    """Return the heads of both chains of a store's desk."""
    with EnvelopeTable.embedded(store) as table:
        return {chain: [block.head for block in table.read_blocks("lab", chain)] for chain in ("journal", "decisions")}


@pytest.mark.kafka
def test_topics_are_copied_under_another_prefix(broker: Broker, tmp_path: Path) -> None:
    """What one feeding wrote another copies: each record as it is, the partitions of a deployment alone, and once."""
    source, prefix = "paper.refeed.first", "paper.refeed.second"
    deployment = deployed(tmp_path, prefix, ["kalshi/0", "bitget/0"])
    where = ("--bootstrap", broker.plain.bootstrap)
    capture = str(small(tmp_path / "small.jsonl", 2_000))
    assert 0 == pt("refeed", "--from", "capture", "--capture", capture, "--to", source, *where)[0]
    words = ("refeed", "--from", "topic", "--source", source, "--to", prefix, "--deployment", str(deployment), *where)
    for written in (2_002, 0):
        code, told, said = pt(*words)
        assert (0, written, 2) == (code, told["written"], len(told["partitions"])), said  # type: ignore[arg-type]
    assert held(broker, f"{source}.raw.kalshi") == held(broker, f"{prefix}.raw.kalshi")
    assert 1 == len(held(broker, f"{prefix}.raw.bitget"))
    shown = CliRunner().invoke(app, [*words])
    assert "this feeding has ended before; nothing was done again" in shown.stdout


@pytest.mark.kafka
def test_a_feeding_keeps_the_pace_and_tells_what_was_cut_short(broker: Broker, tmp_path: Path) -> None:
    """Two seconds of arrivals take a fifth of one at ten times the speed; a torn recording ends with exit code 1."""
    file = tmp_path / "paced.jsonl"
    with CaptureWriter(file, "kalshi", "kalshi") as recording:
        recording.write(Received(1_767_225_600_000_000_000 + n * 500_000_000, "c1", n, b"x") for n in range(5))
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(file.read_bytes() + b'{"at_ns":17672')
    begun = time.monotonic()
    words = ("refeed", "--from", "capture", "--to", "paper.refeed.paced", "--bootstrap", broker.plain.bootstrap)
    code, told, said = pt(*words, "--capture", str(torn), "--speed", "10")
    assert (1, 7, [f"{torn}: line 7 is torn; read up to line 6"]) == (code, told["written"], told["truncated"])
    assert time.monotonic() - begun >= 0.2
    assert f"cut short, fed up to its last whole line: {torn}" in said


@pytest.mark.kafka
def test_a_program_that_may_feed_may_not_feed_a_mode(broker: Broker, tmp_path: Path) -> None:
    """The broker refuses it the topics of paper, whatever is confirmed; below its prefix it hears who gives rights."""
    capture = str(small(tmp_path / "small.jsonl", 50))
    access = str(broker.folder / "access" / "paper.refeed.json")
    assert pt("topics", "create", "--prefix", "paper", "--bootstrap", broker.plain.bootstrap)[0] in (0, 1)
    words = ("refeed", "--from", "capture", "--capture", capture, "--access", access)
    code, told, said = pt(*words, "--to", "paper", "--confirm")
    assert (2, {}, 1) == (code, told, said.count("\n"))
    assert "as paper.refeed: topic paper.raw.kalshi, partition 0: record 0 was not acknowledged: Topic" in said
    code, told, said = pt(*words, "--to", "paper.refeed.own")
    assert (0, 9, False) == (code, len(told["created"]), told["rights"]), said  # type: ignore[arg-type]
    assert "no program may use them yet: pt topics create --prefix paper.refeed.own" in said
    words = (*words[:5], "--bootstrap", broker.plain.bootstrap)
    code, told, said = pt(*words, "--to", "paper.refeed.own", "--until", "2026-01-01T00:00:00Z")
    assert (2, {}) == (code, told)
    assert "topic paper.refeed.own.raw.kalshi, partition 0: holds 51 records, but" in said


# ---- without one ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--to", "paper.refeed.a"], "Missing option '--from'"),
        (["--from", "capture"], "Missing option '--to'"),
        (["--from", "tape", "--to", "paper.refeed.a"], "'tape' is not one of 'capture', 'topic', 'store'"),
        (["--from", "capture", "--to", "paper.refeed.a"], "--capture is missing; allowed: one or more recorded files"),
        (["--from", "capture", "--to", "paper.refeed.a", "--speed", "2"], "'2' is not one of '1', '10', 'max'"),
        (["--from", "capture", "--to", "paper", "--capture", "{file}"], "--to paper: programs of mode paper act on"),
        (["--from", "capture", "--to", "live", "--capture", "{file}"], "--to live: programs of mode live act on what"),
        (["--from", "capture", "--to", "live.refeed.a", "--capture", "{file}"], "allowed: this with --confirm"),
        (
            ["--from", "capture", "--to", "demo", "--capture", "{file}"],
            "mode 'demo' is unknown; allowed: paper, shadow",
        ),
        (["--from", "capture", "--to", "paper.refeed.a", "--capture", "{file}"], NOBODY),
        (["--from", "capture", "--to", "paper.refeed.a", "--capture", "{file}", "--store", "x"], "--store: belongs to"),
        (["--from", "store", "--to", "paper.refeed.a", "--capture", "{file}"], "--capture: belongs to another source"),
        (["--from", "store", "--to", "paper.refeed.a", "--store", "none"], "--store none: no store there"),
        (["--from", "store", "--to", "paper.refeed.a", "--since", "5"], "--since: a desk is nothing without what it"),
        (["--from", "topic", "--to", "paper.refeed.a"], "--source is missing; allowed: the prefix to copy"),
        (["--from", "topic", "--to", "paper.refeed.a", "--source", "paper.refeed.a"], "another than --to"),
        (["--from", "topic", "--to", "paper.refeed.a", "--source", "x"], "mode 'x' is unknown"),
        (["--from", "topic", "--to", "paper.refeed.a", "--since", "soon"], "--since 'soon': not a time; allowed"),
        (
            ["--from", "topic", "--to", "paper.refeed.a", "--since", "2", "--until", "1"],
            "--since 2: is after --until 1",
        ),
        (
            ["--from", "capture", "--to", "paper.refeed.a", "--capture", "{file}"],
            "127.0.0.1:1: as nobody: nobody listens",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the option, the value and what is allowed; standard output stays empty."""
    monkeypatch.setattr("connectors.topics.REACH_MS", 200)
    file = str(small(tmp_path / "small.jsonl", 20))
    broker = () if named == NOBODY else ("--bootstrap", "127.0.0.1:1")
    shown = CliRunner().invoke(app, ["refeed", *(word.replace("{file}", file) for word in words), *broker])
    assert (2, "", 1) == (shown.exit_code, shown.stdout, shown.stderr.count("\n"))
    assert named in shown.stderr
