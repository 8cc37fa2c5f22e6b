"""Make topics and rights as `infra/kafka/topics.toml` says, show what a broker has, and name every difference.

Done with kafka-python, a second client beside that of the data path: two implementations that agree check each other.
What exists is never changed: fewer days of retention delete data, and more partitions send keys to other lanes. A
person decides that, after `verify` has said what differs.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError, KafkaTimeoutError, SecurityDisabledError
from msgspec import Struct

from connectors import namespace
from connectors.access import Access, kafka_python
from connectors.errors import BrokerError
from connectors.topic_layout import Layout, Right, Topic

REACH_MS, ANSWER_MS = 8_000, 20_000
FORCE_S, PAUSE_S = 10.0, 0.05
OWN = "DYNAMIC_TOPIC_CONFIG"


class Seen(Struct, frozen=True):
    """What a broker has under a prefix.

    topics      with the settings in force
    beyond      topic -> settings that were made for it alone
    rights      of this prefix, and whatever else reaches into it; None where the broker judges nobody
    """

    topics: tuple[Topic, ...]
    beyond: dict[str, dict[str, str]]
    rights: tuple[Right, ...] | None


class Difference(Struct, frozen=True, order=True):
    """One thing that is not as it should be.

    what    topic or right
    name    of the topic, or whose right on what
    field   partitions, replicas, a setting, or `exists`
    wanted  what the file says
    seen    what the broker has
    """

    what: str
    name: str
    field: str
    wanted: str
    seen: str


class Created(Struct, frozen=True):
    """What was made: names of topics, and rights."""

    topics: tuple[str, ...]
    rights: tuple[Right, ...]


@contextmanager
def administration(access: Access) -> Iterator[KafkaAdminClient]:
    """Open a client for administration; what is refused, or not answered in time (8 s, then 20 s), is a BrokerError."""
    client = None
    try:
        client = KafkaAdminClient(
            **kafka_python(access), client_id="pt", request_timeout_ms=ANSWER_MS, bootstrap_timeout_ms=REACH_MS
        )
        yield client
    except KafkaError as err:
        who = access.principal or "nobody"
        why = f"{type(err).__name__}: {_short(err)}" if client is not None else _shut(access)
        raise BrokerError(f"{access.bootstrap}: as {who}: {why}") from err
    finally:
        if client is not None:
            client.close()


def _shut(access: Access) -> str:
    """Say why no client could be opened: the clients only count their attempts."""
    for address in access.bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_MS / 1_000).close()
        except (OSError, ValueError):
            continue
        return "somebody listens, but let nobody in; allowed: a door of the broker, its authority, the right password"
    return "nobody listens there"


def _short(err: KafkaError) -> str:
    text = " ".join(str(err).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


# ---- look ----------------------------------------------------------------------------------------------------------


def observe(client: KafkaAdminClient, prefix: str) -> Seen:
    """Return what a broker has under a prefix; raises KafkaError."""
    found = [topic for topic in client.describe_topics() if namespace.is_under(prefix, topic["name"])]
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic["name"]) for topic in found]
    settings = client.describe_configs(asked, config_filter="all")["topic"] if asked else {}
    topics, beyond = [], {}
    for topic in found:
        name, partitions = topic["name"], topic["partitions"]
        values = {key: str(entry["value"]) for key, entry in settings[name].items()}
        beyond[name] = {key: values[key] for key, entry in settings[name].items() if entry["config_source"] == OWN}
        replicas = min((len(part["replica_nodes"]) for part in partitions), default=0)
        topics.append(Topic(name, len(partitions), replicas, values))
    return Seen(tuple(sorted(topics)), beyond, _rights(client, prefix))


def partitions_of(client: KafkaAdminClient) -> dict[str, int]:
    """Return topic -> number of partitions, of all topics that whoever asks may know of; raises KafkaError."""
    return {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics() if not topic["error_code"]}


def _rights(client: KafkaAdminClient, prefix: str) -> tuple[Right, ...] | None:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    try:
        found, _ = client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    except SecurityDisabledError:
        return None
    rights = (
        Right(
            acl.principal,
            acl.operation.name,
            acl.resource_pattern.resource_type.name,
            acl.resource_pattern.resource_name,
            acl.resource_pattern.pattern_type.name,
            acl.permission_type.name,
            acl.host,
        )
        for acl in found
    )
    return tuple(sorted(right for right in rights if _concerns(right, prefix)))


def _concerns(right: Right, prefix: str) -> bool:
    """True for a right that reaches into a prefix, or that one of its mode's programs has anywhere else."""
    mode = namespace.mode_of(prefix)
    if right.kind == "TOPIC" and right.name.startswith(namespace.refeeds(mode)) and right.pattern == "LITERAL":
        return namespace.is_under(prefix, right.name)  # a refeed's rights are looked at with that refeed
    if prefix != mode:  # what a program may do besides is looked at with the mode
        return right.kind == "TOPIC" and _reaches(right, f"{prefix}.")
    ours = right.principal.startswith(f"User:{mode}.")
    return ours or _reaches(right, f"{mode}.") or _reaches(right, f"{namespace.SYSTEM}.{mode}.")


