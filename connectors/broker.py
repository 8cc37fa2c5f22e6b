"""Run a real Apache Kafka on this machine: one node, loopback, made in a folder, started, stopped by its process id.

A mock answers what its author expected; durability, refused principals and a sudden death need the real one.
Two doors: `plain`, which asks nobody and serves the demonstration and the tests, and `secure`, with TLS, SCRAM and the
access lists of `infra/kafka/topics.toml`, one principal per program. Both are on 127.0.0.1 and nowhere else.

    DIR/broker.json   what was made: version, ports, principals; written last, so half a broker is made again
    DIR/running.json  which process it is, while it runs
    DIR/access/       one access file and one password per principal, for their owner alone
    DIR/data/, log/   the broker's own files
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct

from connectors import kafka_jars
from connectors.access import MECHANISM, Access
from connectors.broker_settings import ADMIN, HOST, Ports, java_words, server_properties
from connectors.certificates import make_certificates
from connectors.errors import BrokerError
from connectors.processes import is_gone, started_at, tied
from connectors.whole import put_whole

START_S, STOP_S, FORMAT_S, KILL_S = 60.0, 20.0, 60.0, 10.0
PAUSE_S = 0.05
HEAP_MB = 512
LOW_PORT, HIGH_PORT = (
    15_000,
    30_000,
)  # below what the kernel gives to outgoing connections, so that a restart finds its own
LOG_SHOWN = 3
ABOUT, RUNNING, AUTHORITY, SERVER = "broker.json", "running.json", "authority.pem", "server.pem"


class Made(Struct, frozen=True, forbid_unknown_fields=True):
    """What a broker's folder holds.

    version     of Apache Kafka that formatted it
    cluster_id  22 characters, drawn once
    ports       where it listens
    principals  who has a password, the administrator among them
    settings    of the broker, beyond ours
    """

    version: str
    cluster_id: str
    ports: Ports
    principals: tuple[str, ...]
    settings: dict[str, str]


class Running(Struct, frozen=True):
    """Which process a broker is: its number, and when it began as the kernel counts."""

    pid: int
    started: str


class Broker:
    """One local broker in a folder; entered, it runs, and it stops when left."""

    def __init__(
        self,
        folder: Path,
        principals: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        *,
        bound: bool = False,
        heap_mb: int = HEAP_MB,
    ) -> None:
        """Name it; nothing is touched.

        principals  get a password each when the folder is made, and so does `admin`, who may do everything
        settings    of the broker beyond ours, as in {"log.retention.check.interval.ms": "500"}; count when it is made
        bound       end with the thread that started it, even if that one is killed (where `setpriv` exists)
        heap_mb     most that Java's heap may take
        """
        self.folder = folder.resolve()
        self._principals = tuple(dict.fromkeys((ADMIN, *principals)))
        self._settings = dict(settings or {})
        self._bound, self._heap_mb = bound, heap_mb
        self._process: subprocess.Popen[bytes] | None = None

    # ---- what it is ------------------------------------------------------------------------------------------------

    @property
    def made(self) -> Made:
        """What the folder holds; raises BrokerError where no broker was made."""
        try:
            return msgspec.json.decode((self.folder / ABOUT).read_bytes(), type=Made)
        except FileNotFoundError:
            raise BrokerError(f"{self.folder}: no broker was made there") from None
        except msgspec.DecodeError as err:
            raise BrokerError(f"{self.folder / ABOUT}: not one of ours ({err}); remove the folder") from None

    @property
    def pid(self) -> int | None:
        """The number of its process while it runs, else None."""
        try:
            found = msgspec.json.decode((self.folder / RUNNING).read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return None if is_gone(found.pid, found.started) else found.pid

    @property
    def plain(self) -> Access:
        """The door that asks nobody."""
        return Access(f"{HOST}:{self.made.ports.plain}")

    def access(self, principal: str) -> Access:
        """Return a principal's way through the secure door; raises BrokerError for one that has no password."""
        made = self.made
        if principal not in made.principals:
            raise BrokerError(f"principal {principal!r} has no password; allowed: {', '.join(made.principals)}")
        password = self.folder / "access" / f"{principal}.password"
        return Access(f"{HOST}:{made.ports.secure}", principal, str(password), str(self.folder / AUTHORITY))

    # ---- start and stop --------------------------------------------------------------------------------------------

    def __enter__(self) -> "Broker":
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def start(self, limit_s: float = START_S) -> None:
        """Provision, make and format what is missing, start, and wait until it answers (about 3 s, then 2 s).

        Raises NoBroker where none can be had, BrokerError for one that runs already, a port that is taken, or one that
        ends or does not answer in time; the message has the last lines of its log.
        """
        if (pid := self.pid) is not None:
            raise BrokerError(f"{self.folder}: runs already as process {pid}")
        java, jars = kafka_jars.need_java(), kafka_jars.provision()
        if not (self.folder / ABOUT).exists():
            self._make(java, jars)
        made = self.made
        for port in msgspec.structs.astuple(made.ports):
            if not _is_free(port):
                raise BrokerError(f"{HOST}:{port}: is taken by another program; end it, or make a broker elsewhere")
        words = java_words(jars, self.folder, self._heap_mb)
        (self.folder / "java.args").write_text(words + f'kafka.Kafka\n"{self.folder / "server.properties"}"\n', "utf-8")
        self._launch(java)
        self._wait(made.ports.plain, time.monotonic() + limit_s)

    def stop(self, limit_s: float = STOP_S) -> None:
        """Ask it to end, wait, and kill it when it takes too long. Does nothing when it does not run."""
        if not self._end(signal.SIGTERM, limit_s):
            self._end(signal.SIGKILL, KILL_S)
        (self.folder / RUNNING).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a power cut would (kill -9). What it acknowledged stays; `start` finds it again."""
        self._end(signal.SIGKILL, KILL_S)

    def pause(self) -> None:
        """Stop its clock: connections stay open, nothing is answered, as with a machine that hangs."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGCONT)

    def _end(self, number: signal.Signals, limit_s: float) -> bool:
        pid = self.pid
        if pid is None:
            return True
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)  # one that was paused hears nothing else
        until = time.monotonic() + limit_s
        while self.pid is not None and time.monotonic() < until:
            time.sleep(PAUSE_S)
        if self._process is not None and self.pid is None:
            self._process.wait()
            self._process = None
        return self.pid is None

    # ---- how it is made ----------------------------------------------------------------------------------------------

    def _make(self, java: str, jars: Path) -> None:
        """Write what it needs and format its storage; `broker.json` last, so that less than all of it never counts."""
        ports, access = Ports(*_free_ports(3)), self.folder / "access"
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in (access, self.folder / "log"):
            place.mkdir(mode=0o700, exist_ok=True)
        make_certificates(self.folder / AUTHORITY, self.folder / SERVER, HOST)
        text = server_properties(self.folder, ports, self._settings)
        (self.folder / "server.properties").write_text(text, "utf-8")
        cluster_id = "K" + urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]  # never begins with a dash
        words = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self.folder / "server.properties")]
        for principal in self._principals:
            password = secrets.token_urlsafe(24)
            put_private(access / f"{principal}.password", password + "\n")
            about = Access(f"{HOST}:{ports.secure}", principal, f"{principal}.password", f"../{AUTHORITY}")
            put_private(access / f"{principal}.json", msgspec.json.encode(about).decode() + "\n")
            words += ["--add-scram", f"{MECHANISM}=[name={principal},password={password}]"]
        self._format(java, java_words(jars, self.folder, self._heap_mb), words)
        made = Made(kafka_jars.pinned().version, cluster_id, ports, self._principals, self._settings)
        put_whole(self.folder / ABOUT, msgspec.json.encode(made))

    def _format(self, java: str, options: str, words: list[str]) -> None:
        """Format the storage. The passwords travel in a private file: a command line is everybody's to read."""
        args = self.folder / "format.args"
        put_private(args, options + "".join(f'"{word}"\n' for word in words))
        try:
            code, said = kafka_jars.run([java, f"@{args}"], FORMAT_S)
        finally:
            args.unlink()
        if code:
            raise BrokerError(f"{self.folder}: storage could not be formatted: {' | '.join(said.split(chr(10))[-4:])}")

    def _launch(self, java: str) -> None:
        words = [java, f"@{self.folder / 'java.args'}"]
        words = tied(words) if self._bound else words
        with (self.folder / "log" / "java.log").open("ab") as said:
            # A group of its own: a Ctrl-C is for the programs; who started the broker ends it after them.
            self._process = subprocess.Popen(  # noqa: S603
                words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        pid = self._process.pid
        put_whole(self.folder / RUNNING, msgspec.json.encode(Running(pid, started_at(pid))))

    def _wait(self, port: int, until: float) -> None:
        while not _answers(port):
            if self._process is not None and self._process.poll() is not None:
                raise BrokerError(f"{self.folder}: broker ended with code {self._process.returncode}: {self._last()}")
            if time.monotonic() > until:
                self.kill()
                raise BrokerError(f"{self.folder}: broker did not answer in time: {self._last()}")
            time.sleep(PAUSE_S)

    def _last(self) -> str:
        lines: list[str] = []
        for name in ("broker.log", "java.log"):
            path = self.folder / "log" / name
            lines += path.read_text("utf-8", "replace").splitlines()[-LOG_SHOWN:] if path.exists() else []
        return " | ".join(lines) or "its log is empty"


def _answers(port: int) -> bool:
    """True when the broker counts itself among the brokers that serve; a port that is open too early is not enough."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with KafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", bootstrap_timeout_ms=2_000) as admin:
            return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; each process begins to look elsewhere, so that two seldom meet."""
    width = HIGH_PORT - LOW_PORT
    places = (LOW_PORT + (os.getpid() * 7_919 + step * 31) % width for step in range(width))
    found: list[int] = []
    for port in places:
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise BrokerError(f"no free port between {LOW_PORT} and {HIGH_PORT}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def put_private(path: Path, text: str) -> None:
    """Write a file that is its owner's alone from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
        stream.write(text)
