"""Start the broker of infra/compose alone, in a container, for as long as a demonstration runs, and remove it again.

A project, a port, secrets and a volume of its own: a deployment that runs beside it is not touched. Used where a
container engine answers; elsewhere `connectors/broker.py` runs the same Apache Kafka with the machine's Java.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from connectors import topics
from connectors.access import Access, read_access
from connectors.broker import put_private
from connectors.broker_settings import ADMIN, HOST
from connectors.errors import BrokerError
from connectors.topic_layout import ROOT
from scripts import compose_secrets

COMPOSE = ROOT / "infra" / "compose"
SERVICE, SETTINGS, PORT = compose_secrets.BROKER, "server.properties", "9094"
INSIDE = f"/etc/polytraders/{SETTINGS}"
ASK_S, UP_S, DOWN_S, ANSWER_S, PAUSE_S = 10.0, 300.0, 60.0, 60.0, 0.5


def engine() -> bool:
    """True where a container engine answers, and its client can compose."""
    if shutil.which("docker") is None:
        return False
    try:
        return all(_run(words, ASK_S).returncode == 0 for words in (["info"], ["compose", "version"]))
    except subprocess.TimeoutExpired:
        return False


class ComposedBroker:
    """The broker's container in a folder; entered, it runs, and it is removed when left."""

    def __init__(self, folder: Path) -> None:
        """Name it; nothing is touched."""
        self.folder = folder.resolve()
        self.access_dir = self.folder / "access"
        self._project = f"polytraders-demo-{os.getpid()}"

    def access(self, principal: str) -> Access:
        """Return a principal's way in; raises Refused for one that has none."""
        return read_access(self.access_dir / f"{principal}.json")

    def __enter__(self) -> "ComposedBroker":
        """Make secrets, start it and wait until it answers; raises BrokerError."""
        port = free_port()
        self._make(port)
        try:
            self._compose(["up", "--detach", "--wait", "--no-deps", SERVICE], UP_S)
            self._wait()
        except BaseException:
            self._down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and remove the container and its volume."""
        self._down()

    def _make(self, port: int) -> None:
        secrets = self.folder / "secrets"
        compose_secrets.make(secrets)
        self.access_dir.mkdir(mode=0o700)
        for password in sorted(secrets.glob("*.password")):
            principal = password.name.removesuffix(".password")
            way = Access(f"{HOST}:{port}", principal, str(password), str(secrets / compose_secrets.AUTHORITY))
            put_private(self.access_dir / f"{principal}.json", msgspec.json.encode(way).decode() + "\n")
        if os.geteuid() == 0:  # the container is never root, and must read what is its owner's alone
            for path in (secrets, *secrets.iterdir()):
                os.chown(path, compose_secrets.OWNER, compose_secrets.OWNER)
        text = (COMPOSE / "kafka" / SETTINGS).read_text("utf-8").replace(PORT, str(port))
        (self.folder / SETTINGS).write_text(text, "utf-8")
        (self.folder / "override.yaml").write_text(override(self.folder, port), "utf-8")

    def _wait(self) -> None:
        until = time.monotonic() + ANSWER_S
        while True:
            try:
                with topics.administration(self.access(ADMIN)) as client:
                    client.describe_cluster()
                return
            except BrokerError:
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE_S)

    def _down(self) -> None:
        self._compose(["down", "--volumes", "--timeout", "10"], DOWN_S)

    def _compose(self, words: Sequence[str], limit_s: float) -> None:
        files = ["-f", str(COMPOSE / "compose.yaml"), "-f", str(self.folder / "override.yaml")]
        uid = os.geteuid() or compose_secrets.OWNER
        environ = {**os.environ, "POLYTRADERS_UID": str(uid), "POLYTRADERS_GID": str(os.getegid() or uid)}
        try:
            done = _run(["compose", "--project-name", self._project, *files, *words], limit_s, environ)
        except subprocess.TimeoutExpired:
            raise BrokerError(f"docker compose {words[0]}: took longer than {limit_s:.0f} s, and was ended") from None
        if done.returncode:
            said = " | ".join(done.stderr.strip().splitlines()[-3:])
            raise BrokerError(f"docker compose {words[0]}: exit code {done.returncode}: {said}")


def override(folder: Path, port: int) -> str:
    """Return what differs from infra/compose: where the broker is reached, its settings and its secrets."""
    secrets = folder / "secrets"
    return (
        f"services:\n  {SERVICE}:\n"
        f'    ports: !override ["{HOST}:{port}:{port}"]\n'
        f'    volumes: ["{folder / SETTINGS}:{INSIDE}:ro"]\n'
        f"secrets:\n"
        f'  kafka_server: {{ file: "{secrets / compose_secrets.SERVER}" }}\n'
        f'  kafka_format: {{ file: "{secrets / compose_secrets.FORMAT}" }}\n'
    )


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _run(
    words: Sequence[str], limit_s: float, environ: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker", *words], capture_output=True, text=True, timeout=limit_s, check=False, env=environ,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
