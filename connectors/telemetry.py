"""Tell an operator how a program is while it runs: numbers for Prometheus, whether it lives, whether it is ready.

    GET /metrics   everything that is watched, in Prometheus' text format
    GET /health    200 while every live check is well, else 503; the checks as JSON
    GET /ready     the same of all checks, live and ready: may work be given to it

The program pushes nothing and waits for nobody: values that it has anyway are read when somebody asks, in a thread of
their own. What cannot be read is counted under its name, and the others still answer. A registry of its own is used,
so nothing of the process is told that is not told here. Label values come from bounded sets (lanes, desks, gates,
reasons, partitions), never from the markets: every value is a series that Prometheus keeps.
"""

import json
import math
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from connectors.errors import EdgeError
from connectors.metrics import (
    COLLECT_ERRORS,
    COUNTER,
    EPOCH_AGE,
    EPOCH_SECONDS,
    HISTOGRAM,
    INFO,
    METRICS,
    Sample,
    Spread,
    sample,
)
from contracts.base import Refused

LOOPBACK = "127.0.0.1"
LIVE: Literal["live"] = "live"
READY: Literal["ready"] = "ready"
EPOCH_LIMIT_S, STARTING_LIMIT_S = 10.0, 60.0
SERIES_MAX, LABEL_MAX = 10_000, 200
LABEL = re.compile("[a-z][a-z_]*")
REQUESTS_MAX, REQUEST_S, GATHER_S = 16, 5.0, 5.0
TEXT, JSON_TYPE = "text/plain; version=0.0.4; charset=utf-8", "application/json"

Collect = Callable[[], Iterable[Sample]]
Check = Callable[[], str]


class Answer(NamedTuple):
    """What a request gets."""

    status: int
    kind: str
    body: bytes


class Telemetry:
    """What one program tells. `watch` and `check` at any time, from any thread; `serve` once."""

    def __init__(self, program: str, info: Mapping[str, str]) -> None:
        """Take the program's name, and what tells its build apart: `version` and `config` at least, no secrets."""
        self.program = program
        self._info = {"program": program, "version": "", "config": "", **info}
        if wrong := [name for name in self._info if not LABEL.fullmatch(name)]:
            raise Refused(f"info {wrong[0]!r}; allowed: lower-case letters and underscores")
        self._collects: list[tuple[str, Collect]] = []
        self._checks: list[tuple[str, Check, str]] = []
        self._errors: Counter[str] = Counter()
        self._gathering = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._server: _Server | None = None

    def watch(self, collect: Collect, name: str = "") -> None:
        """Ask `collect` for samples at every look; it must be quick, and may run in any thread, one look at a time."""
        named = name or getattr(collect, "__qualname__", type(collect).__qualname__)
        self._errors[named] += 0
        self._collects.append((named, collect))

    def check(self, name: str, check: Check, kind: Literal["live", "ready"] = LIVE) -> None:
        """Ask `check` whether something is well: '' when it is, else what is wrong, in words without secrets.

        live   false: only a new start helps     ready  false: it goes on by itself, and must not be given work yet
        """
        self._checks.append((name, check, kind))

    def serve(self, host: str = LOOPBACK, port: int = 0) -> int:
        """Answer from now on, and return the port (0 takes a free one).

        Raises Refused for an empty host, which would mean all: a host beside this machine's own must be named on
        purpose. Raises EdgeError when it cannot be listened on.
        """
        if not host or host == "*":
            raise Refused(f"metrics host {host!r}; allowed: {LOOPBACK}, or an address named on purpose, as 0.0.0.0")
        try:
            self._server = _Server(host, port, self.answer)
        except (OSError, OverflowError) as err:
            raise EdgeError(f"metrics at {host}:{port}: cannot be served ({err})") from None
        thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="telemetry", daemon=True)
        thread.start()
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering; a second time does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> "Telemetry":
        """Serve nothing by itself; `with` closes it in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- answers ----

    def answer(self, path: str) -> Answer:
        """Return the answer to a path; never raises."""
        if path == "/metrics":
            return self._metrics()
        if path in ("/health", "/ready"):
            return self._checked(READY if path == "/ready" else LIVE)
        return Answer(404, JSON_TYPE, b'{"allowed": ["/metrics", "/health", "/ready"]}')

    def collect(self) -> Iterator[Metric]:
        """Yield the families of everything watched, as prometheus-client wants them."""
        families: dict[str, Metric] = {}
        for each in (Sample(INFO, "gauge", METRICS[INFO].help, tuple(self._info.items()), 1), *self.samples()):
            family = families.get(each.name)
            if family is None:
                name = each.name.removesuffix("_total") if each.kind == COUNTER else each.name
                family = families[each.name] = Metric(name, each.help, each.kind)
            for suffix, labels, value in each.parts():
                family.add_sample(each.name + suffix, labels, value)
        yield from families.values()

    def samples(self) -> list[Sample]:
        """Return what the watched give now; what cannot be had or may not be told is counted, and left out."""
        found: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
        series: Counter[str] = Counter()
        for name, collect in list(self._collects):
            try:
                for each in list(collect()):
                    key = each.name, each.labels
                    if key in found or series[each.name] >= SERIES_MAX or not is_known(each):
                        self._errors[name] += 1
                        continue
                    series[each.name] += 1
                    found[key] = each
            except Exception:  # whatever one of them raises, the others answer
                self._errors[name] += 1
        errors = (sample(COLLECT_ERRORS, count, collect=name) for name, count in dict(self._errors).items())
        return [*found.values(), *errors]

    def _metrics(self) -> Answer:
        if not self._gathering.acquire(timeout=GATHER_S):
            return Answer(503, JSON_TYPE, b'{"wrong": "an earlier look has not ended yet"}')
        try:
            return Answer(200, TEXT, generate_latest(self._registry))
        finally:
            self._gathering.release()

    def _checked(self, kind: str) -> Answer:
        asked = [(name, check) for name, check, of in list(self._checks) if of in (LIVE, kind)]
        found = {name: _asked(check) for name, check in asked}
        well = not any(found.values())
        body = {"program": self.program, "well": well, "checks": found}
        return Answer(200 if well else 503, JSON_TYPE, json.dumps(body).encode())


def _asked(check: Check) -> str:
    """Return what a check says; one that raises is not well, and its message might hold what must not be told."""
    try:
        return str(check())
    except Exception as err:
        return f"the check itself failed: {type(err).__name__}"


def is_known(each: Sample) -> bool:
    """True for a sample of a metric that is on the list, with the labels that it has there and a number."""
    known = METRICS.get(each.name)
    return (
        known is not None
        and known.kind == each.kind
        and tuple(name for name, _ in each.labels) in known.labels
        and all(isinstance(value, str) and len(value) <= LABEL_MAX for _, value in each.labels)
        and isinstance(each.value, Spread if each.kind == HISTOGRAM else int | float)
    )


def address_of(text: str) -> tuple[str, int]:
    """Read HOST:PORT, [HOST]:PORT or PORT alone, which is this machine's own; raises Refused."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal()) or int(port) > 65_535 or (":" in host) != host.startswith("["):
        raise Refused(f"metrics address {text!r}; allowed: HOST:PORT, or PORT (0 takes a free one)")
    return host.strip("[]") or LOOPBACK, int(port)


