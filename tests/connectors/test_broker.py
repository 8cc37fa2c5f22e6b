"""A broker is made, started, killed and found again as it was; nothing of it is open to others."""

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from connectors import broker as module
from connectors.access import kafka_python, librdkafka
from connectors.broker import Broker
from connectors.broker_settings import Ports, java_words, server_properties
from connectors.errors import BrokerError

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "broker_kept"


def written(access: dict[str, str], values: list[bytes], topic: str = TOPIC) -> int:
    """Write values to partition 0 and return how many the broker acknowledged."""
    done: list[int] = []
    producer = Producer({**access, "acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=lambda err, _: done.append(0 if err else 1))
    assert producer.flush(20) == 0
    return sum(done)


def stored(broker: Broker, topic: str = TOPIC) -> list[bytes]:
    """Return what partition 0 holds, read by the other client."""
    with KafkaConsumer(**kafka_python(broker.plain), consumer_timeout_ms=10_000) as consumer:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        found: list[bytes] = []
        while consumer.position(place) < end:
            found += [record.value for records in consumer.poll(timeout_ms=500).values() for record in records]
        return found


@pytest.mark.kafka
def test_kill_9_and_start_lose_nothing(broker: Broker) -> None:
    """What was acknowledged before kill -9 is there after the start, once, in order, on the same port."""
    with KafkaAdminClient(**kafka_python(broker.plain)) as admin:
        admin.create_topics({TOPIC: {"num_partitions": 1}}, wait_for_metadata=True)
    place, pid = broker.plain, broker.pid
    values = [f"entry {number}".encode() for number in range(5_000)]
    assert len(values) == written(librdkafka(broker.plain), values)
    broker.kill()
    assert broker.pid is None
    began = time.monotonic()
    broker.start()
    assert time.monotonic() - began < 30
    assert (place, True) == (broker.plain, broker.pid != pid)
    assert values == stored(broker)


@pytest.mark.kafka
def test_a_second_start_is_refused(broker: Broker) -> None:
    """One folder is one broker."""
    with pytest.raises(BrokerError, match=f"runs already as process {broker.pid}"):
        Broker(broker.folder).start()


@pytest.mark.kafka
def test_a_paused_broker_goes_on(broker: Broker) -> None:
    """A broker whose clock stopped answers nobody, and answers again after `resume`, as the same process."""
    pid = broker.pid
    broker.pause()
    try:
        with pytest.raises(KafkaException):
            AdminClient(librdkafka(broker.plain)).list_topics(timeout=1)
    finally:
        broker.resume()
    with KafkaAdminClient(**kafka_python(broker.plain)) as admin:
        assert [1] == [node["broker_id"] for node in admin.describe_cluster()["brokers"]]
    assert pid == broker.pid


@pytest.mark.kafka
def test_the_secure_door_asks_who_comes(broker: Broker) -> None:
    """With the right password both clients pass; with a wrong one, or as nobody, no client does."""
    right = librdkafka(broker.access("admin"))
    assert AdminClient(right).list_topics(timeout=10).brokers.keys() == {1}
    wrong = AdminClient({**right, "sasl.password": "guessed"})
    wrong.poll(0)
    with pytest.raises(KafkaException):
        wrong.list_topics(timeout=2)
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": right["bootstrap.servers"]}).list_topics(timeout=2)


@pytest.mark.kafka
def test_the_certificate_is_checked(broker: Broker, tmp_path: Path) -> None:
    """A client that trusts another authority does not speak to this broker."""
    module.make_certificates(tmp_path / "other.pem", tmp_path / "server.pem", "127.0.0.1")
    settings = {**librdkafka(broker.access("admin")), "ssl.ca.location": str(tmp_path / "other.pem")}
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=2)


@pytest.mark.kafka
def test_secrets_are_the_owners_alone(broker: Broker) -> None:
    """Passwords and keys are readable by their owner only, and stand in no command line, setting or log."""
    private = [broker.folder, broker.folder / "access", broker.folder / "server.pem"]
    private += sorted((broker.folder / "access").iterdir())
    assert [] == [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    secret = broker.access("paper.market").password().encode()
    spoken = [Path(f"/proc/{broker.pid}/cmdline").read_bytes(), Path(f"/proc/{broker.pid}/environ").read_bytes()]
    spoken += [path.read_bytes() for path in (*broker.folder.glob("*.*"), *broker.folder.glob("log/*"))]
    assert [] == [text for text in spoken if secret in text]
    assert not (broker.folder / "format.args").exists()


@pytest.mark.kafka
def test_it_listens_on_loopback_only(broker: Broker) -> None:
    """Each of its ports is bound to 127.0.0.1."""
    ports = {f"{port:04X}" for port in (broker.made.ports.plain, broker.made.ports.secure, broker.made.ports.control)}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].split(":")[1] in ports}
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert listening


@pytest.mark.kafka
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on this machine")
def test_a_bound_broker_ends_with_who_started_it(broker: Broker, tmp_path: Path) -> None:
    """A test run that is killed with kill -9 leaves no broker behind."""
    assert broker.pid is not None
    code = "from pathlib import Path; from connectors.broker import Broker; "
    code += f"b = Broker(Path({str(tmp_path)!r}), bound=True); b.start(); print(b.pid, flush=True); input()"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        pid = int((owner.stdout or sys.stdin).readline())
        assert pid == Broker(tmp_path).pid
        owner.kill()
    until = time.monotonic() + 10
    while Broker(tmp_path).pid is not None and time.monotonic() < until:
        time.sleep(0.1)
    assert Broker(tmp_path).pid is None


def test_a_folder_without_a_broker_says_so(tmp_path: Path) -> None:
    """Asking for a broker that was never made names the folder; ending it does nothing."""
    broker = Broker(tmp_path / "none")
    with pytest.raises(BrokerError, match="none: no broker was made there"):
        broker.plain  # noqa: B018
    broker.stop()
    assert broker.pid is None


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """A broker.json that is not ours is named, not guessed at."""
    (tmp_path / "broker.json").write_text("[]")
    with pytest.raises(BrokerError, match=r"broker\.json: not one of ours"):
        Broker(tmp_path).plain  # noqa: B018


def test_a_process_of_another_is_not_taken_for_the_broker(tmp_path: Path) -> None:
    """A number that was given to another program since is not ended in the broker's name."""
    (tmp_path / "running.json").write_text(f'{{"pid": {os.getpid()}, "started": "1"}}')
    broker = Broker(tmp_path)
    assert broker.pid is None
    broker.kill()
    assert os.getpid() > 0


def test_a_taken_port_is_not_free(tmp_path: Path) -> None:
    """The ports that are chosen are free, differ, and lie below those of outgoing connections."""
    ports = module._free_ports(3)
    assert 3 == len(set(ports))
    assert all(module.LOW_PORT <= port < module.HIGH_PORT and module._is_free(port) for port in ports)
    with module.socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[0]))
        taken.listen()
        assert not module._is_free(ports[0])


def test_settings_may_be_replaced(tmp_path: Path) -> None:
    """What a caller sets comes once, in the place of ours; the class path and the heap stand in the argument file."""
    text = server_properties(tmp_path, Ports(1, 2, 3), {"num.io.threads": "9"})
    assert ["num.io.threads=9"] == [line for line in text.splitlines() if line.startswith("num.io.threads")]
    assert "super.users=User:admin;User:ANONYMOUS" in text
    words = java_words(tmp_path / "jars", tmp_path, 256).splitlines()
    assert ('"-Xmx256m"', f'"{tmp_path}/jars/*"') == (words[0], words[-1])
