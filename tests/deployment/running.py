"""Run the programs of a deployment as processes, feed them, end them badly, and read back what they wrote.

A `Site` is one deployment under a prefix of its own: topics, a deployment file, state, a store. Its programs are
`python -m cli.main program ...`, as a person or a supervisor starts them. What stands in the topics is read back with
kafka-python and judged without the code that wrote it (`reading.py`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path

from connectors import namespace, topics
from connectors.access import Access
from connectors.signing import PublicKey, make_key
from connectors.topic_layout import layout, read_layout
from flows.desk import key_path

ROOT = Path(__file__).resolve().parents[2]
INSTRUMENTS = ROOT / "fixtures" / "demo_instruments.jsonl"
START_S, END_S, PAUSE_S = 60.0, 120.0, 0.02
WATCHED = {"market": ".raw.", "desk": ".journal", "record": ".envelopes"}
_TOLD = re.compile(r"metrics: (http://\S+)/metrics")
_AGE = re.compile(r'^polytraders_lag_age_seconds\{[^}]*topic="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)


def wait(holds: Callable[[], object], limit_s: float, what: str) -> float:
    """Wait until something holds; returns the seconds it took, and fails with `what` beyond the limit."""
    begun = time.monotonic()
    while not holds():
        took = time.monotonic() - begun
        assert took < limit_s, f"{what}: not within {limit_s:g} s"
        time.sleep(PAUSE_S)
    return time.monotonic() - begun


class Process:
    """One program that runs; its words go to files."""

    def __init__(self, words: Sequence[str], said: Path, environ: Mapping[str, str] | None = None) -> None:
        """Start `python WORDS` in a session of its own; standard output to SAID.out, error to SAID.err."""
        self.words, self.said, self.begun = list(words), said, time.monotonic()
        with said.with_suffix(".out").open("wb") as out, said.with_suffix(".err").open("ab") as err:
            self._before = err.tell()
            self._process = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environ or {})},
                start_new_session=True,
            )  # fmt: skip
        self.pid, self._url = self._process.pid, ""

    @property
    def runs(self) -> bool:
        """True until it has ended."""
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def error(self) -> str:
        """What it said on standard error since this start."""
        return self.said.with_suffix(".err").read_bytes()[self._before :].decode("utf-8", "replace")

    def wait(self, limit_s: float = END_S) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.said.name} did not end within {limit_s:g} s; it said: {self.error}") from None

    def summary(self, limit_s: float = END_S) -> dict:
        """Wait for a good end; returns the document that it printed."""
        code = self.wait(limit_s)
        assert 0 == code, f"{self.said.name} ended with {code}: {self.error}"
        found: dict = json.loads(self.said.with_suffix(".out").read_text("utf-8"))
        return found

    def kill(self) -> None:
        """End it at once (kill -9) and wait until it is gone."""
        if self.runs:
            os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end, as a supervisor does; returns the exit code."""
        if self.runs:
            os.kill(self.pid, signal.SIGTERM)
        return self.wait(30)

    @property
    def ready(self) -> bool:
        """True once it says of itself that it has started: all its sources are open, and an epoch has ended."""
        return bool(self._asked("ready"))

    def newest_s(self, topics: str) -> float:
        """Return the time of the newest record that it has read from topics of that name; -1 for none, or no answer.

        Seconds of Unix time, to about 0.1 s: arrival for a raw topic, when the broker took it for any other.
        """
        text, now = self._asked("metrics"), time.time()
        ages = [float(age) for topic, age in _AGE.findall(text) if topics in topic]
        return max((now - age for age in ages if age >= 0), default=-1)

    def _asked(self, path: str) -> str:
        """Return a page of its telemetry; nothing while nobody answers, or not well."""
        if not self._url:
            told = _TOLD.findall(self.error)
            if not told:
                return ""
            self._url = told[-1]
        try:
            with urllib.request.urlopen(f"{self._url}/{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (OSError, HTTPException):  # it may end meanwhile
            return ""


class Site:
    """One deployment: a prefix, its topics and its file; every process that it started is ended by `close`."""

    def __init__(
        self, access: Access, folder: Path, name: str, lanes: Mapping[str, Sequence[str]], control: str = ""
    ) -> None:
        """Make the topics of `paper.refeed.NAME` and the deployment file.

        lanes  name -> venues, in the order of their ranks; each is partition 0 of its topic
        control  a line of keys.control: who may sign entries for its desk
        """
        self.access, self.folder, self.prefix = access, folder, f"paper.refeed.{name}"
        self.lanes = {lane: list(venues) for lane, venues in lanes.items()}
        self.state, self.store, self.file = folder / "state", folder / "store", folder / "deployment.toml"
        self._started: list[Process] = []
        folder.mkdir(parents=True, exist_ok=True)
        wanted = layout(read_layout(), self.prefix)
        with topics.administration(access) as client:
            topics.create(client, wanted, self.prefix)
        path = key_path(self.state, "paper")
        path.parent.mkdir(mode=0o700, parents=True)
        self.order_key: PublicKey = make_key(path)
        self.file.write_text(self._spelled(control), "utf-8")

    def __enter__(self) -> "Site":
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End whatever still runs."""
        for process in self._started:
            process.kill()

    def topic(self, name: str) -> str:
        """Return a topic of its own: `journal`, or `raw.kalshi`."""
        kind, _, venue = name.partition(".")
        return namespace.raw_topic(self.prefix, venue) if kind == "raw" else namespace.topic(self.prefix, name)

    def start(self, program: str, *more: str, until_end: bool = True, watched: bool = False) -> Process:
        """Start a program; the same again goes on in its place. `watched`: it serves its metrics."""
        words = ["-m", "cli.main", "program", program, "--deployment", str(self.file), "--state", str(self.state)]
        if "--access" not in more:
            words += ["--bootstrap", self.access.bootstrap]
        words += ["--store", str(self.store)] if program == "record" else []
        words += ["--until-end"] if until_end else []
        words += ["--metrics", "127.0.0.1:0"] if watched else []
        said = program + "".join(f"-{word}" for word in more if word.isalnum())
        return self._begin([*words, *more, "--json", "--debug"], said)

    def run_by_engine(self, program: str) -> Process:
        """Start a program by the dataflow engine's own runner; it ends where its input does, and prints nothing."""
        environ = {"DEPLOYMENT": self.file, "BOOTSTRAP": self.access.bootstrap, "STATE": self.state, "UNTIL_END": 1}
        named = {f"POLYTRADERS_{name}": str(value) for name, value in environ.items()}
        return self._begin(["-m", "bytewax.run", f"flows.{program}"], f"engine-{program}", named)

    def feed(self, captures: Mapping[str, Path], rate: int = 0) -> Process:
        """Start a process that writes recordings to the raw topics, at so many frames a second; 0: at once."""
        parts = [f"{venue}={path}" for venue, path in captures.items()]
        words = ["-m", "tests.deployment.feeding", self.access.bootstrap, self.prefix, str(rate), *parts]
        return self._begin(words, "feeding")

    def _begin(self, words: Sequence[str], said: str, environ: Mapping[str, str] | None = None) -> Process:
        process = Process(words, self.folder / said, environ)
        self._started.append(process)
        return process

    def _spelled(self, control: str) -> str:
        lanes = [f"{lane} = {json.dumps([f'{venue}/0' for venue in venues])}" for lane, venues in self.lanes.items()]
        lines = [
            f'prefix = "{self.prefix}"', f"instruments = {json.dumps(os.path.relpath(INSTRUMENTS, self.folder))}",
            "[lanes]", *lanes, "[desks]", "lab = { partition = 0 }",
            "[keys.order]", f'{self.order_key.key_id} = "{self.order_key.public}"', "[keys.control]", control,
        ]  # fmt: skip
        return "\n".join(lines) + "\n"