# ---- time ---------------------------------------------------------------------------------------------------------


class Epochs:
    """How a dataflow's epochs go: whether it goes on at all. `heard` at each snapshot of a source's partition.

    The slowest partition counts: one that stands still must not hide behind others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now, with no epoch heard; `clock` gives seconds."""
        self._clock, self._began = clock, clock()
        self._parts: dict[str, tuple[float, float]] = {}
        self._heard = False

    def heard(self, part: str = "") -> None:
        """Note that a partition was snapshotted: an epoch of it has ended. About 0.3 µs."""
        now, last = self._clock(), self._parts.get(part)
        self._parts[part] = now, math.nan if last is None else now - last[0]
        self._heard = True

    def ended(self, part: str = "") -> None:
        """Note that a partition has come to its end: no more epochs are expected of it."""
        self._parts.pop(part, None)

    @property
    def age_s(self) -> float:
        """Seconds since the last epoch, or since the start where there was none yet."""
        parts = list(self._parts.values())
        if not parts:
            return 0.0 if self._heard else self._clock() - self._began
        return self._clock() - min(at for at, _ in parts)

    def samples(self) -> list[Sample]:
        """Return the two gauges; how long an epoch takes is known from the second on."""
        seconds = max((took for _, took in list(self._parts.values()) if not math.isnan(took)), default=math.nan)
        age = sample(EPOCH_AGE, self.age_s)
        return [age] if math.isnan(seconds) else [sample(EPOCH_SECONDS, seconds), age]

    def live(self, limit_s: float = EPOCH_LIMIT_S, starting_s: float = STARTING_LIMIT_S) -> str:
        """Return '' while epochs follow each other; a start may take longer, since it loads all state."""
        limit, age = (limit_s if self._heard else starting_s), self.age_s
        return "" if age <= limit else f"no epoch has ended for {age:.1f} s; allowed: {limit:g} s"

    def ready(self) -> str:
        """Return '' once an epoch has ended."""
        return "" if self._heard else "no epoch has ended yet"


class Since:
    """Counts of this process, made of counts that outlive it.

    A tally that a snapshot brings back is behind what was last told, and Prometheus takes a counter that falls for one
    that began again at 0: the whole value would look new. So counters are told as from `begin`.
    """

    def __init__(self, collect: Collect) -> None:
        """Take what gives the counts; until `begin` they are told as they are."""
        self._collect = collect
        self._base: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def begin(self) -> None:
        """Count from what is there now: to be called when the state has been brought back."""
        now = [each for each in self._collect() if each.kind == COUNTER]
        self._base = {(each.name, each.labels): each.value for each in now if not isinstance(each.value, Spread)}

    def __call__(self) -> Iterator[Sample]:
        """Yield the samples; gauges as they are."""
        for each in self._collect():
            base = self._base.get((each.name, each.labels), 0)
            yield each if isinstance(each.value, Spread) else each._replace(value=max(0, each.value - base))


# ---- the server ---------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    """Answers a bounded number of requests at a time, each within seconds, and never says a word itself."""

    daemon_threads, block_on_close = True, False

    def __init__(self, host: str, port: int, answer: Callable[[str], Answer]) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self._room = threading.BoundedSemaphore(REQUESTS_MAX)
        super().__init__((host, port), _handler(answer))

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks a name server who we are

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: somebody hung up."""


def _handler(answer: Callable[[str], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_S

        def do_GET(self) -> None:
            found = answer(self.path.partition("?")[0])
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def version_string(self) -> str:
            return "polytraders"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a look every few seconds is no news."""

    return Handler
