"""`pt feed` and `pt record`: nothing leaves this machine unasked, and a signal leaves a whole capture."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from connectors.capture import open_capture
from tests.connectors.feeds.loopback import Loopback, run
from tests.connectors.feeds.test_session import AT_MS, book, change, steady

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("--markets", "111", "--no-about", "--json")
Done = tuple[int, str, str]


async def pt(*words: str, until: Callable[[], bool] | None = None, sign: int = signal.SIGTERM) -> Done:
    """Run `pt`; once `until` holds, send a signal."""
    pipe = asyncio.subprocess.PIPE
    environ = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *words, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe
    )
    if until is not None:
        async with asyncio.timeout(30):
            while not until() and running.returncode is None:
                await asyncio.sleep(0.05)
        running.send_signal(sign)
    out, err = await asyncio.wait_for(running.communicate(), 60)
    return running.returncode or 0, out.decode(), err.decode()


def holds(path: Path, count: int) -> Callable[[], bool]:
    """Return whether a file has so many lines."""
    return lambda: path.is_file() and path.read_bytes().count(b"\n") >= count


async def script(connection: ServerConnection, number: int) -> None:
    """A book that moves a few times, then answers probes."""
    await connection.recv()
    for said in (book(), change(AT_MS + 1, "11"), change(AT_MS + 2, "12")):
        await connection.send(said)
    server = Loopback(script)
    await steady(server, connection)


@pytest.mark.parametrize(
    "words", [("feed", "polymarket", "--to", "capture", "x"), ("record", "polymarket", "--out", "x")]
)
def test_hosts_outside_need_a_person(words: tuple[str, ...], tmp_path: Path) -> None:
    """Without --live the hosts are named, and nothing is opened or written."""
    code, out, err = run(pt(*(str(tmp_path / word) if word == "x" else word for word in words), *WORDS))
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "would speak to ws-subscriptions-clob.polymarket.com, gamma-api.polymarket.com; add --live" in err
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """One line, exit code 2, nothing written: a path too few or too many, a key that is not there."""
    here = ("--base", "ws://127.0.0.1:9")
    told = {
        ("feed", "polymarket", *here): "--to capture: allowed: --to capture PATH",
        ("feed", "polymarket", "y", "--to", "kafka", *here): "--to kafka: allowed",
        ("feed", "polymarket", "--to", "kafka", *here): "--bootstrap or --access: name the broker",
        (
            "record",
            "kalshi",
            "--out",
            str(tmp_path / "x"),
            "--key",
            "env:NO_KEY",
            "--key-id",
            "env:NO_ID",
            *here,
        ): "not set",
    }

    async def main() -> list[Done]:
        return [await pt(*words, *WORDS) for words in told]

    for (code, out, err), said in zip(run(main()), told.values(), strict=True):
        assert (2, "") == (code, out)
        assert said in err.splitlines()[-1]
    assert [] == list(tmp_path.iterdir())


def test_a_signal_leaves_a_whole_capture_that_a_run_reads(tmp_path: Path) -> None:
    """SIGTERM: the connection is closed, everything is on disk, the end is marked; the run has the venue's book."""
    path = tmp_path / "x.jsonl"

    async def main() -> tuple[Done, Done]:
        async with Loopback(script) as server:
            words = ("record", "polymarket", "--out", str(path), "--base", server.places.socket)
            recorded = await pt(*words, *WORDS, until=holds(path, 6))
        return recorded, await pt("run", "--capture", str(path), "--json")

    (code, out, err), (ran, summary, _) = run(main())
    assert 143 == code
    assert err.splitlines()[0].startswith("pt: polymarket: speaks to 127.0.0.1:") and "pt: interrupted" in err
    told = json.loads(out)
    assert (1, {}, 0, [], str(path)) == tuple(
        told[key] for key in ("connects", "ends", "dead_letters", "without_image", "to")
    )
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert ["disconnected", "rotated"] == [line.get("event") for line in lines[-2:]]
    capture = open_capture(path)
    assert len(lines) == len(list(capture)) and "" == capture.truncated
    found = json.loads(summary)
    assert (0, len(lines), {}, ["111"]) == (ran, found["frames"], found["dead_letters"], found["markets"])


def test_a_run_follows_a_feed_while_it_grows(tmp_path: Path) -> None:
    """It ends with the recording, and has every line of it."""
    path = tmp_path / "x.jsonl"

    async def main() -> tuple[Done, Done]:
        async with Loopback(script) as server:
            words = ("record", "polymarket", "--out", str(path), "--base", server.places.socket, "--seconds", "3")
            recording = asyncio.create_task(pt(*words, *WORDS))
            while not holds(path, 1)():
                await asyncio.sleep(0.05)
            return await pt("run", "--follow", "--capture", str(path), "--json"), await recording

    (ran, summary, _), (code, _, _) = run(main())
    assert (0, 0) == (ran, code)
    assert path.read_bytes().count(b"\n") == json.loads(summary)["frames"]


def test_a_second_feed_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """Killed without a word, the torn line is cut off and the new connection has another name."""
    path = tmp_path / "x.jsonl"

    async def main() -> tuple[Done, Done]:
        async with Loopback(script) as server:
            words = ("feed", "polymarket", "--to", "capture", str(path), "--base", server.places.socket)
            first = await pt(*words, *WORDS, until=holds(path, 6), sign=signal.SIGKILL)
            with path.open("ab") as file:
                file.write(b'{"at_ns":1')
            whole = path.read_bytes().count(b"\n")
            return first, await pt(*words, *WORDS, until=holds(path, whole + 6), sign=signal.SIGINT)

    (killed, _, _), (stopped, _, _) = run(main())
    assert (-signal.SIGKILL, 130) == (killed, stopped)
    capture = open_capture(path)
    frames = list(capture)
    assert "" == capture.truncated and 2 == len({frame.conn for frame in frames if frame.dialect == "clob_v2"})
    assert b"rotated" not in path.read_bytes()
