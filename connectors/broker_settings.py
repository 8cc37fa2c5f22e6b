"""Write the settings of a local broker: its doors, who may pass, and what of a cluster one node can do without."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
LOG_SETTINGS = ROOT / "infra" / "kafka" / "log4j2.xml"
HOST = "127.0.0.1"
ADMIN = "admin"
SUPER = f"User:{ADMIN};User:ANONYMOUS"  # ANONYMOUS is whoever comes by the plain door, and the node speaking to itself


class Ports(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a broker listens: the door that asks nobody, the door that asks everybody, the node's own."""

    plain: int
    secure: int
    control: int


def server_properties(folder: Path, ports: Ports, beyond: Mapping[str, str]) -> str:
    """Return the text of server.properties; `beyond` adds to ours, or replaces them."""
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports.control}",
        "controller.listener.names": "CONTROL",
        "listeners": f"PLAIN://{HOST}:{ports.plain},SECURE://{HOST}:{ports.secure},CONTROL://{HOST}:{ports.control}",
        "advertised.listeners": f"PLAIN://{HOST}:{ports.plain},SECURE://{HOST}:{ports.secure}",
        "listener.security.protocol.map": "PLAIN:PLAINTEXT,SECURE:SASL_SSL,CONTROL:PLAINTEXT",
        "inter.broker.listener.name": "PLAIN",
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.secure.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": str(folder / "server.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": SUPER,
        "allow.everyone.if.no.acl.found": "false",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        # One node: no copies to wait for, and few partitions of the broker's own to make and to load.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A node that was killed is let in again when its old session has ended: 3 s instead of 9.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
    }
    return "".join(f"{key}={value}\n" for key, value in {**settings, **beyond}.items())


def java_words(jars: Path, folder: Path, heap_mb: int) -> str:
    """Return Java's options as the lines of an argument file: the classes, the heap, where the log goes."""
    options = [
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",  # one node on few cores: no collector beside the programs that it serves
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dbroker.logs={folder / 'log'}",
        f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
    ]
    return "".join(f'"{option}"\n' for option in options) + f'-cp\n"{jars}/*"\n'
