"""Judge a broker for a deployment: whether it answers, its version, topics, rights and disk, how far readers are.

Asked once, with kafka-python, the client of administration; what the asker may not see is unknown, not absent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from connectors import namespace
from connectors.access import Access
from connectors.doctor import BAD, OK, UNKNOWN, WARN, Check, broker_clock, volume
from connectors.errors import BrokerError
from connectors.kafka_health import Lag
from connectors.scrape import Seen as Heard
from connectors.topic_layout import Layout
from connectors.topics import Difference, Seen, administration, differences, observe

MAJOR = 4
LAG_WARN = 10_000  # as the alert LagGrowing
SHOWN = 3
LOOK = "docs/runbooks/reading.md"

Where = tuple[str, int]


@dataclass(slots=True)
class Asked:
    """What a broker answered.

    wrong       why it did not; empty where it did
    version     as in 4.3
    partitions  topic -> how many, of those that the asker may see
    seen        topics and rights under the prefix; None where the asker may not see them, and then `hidden` says why
    offsets     (topic, partition) -> first offset and the one after the newest
    newest_ms   newest time that it put on a record; 0 where there is none
    volumes     (broker and folder, bytes in all, bytes free)
    """

    wrong: str = ""
    version: str = ""
    partitions: dict[str, int] = field(default_factory=dict)
    seen: Seen | None = None
    hidden: str = ""
    offsets: dict[Where, tuple[int, int]] = field(default_factory=dict)
    newest_ms: int = 0
    volumes: list[tuple[str, int, int]] = field(default_factory=list)


def ask(access: Access, prefix: str) -> Asked:
    """Ask everything at once; never raises for a broker that does not answer, or refuses (up to about 30 s)."""
    found = Asked()
    try:
        with administration(access) as client:
            _ask(client, prefix, found)
    except BrokerError as err:
        found.wrong = str(err)
    return found


def _ask(client: KafkaAdminClient, prefix: str, found: Asked) -> None:
    brokers = client.describe_cluster()["brokers"]
    versions = {client.get_broker_version_data(each["broker_id"]).broker_version for each in brokers}
    found.version = ".".join(map(str, min(versions))) if versions else ""
    for topic in client.describe_topics():
        if namespace.is_under(prefix, topic["name"]):
            found.partitions[topic["name"]] = len(topic["partitions"])
    try:
        found.seen = observe(client, prefix)
    except KafkaError as err:
        found.hidden = type(err).__name__
    places = [TopicPartition(name, number) for name, count in found.partitions.items() for number in range(count)]
    if places:
        first, end, newest = (
            client.list_partition_offsets(dict.fromkeys(places, spec))
            for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST, OffsetSpec.MAX_TIMESTAMP)
        )
        found.offsets = {(at.topic, at.partition): (first[at].offset, end[at].offset) for at in places}
        found.newest_ms = max((newest[at].timestamp for at in places), default=0)
    for broker in client.describe_log_dirs():
        for place in broker.get("log_dirs", ()):
            named = f"broker {broker['broker']} {place['log_dir']}"
            found.volumes.append((named, int(place.get("total_bytes", -1)), int(place.get("usable_bytes", -1))))


def broker_checks(asked: Asked, where: str, wanted: Layout, prefix: str, needed: Iterable[Where]) -> list[Check]:
    """Judge what a broker answered; `needed` are the partitions that the deployment reads and writes."""
    if asked.wrong:
        do = (
            "start it (make kafka-up), or name it with --bootstrap or --access; docs/runbooks/delivery.md#brokertrouble"
        )
        return [Check("broker", BAD, asked.wrong, f"Apache Kafka {MAJOR} that answers", do)]
    old = not asked.version or int(asked.version.split(".")[0]) < MAJOR
    do = f"run Apache Kafka {MAJOR}" if old else ""
    told = Check("broker", WARN if old else OK, f"{where}: version {asked.version}", f"Apache Kafka {MAJOR}", do)
    volumes = [volume(name, place, total, free) for name, total, free in asked.volumes if total > 0 for place in [name]]
    disks = [Check("disk broker", each.state, each.seen, each.allowed, each.do) for each in volumes]
    return [told, _topics(asked, wanted, prefix), _partitions(asked, needed), broker_clock(asked.newest_ms), *disks]


def _topics(asked: Asked, wanted: Layout, prefix: str) -> Check:
    allowed = "infra/kafka/topics.toml: topics, settings, rights"
    if asked.seen is None:
        do = "look with the access file of admin"
        return Check("topics", UNKNOWN, f"may not be seen by who asks ({asked.hidden})", allowed, do)
    found = differences(wanted, asked.seen, prefix)
    if not found:
        return Check("topics", OK, f"{len(wanted.topics)} topics and {len(wanted.rights)} rights as wanted", allowed)
    bad = [each for each in found if _matters(each, asked.seen, prefix)]
    said = [f"{each.name} {each.field}: {each.seen}, wanted {each.wanted}" for each in [*bad, *_rest(found, bad)]]
    more = f", and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    makes = "pt topics create makes what is missing; pt topics verify shows all"
    return Check("topics", BAD if bad else WARN, "; ".join(said[:SHOWN]) + more, allowed, makes)


def _rest(found: list[Difference], bad: list[Difference]) -> list[Difference]:
    return [each for each in found if each not in bad]


def _matters(each: Difference, seen: Seen, prefix: str) -> bool:
    """True for what stops a program or opens a door; False for a setting, or a laboratory without an authorizer."""
    if each.what == "right":
        return seen.rights is not None or prefix.startswith("live")
    return each.field == "exists" and each.wanted == "yes"


def _partitions(asked: Asked, needed: Iterable[Where]) -> Check:
    wanted = sorted(set(needed))
    allowed = f"the {len(wanted)} that lanes and desks name"
    short = [f"{topic}/{number}" for topic, number in wanted if number >= asked.partitions.get(topic, 0)]
    if not short:
        return Check("partitions", OK, f"{len(wanted)} of {sum(asked.partitions.values())} are named", allowed)
    if asked.seen is None:
        return Check("partitions", UNKNOWN, f"{', '.join(short[:SHOWN])} may not be seen by who asks", allowed)
    do = "pt topics create, or more partitions in infra/kafka/topics.toml and a person who adds them"
    more = f", and {len(short) - SHOWN} more" if len(short) > SHOWN else ""
    return Check("partitions", BAD, f"missing: {', '.join(short[:SHOWN])}{more}", allowed, do)


# ---- how far readers are -------------------------------------------------------------------------------------------


def kept_lag(name: str, places: Mapping[Where, int], asked: Asked | None) -> Check:
    """Judge the places that a program has kept against what the broker has now."""
    allowed = f"nothing removed that was not read; {LAG_WARN:,} behind at most"
    if asked is None or asked.wrong:
        at = ", ".join(f"{topic}/{number} at {offset}" for (topic, number), offset in sorted(places.items())[:SHOWN])
        return Check(f"lag {name}", UNKNOWN, f"{at}; the broker was not heard", allowed)
    known = {where: asked.offsets[where] for where in places if where in asked.offsets}
    if not known:
        return Check(f"lag {name}", UNKNOWN, "its topics are not there, or may not be seen by who asks", allowed)
    lags = [Lag(*where, places[where], first, end, 0, 0, 0, "") for where, (first, end) in known.items()]
    return lag_check(name, lags, allowed)


def told_lag(name: str, seen: Heard) -> Check:
    """Judge a running program by its own metrics."""
    allowed = f"{LAG_WARN:,} behind at most, and not near the start of the log"
    lags = []
    for labels, behind in seen.metrics.get("polytraders_lag_records", {}).items():
        at = dict(labels)
        near = seen.metrics.get("polytraders_near_log_start", {}).get(labels, 0) > 0
        lags.append((near and behind > 0, behind, f"{at.get('topic')}/{at.get('partition')}"))
    if not lags:
        return Check(f"lag {name}", UNKNOWN, "it tells none", allowed)
    near, behind, where = max(lags)
    said = f"{where}: {behind:,.0f} behind, of {len(lags)} partitions, as it says"
    if near or behind > LAG_WARN or behind < 0:
        page = "nearlogstart" if near else "laggrowing" if behind > 0 else "lagunknown"
        return Check(f"lag {name}", BAD if near else WARN, said, allowed, f"{LOOK}#{page}")
    return Check(f"lag {name}", OK, said, allowed)


def lag_check(name: str, lags: list[Lag], allowed: str) -> Check:
    """Judge readers; the worst of them is told."""
    lost = [lag for lag in lags if lag.position < lag.first or lag.position > lag.end >= 0]
    if lost:
        lag, do = lost[0], f"begin again with a new recovery folder, or feed what is missing again; {LOOK}"
        seen = f"{lag.topic}/{lag.partition}: stands at {lag.position}, the log holds {lag.first} to {lag.end}"
        return Check(f"lag {name}", BAD, f"{seen}: a start is refused", allowed, do)
    worst = max(lags, key=lambda lag: (lag.near_start and lag.behind > 0, lag.behind))
    seen = f"{worst.topic}/{worst.partition}: {worst.behind:,} behind, of {len(lags)} partitions"
    if worst.near_start and worst.behind > 0:
        return Check(f"lag {name}", BAD, f"{seen}, near the start of the log", allowed, f"{LOOK}#nearlogstart")
    if worst.behind > LAG_WARN or worst.behind < 0:
        return Check(f"lag {name}", WARN, seen, allowed, f"{LOOK}#laggrowing")
    return Check(f"lag {name}", OK, seen, allowed)
