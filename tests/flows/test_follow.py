"""A run that follows a growing capture is killed, goes on, and is in the end the run of the finished file."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo import FIXTURES
from connectors.capture import CaptureWriter, Received
from connectors.clickhouse import EnvelopeTable
from flows import embedded
from flows.desks import load_desk
from tests.flows.test_recovery import ELSEWHERE, taken, wait_for

ROOT = Path(__file__).resolve().parents[2]
OWN = ELSEWHERE | {"run_id"}
LINES = 2_000
pytestmark = pytest.mark.chdb


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The first lines of the pack."""
    with gzip.open(FIXTURES / "demo_kalshi.jsonl.gz") as packed:
        return [line for _, line in zip(range(LINES), packed, strict=False)]


def follow(live: Path, store: Path) -> "subprocess.Popen[str]":
    """Start to follow a capture."""
    words = ["run", "--capture", str(live), "--instruments", str(FIXTURES / "demo_instruments.jsonl"), "--follow"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words, "--store", str(store), "--json"],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "BOT_DISABLE_TRADING": ""},
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def append(live: Path, data: bytes) -> None:
    """Write on, as a recorder does."""
    with live.open("ab") as file:
        file.write(data)


def end(live: Path) -> None:
    """Let a recorder, a new one, close the file: it cuts off what is torn."""
    last = json.loads(live.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[2])
    with CaptureWriter(live, "kalshi", "kalshi") as writer:
        writer.write([Received(last["at_ns"], last["conn"], last["n"] + 1, event="rotated")])


def blocks(store: Path) -> list[tuple[str, int, bytes]]:
    """Every block of a store."""
    with EnvelopeTable.embedded(store) as table:
        assert (table.verify_chain(), table.incidents()) == (None, [])
        return [(each.chain, each.number, each.head) for chain in table.chains() for each in table.read_blocks(*chain)]


def test_a_followed_run_is_that_of_the_finished_file(lines: list[bytes], tmp_path: Path) -> None:
    """Killed while the file grows, stopped while nothing comes, and taken up again: facts and decisions to the byte."""
    live, store = tmp_path / "live.jsonl", tmp_path / "store"
    live.write_bytes(b"".join(lines[:700]))
    running = follow(live, store)
    wait_for(running, lambda: taken(store) >= 700, 0.0)
    append(live, b"".join(lines[700:1_400]) + lines[1_400][:40])
    running.send_signal(signal.SIGKILL)
    assert ("", "") == running.communicate()
    running = follow(live, store)
    wait_for(running, lambda: taken(store) >= 1_400, 0.0)
    running.send_signal(signal.SIGTERM)
    assert (("", "pt: interrupted\n"), 143) == (running.communicate(timeout=60), running.returncode)
    append(live, lines[1_400][40:] + b"".join(lines[1_401:]) + b'{"at_ns":17')
    running = follow(live, store)
    wait_for(running, lambda: taken(store) >= LINES, 0.0)
    end(live)
    out, err = running.communicate(timeout=60)
    assert (0, "") == (running.returncode, err)
    found = json.loads(out)
    desk, records = load_desk("lab", ROOT / "config"), FIXTURES / "demo_instruments.jsonl"
    plain = embedded.Settings((live,), desk, records, tmp_path / "plain", ROOT / "config")
    expected = json.loads(json.dumps(embedded.run(plain).summary))
    assert {key: value for key, value in expected.items() if key not in OWN} == {
        key: value for key, value in found.items() if key not in OWN
    }
    assert LINES + 1 == found["frames"]
    assert blocks(tmp_path / "plain") == blocks(store)


def test_only_our_own_captures_are_followed(tmp_path: Path) -> None:
    """Any other file is refused before anything is written."""
    (tmp_path / "other").write_text("words\n")
    running = follow(tmp_path / "other", tmp_path / "store")
    _, err = running.communicate(timeout=60)
    assert (2, 1) == (running.returncode, err.count("\n"))
    assert "is no recording of our own in plain text; only such can be followed" in err
    assert not (tmp_path / "store").exists()
