"""List every number that a program may tell, once, and turn our own values into samples of them.

Alert rules, runbooks and `pt top` name these metrics; a name that is not here is not told at all (`telemetry.py`), and
a test holds the rules in infra/prometheus/ against this list.
"""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

from connectors.kafka_health import Lag
from connectors.spool import FULL, NORMAL, SAFE, Spool
from contracts.base import Refused

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
INFO, COLLECT_ERRORS = "polytraders_info", "polytraders_collect_errors_total"
EPOCH_SECONDS, EPOCH_AGE = "polytraders_epoch_seconds", "polytraders_epoch_age_seconds"
SECOND_NS = 1_000_000_000

Labels = tuple[tuple[str, str], ...]


class Spread(NamedTuple):
    """The value of a histogram.

    buckets  (upper bound, how many values are up to it), bounds rising, the last one infinite
    total    sum of the values
    """

    buckets: tuple[tuple[float, int], ...]
    total: float


class Sample(NamedTuple):
    """One number.

    name    as in METRICS
    kind    counter, gauge or histogram
    help    what it is, in words
    labels  (name, value), in the order of METRICS
    value   the number; for a histogram a Spread
    """

    name: str
    kind: str
    help: str
    labels: Labels
    value: float | Spread

    def parts(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Yield (suffix, labels, number): one for a counter or a gauge, all buckets and sums for a histogram."""
        labels = dict(self.labels)
        if not isinstance(self.value, Spread):
            yield "", labels, float(self.value)
            return
        for bound, count in self.value.buckets:
            yield "_bucket", {**labels, "le": "+Inf" if math.isinf(bound) else str(bound)}, count
        yield "_count", labels, self.value.buckets[-1][1]
        yield "_sum", labels, self.value.total


class Metric(NamedTuple):
    """What is known of a metric: kind, the label names it may have (one set or several), what it is."""

    kind: str
    labels: tuple[tuple[str, ...], ...]
    help: str


# name (without polytraders_), kind, labels ("a,b|c" allows a and b, or c), what it is
_ROWS = (
    ("info", GAUGE, "program,version,config", "1; which build and configuration runs"),
    ("frames_total", COUNTER, "lane", "Messages taken from the raw topics"),
    ("facts_total", COUNTER, "lane", "Facts made of them"),
    ("control_frames_total", COUNTER, "lane", "Messages that are a connection's or recorder's own words"),
    ("dead_letters_total", COUNTER, "lane,reason", "Messages that could not be read, kept with their bytes"),
    ("gaps_total", COUNTER, "lane", "Breaks in a venue's numbering; each made a book stale"),
    ("resyncs_total", COUNTER, "lane", "Times a snapshot healed a book"),
    ("lag_records", GAUGE, "topic,partition", "Records that wait to be read; -1 unknown"),
    ("lag_age_seconds", GAUGE, "topic,partition", "Age of the newest record read; -1 nothing read yet"),
    ("near_log_start", GAUGE, "topic,partition", "1 where retention may soon remove what was not read yet"),
    ("near_end_of_ids", GAUGE, "topic,partition", "1 where four fifths of the positions that an id can name are used"),
    ("repeats_total", COUNTER, "topic,partition", "Records said twice, left out"),
    ("refused_records_total", COUNTER, "topic,partition", "Records without effect: contradicted, unsigned, unreadable"),
    ("client_trouble", GAUGE, "topic,partition", "1 while the client of the broker complains"),
    ("waiting_records", GAUGE, "topic", "Records written that the broker has not acknowledged yet"),
    ("entries_total", COUNTER, "desk", "Journal entries that a desk took"),
    ("intents_total", COUNTER, "desk", "Order intents of its strategies"),
    ("decisions_total", COUNTER, "desk,verdict", "Decisions on them"),
    ("votes_total", COUNTER, "desk,gate,verdict", "Votes of its guards"),
    ("reasons_total", COUNTER, "desk,reason", "Reason codes given"),
    ("orders_total", COUNTER, "desk", "Orders authorised"),
    ("fills_total", COUNTER, "desk", "Fills"),
    ("invalid_envelopes_total", COUNTER, "desk", "Envelopes that break their schema; always 0"),
    ("incidents_total", COUNTER, "scope,family", "Incidents opened"),
    ("spool_bytes", GAUGE, "spool", "Bytes that a spool holds on disk"),
    ("spool_share", GAUGE, "spool", "Part of its limit that it uses, 0 to 1"),
    ("spool_state", GAUGE, "spool,state", "1 for the state that it is in: NORMAL, SAFE, FULL"),
    ("epoch_seconds", GAUGE, "", "Seconds between the last two epochs of the slowest partition"),
    ("epoch_age_seconds", GAUGE, "", "Seconds since the last epoch of the slowest partition"),
    ("journal_time_seconds", GAUGE, "lane|desk", "Newest journal time, seconds of Unix time"),
    ("store_pending_rows", GAUGE, "", "Rows that wait for the store"),
    ("store_errors_total", COUNTER, "", "Times that the store refused or did not answer"),
    (
        "collect_errors_total",
        COUNTER,
        "collect",
        "Metrics that could not be read or may not be told, by who gives them",
    ),
)


def _label_sets(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(filter(None, names.split(","))) for names in text.split("|"))


METRICS = {f"polytraders_{name}": Metric(kind, _label_sets(labels), told) for name, kind, labels, told in _ROWS}


def sample(name: str, value: float | Spread, **labels: str) -> Sample:
    """Return a sample of a metric of the list; raises Refused for another name, or other labels."""
    known = METRICS.get(name)
    if known is None:
        raise Refused(f"metric {name!r} is not on the list; allowed: those of connectors/metrics.py")
    names = next((names for names in known.labels if set(names) == labels.keys()), None)
    if names is None:
        allowed = " or ".join("{" + ", ".join(names) + "}" for names in known.labels)
        raise Refused(f"metric {name}: labels {{{', '.join(labels)}}}; allowed: {allowed}")
    return Sample(name, known.kind, known.help, tuple((each, labels[each]) for each in names), value)


def of_lag(lag: Lag, now_ns: int | None = None) -> list[Sample]:
    """Return how a reader of a partition is; `now_ns` is the wall clock's unless given."""
    where = {"topic": lag.topic, "partition": str(lag.partition)}
    age_ms = lag.age_ms(time.time_ns() if now_ns is None else now_ns)
    told: tuple[tuple[str, float], ...] = (
        ("lag_records", lag.behind),
        ("lag_age_seconds", age_ms / 1_000 if lag.at_ns else -1),
        ("near_log_start", lag.near_start),
        ("near_end_of_ids", lag.near_end_of_ids),
        ("repeats_total", lag.repeats),
        ("refused_records_total", lag.refused),
        ("client_trouble", bool(lag.trouble)),
    )
    return [sample(f"polytraders_{name}", value, **where) for name, value in told]


def of_waiting(topic: str, records: int) -> list[Sample]:
    """Return how many records written to a topic are not acknowledged yet."""
    return [sample("polytraders_waiting_records", records, topic=topic)]


def of_spool(name: str, spool: Spool) -> list[Sample]:
    """Return how full a spool is."""
    state = spool.state
    return [
        sample("polytraders_spool_bytes", spool.used, spool=name),
        sample("polytraders_spool_share", spool.share, spool=name),
        *(sample("polytraders_spool_state", each == state, spool=name, state=each) for each in (NORMAL, SAFE, FULL)),
    ]


def of_store(pending_rows: int, errors: int) -> list[Sample]:
    """Return what waits for the store, and how often it failed."""
    return [
        sample("polytraders_store_pending_rows", pending_rows),
        sample("polytraders_store_errors_total", errors),
    ]


def of_time(what: str, name: str, at_ns: int) -> list[Sample]:
    """Return the newest journal time of a `lane` or a `desk`; nothing before the first."""
    if at_ns <= 0:
        return []
    return [sample("polytraders_journal_time_seconds", at_ns / SECOND_NS, **{what: name})]