def _reaches(right: Right, beginning: str) -> bool:
    if right.pattern == "PREFIXED":
        return right.name.startswith(beginning) or beginning.startswith(right.name)
    return right.name == "*" or right.name.startswith(beginning)


# ---- compare -------------------------------------------------------------------------------------------------------


def differences(wanted: Layout, seen: Seen, prefix: str) -> list[Difference]:
    """Return every difference between what is wanted and what a broker has, in order; none is an empty list."""
    found = list(_topic_differences(wanted, seen))
    if seen.rights is None:
        found.append(Difference("right", prefix, "exists", "a broker that asks who may", "no authorizer"))
        return sorted(found)
    needed, there = set(wanted.rights), set(seen.rights)
    found += [Difference("right", spelt(right), "exists", "yes", "no") for right in needed - there]
    found += [Difference("right", spelt(right), "exists", "no", "yes") for right in there - needed]
    return sorted(found)


def _topic_differences(wanted: Layout, seen: Seen) -> Iterator[Difference]:
    there = {topic.name: topic for topic in seen.topics}
    for topic in wanted.topics:
        has = there.pop(topic.name, None)
        if has is None:
            yield Difference("topic", topic.name, "exists", "yes", "no")
            continue
        for field in ("partitions", "replicas"):
            if getattr(has, field) != getattr(topic, field):
                yield Difference("topic", topic.name, field, str(getattr(topic, field)), str(getattr(has, field)))
        for key, value in topic.settings.items():
            if has.settings.get(key) != value:
                yield Difference("topic", topic.name, key, value, has.settings.get(key, "-"))
        for key in sorted(seen.beyond.get(topic.name, {}).keys() - topic.settings.keys()):
            yield Difference("topic", topic.name, key, "-", seen.beyond[topic.name][key])
    yield from (Difference("topic", name, "exists", "no", "yes") for name in there)


def spelt(right: Right) -> str:
    """Spell a right for people, as in `User:paper.market ALLOW READ TOPIC paper.raw.kalshi`."""
    name = f"{right.name}*" if right.pattern == "PREFIXED" else right.name
    where = "" if right.host == "*" else f" from {right.host}"
    return f"{right.principal} {right.permission} {right.operation} {right.kind} {name}{where}"


# ---- make ----------------------------------------------------------------------------------------------------------


def create(client: KafkaAdminClient, wanted: Layout, prefix: str) -> Created:
    """Make what is missing, and wait until topics have leaders and rights are in force; what exists is left as it is.

    Raises KafkaError; what was made by then stays, and a second call goes on.
    """
    there = partitions_of(client)
    missing = [topic for topic in wanted.topics if topic.name not in there]
    if missing:
        client.create_topics({topic.name: _asked(topic) for topic in missing}, wait_for_metadata=True)
    given = _rights(client, prefix) if wanted.rights else None  # who only makes topics may not ask who may what
    granted = sorted(set(wanted.rights) - set(given)) if given is not None else []
    if granted:
        grant(client, granted)
        _wait_for(client, granted, prefix)
    return Created(tuple(topic.name for topic in missing), tuple(granted))


def grant(client: KafkaAdminClient, rights: Iterable[Right]) -> None:
    """Give rights; raises KafkaError for the first that the broker refuses."""
    wanted = [_acl(right) for right in rights]
    refused = client.create_acls(wanted)["failed"] if wanted else []
    if refused:
        raise refused[0](f"{len(refused)} of {len(wanted)} rights were not given")


def _wait_for(client: KafkaAdminClient, granted: Iterable[Right], prefix: str) -> None:
    """Wait until the broker judges by the new rights: it says yes before it does (about 0.3 s)."""
    until = time.monotonic() + FORCE_S
    while (late := set(granted) - set(_rights(client, prefix) or ())) and time.monotonic() < until:
        time.sleep(PAUSE_S)
    if late:
        raise KafkaTimeoutError(f"{len(late)} rights are not in force after {FORCE_S:.0f} s")


def _asked(topic: Topic) -> dict[str, object]:
    return {
        "num_partitions": topic.partitions,
        "replication_factor": topic.replicas,
        "configs": topic.settings,
    }


def _acl(right: Right) -> ACL:
    pattern = ResourcePattern(ResourceType[right.kind], right.name, ACLResourcePatternType[right.pattern])
    operation, permission = ACLOperation[right.operation], ACLPermissionType[right.permission]
    return ACL(right.principal, right.host, operation, permission, pattern)
