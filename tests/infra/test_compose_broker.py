"""Start the broker of infra/compose from its own settings and secrets, without a container, and use it as a program."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from connectors import kafka_jars
from connectors.access import Access, librdkafka, read_access
from connectors.errors import NoBroker
from connectors.topic_layout import layout, read_layout
from connectors.topics import administration, create, differences, observe
from scripts import compose_secrets
from tests.brokers import RAN, REQUIRE
from tests.infra import manifests as m

pytestmark = pytest.mark.kafka
START_S = 60.0
PORTS = (9091, 9092, 9093, 9094)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody has now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens there; fails when the process ends first or time is up."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail(f"the broker did not open its door; code {process.poll()}")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the secrets as a person does."""
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    compose_secrets.make(folder)
    return folder


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, int]]:
    """Return the settings with other ports and folders than a container has, and which port became which."""
    folder, ports = tmp_path_factory.mktemp("broker"), dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    text = (m.COMPOSE / "kafka" / "server.properties").read_text("utf-8")
    for old, new in ports.items():
        text = text.replace(f":{old}", f":{new}")
    text = text.replace("0.0.0.0", "127.0.0.1").replace("SECURE://kafka:", "SECURE://localhost:")
    path = folder / "server.properties"
    path.write_text(text.replace("/var/lib/kafka/data", str(folder / "data")), "utf-8")
    return path, ports


@pytest.fixture(scope="module")
def started(secrets: Path, moved: tuple[Path, dict[int, int]]) -> Iterator[dict[int, int]]:
    """Run the two commands of start.sh with the machine's own Java; returns which port became which."""
    try:
        java = [kafka_jars.need_java(), "-Xmx256m", "-cp", f"{kafka_jars.provision()}/*"]
    except NoBroker as err:
        if os.environ.get(REQUIRE):
            raise
        RAN.why_not = str(err)
        pytest.skip(f"no broker: {err}")
    RAN.on.append(f"Apache Kafka {m.pinned_kafka()}")
    path, ports = moved
    path.write_text(path.read_text("utf-8").replace("/run/secrets", str(secrets)), "utf-8")
    for _ in range(2):  # the second time everything is formatted, which is no error
        words = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--config", str(path)]
        ended = subprocess.run([*java, *words, f"@{secrets / 'kafka_format'}"], capture_output=True, timeout=60)
        assert 0 == ended.returncode, ended.stderr
    with (path.parent / "said").open("wb") as said:
        process = subprocess.Popen([*java, "kafka.Kafka", str(path)], stdout=said, stderr=said, start_new_session=True)
    try:
        until_open(ports[9092], process)
        until_open(ports[9094], process)
        yield ports
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def way(secrets: Path, name: str, port: int) -> Access:
    """Return a principal's access as it was made, at the port that the broker has here."""
    made = read_access(secrets / f"{name}.json")
    return Access(f"localhost:{port}", made.principal, made.password_file, made.ca_file)


def test_start_sh_says_what_is_tested_here() -> None:
    """The container formats with the same words and starts the same settings."""
    script = (m.COMPOSE / "kafka" / "start.sh").read_text("utf-8")
    words = 'format --ignore-formatted --config "$settings" @/run/secrets/kafka_format >/dev/null'
    assert words in script and 'exec /opt/kafka/bin/kafka-server-start.sh "$settings"' in script
    assert 0 == subprocess.run(["sh", "-n", str(m.COMPOSE / "kafka" / "start.sh")]).returncode


def test_the_broker_serves_programs_and_nobody_else(started: dict[int, int], secrets: Path) -> None:
    """Both doors take the administrator; topics and rights are made; a program may do its own work and no other's."""
    wanted = {mode: layout(read_layout(), mode) for mode in compose_secrets.MODES}
    for mode, port in zip(compose_secrets.MODES, (9092, 9094), strict=True):
        with administration(way(secrets, "admin", started[port])) as client:
            create(client, wanted[mode], mode)
            assert [] == differences(wanted[mode], observe(client, mode), mode)
    assert "" == written(way(secrets, "paper.feed", started[9092]), "paper.raw.kalshi")
    assert "TOPIC_AUTHORIZATION_FAILED" in written(way(secrets, "paper.feed", started[9092]), "paper.journal")
    assert "TOPIC_AUTHORIZATION_FAILED" in written(way(secrets, "shadow.feed", started[9092]), "paper.raw.kalshi")


def test_who_does_not_prove_itself_is_refused(started: dict[int, int], secrets: Path, tmp_path: Path) -> None:
    """Neither a wrong password nor a client that speaks plainly gets an answer."""
    wrong = tmp_path / "password"
    wrong.write_text("wrong\n")
    wrong.chmod(0o600)
    known = way(secrets, "admin", started[9092])
    assert started[9092] and Producer(librdkafka(known)).list_topics(timeout=10).topics
    for access in (Access(known.bootstrap, "admin", str(wrong), known.ca_file), Access(known.bootstrap)):
        with pytest.raises(KafkaException):
            Producer(librdkafka(access)).list_topics(timeout=3)


def written(access: Access, topic: str) -> str:
    """Write a message and return what the broker had against it; empty when it has it."""
    told: list[str] = []
    client = Producer({**librdkafka(access), "message.timeout.ms": 8_000})
    client.produce(topic, b"x", on_delivery=lambda error, _: told.append("" if error is None else error.name()))
    assert 0 == client.flush(20)
    (only,) = told
    return only
