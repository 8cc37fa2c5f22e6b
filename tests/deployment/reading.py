"""Read topics back with kafka-python and judge what stands there, without the code that wrote it.

A strand is an array in MessagePack: lane, desk, plan, number, checksum, count, lines, ended; a block likewise: version,
desk, chain, number, offsets, data, previous, head. Whatever was said twice must have been the same; what is missing, or
has two contents, is counted and shown by name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from kafka import KafkaConsumer, TopicPartition

from contracts.ids import CLOCK_SOURCE, SOURCE_SHIFT

Read = tuple[int, bytes | None, bytes]  # broker's time in milliseconds, key, value
LIMIT_S = 30.0


def read_all(bootstrap: str, topic: str, partition: int = 0) -> list[Read]:
    """Return every record of a partition, up to the end that it has now."""
    where = TopicPartition(topic, partition)
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_bytes=64 << 20,
        max_partition_fetch_bytes=16 << 20, consumer_timeout_ms=int(LIMIT_S * 1_000),
    )  # fmt: skip
    try:
        consumer.assign([where])
        consumer.seek_to_beginning(where)
        end, found = consumer.end_offsets([where])[where], []
        while consumer.position(where) < end:
            for record in consumer.poll(1_000).get(where, []):
                found.append((record.timestamp, record.key, record.value or b""))
        return found
    finally:
        consumer.close()


@dataclass
class Strands:
    """What lanes said to one desk: the lines of each, once.

    repeats       lines that were said again, the same
    contradicted  (lane, line) with two contents
    missing       (lane, line) before which some are missing
    """

    lines: dict[str, list[bytes]] = field(default_factory=dict)
    repeats: int = 0
    contradicted: list[tuple[str, int]] = field(default_factory=list)
    missing: list[tuple[str, int]] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)


def strands(records: Iterable[Read]) -> Strands:
    """Put the lines of a journal's partition together."""
    found = Strands()
    for _, key, value in records:
        if key == b"control":
            continue
        _, (lane, _, _, number, _, _, text, ended) = msgspec.msgpack.decode(value)
        known = found.lines.setdefault(lane, [])
        if ended:
            found.ended.add(lane)
        if number > len(known):
            found.missing.append((lane, number))
            continue
        for place, line in enumerate(text.splitlines(keepends=True), number):
            if place == len(known):
                known.append(line)
                continue
            found.repeats += 1
            if known[place] != line:
                found.contradicted.append((lane, place))
    return found


@dataclass
class Chain:
    """One chain of blocks as a topic holds it; `head` in hexadecimal is the digest of all of it."""

    head: bytes = bytes(32)
    number: int = 0
    heads: list[bytes] = field(default_factory=list)
    repeats: int = 0
    contradicted: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)


def chains(records: Iterable[Read]) -> dict[str, Chain]:
    """Link the blocks of one desk's envelopes again, each once."""
    found: dict[str, Chain] = {}
    for _, key, value in records:
        if key is not None and key.startswith(b"end:"):
            continue
        _, _, name, number, _, data, previous, head = msgspec.msgpack.decode(value)
        chain = found.setdefault(name, Chain())
        if sha256(previous + data).digest() != head or number > len(chain.heads):
            chain.broken.append(number)
        elif number < len(chain.heads):
            chain.repeats += 1
            if chain.heads[number] != head:
                chain.contradicted.append(number)
        elif previous != chain.head:
            chain.broken.append(number)
        else:
            chain.heads.append(head)
            chain.head = head
    return found


def fact_digest(lines: Iterable[bytes], sources: Sequence[int] = ()) -> str:
    """Return the SHA-256 over the facts among the lines of a lane, in order.

    `sources` are the numbers of the lane's sources, then its clock's: facts of a lane are the same whichever numbers
    a deployment gives to its sources, so each counts under its rank.
    """
    ranks = dict(zip(sources, (*range(len(sources) - 1), CLOCK_SOURCE), strict=True)) if sources else {}
    digest, decode, encode = sha256(), msgspec.json.decode, msgspec.json.encode
    for line in lines:
        if line[:1] != b"{":
            continue
        if ranks:
            fact = decode(line)
            source = fact["fact"] >> SOURCE_SHIFT
            fact["fact"] += (ranks[source] - source) << SOURCE_SHIFT
            line = encode(fact) + b"\n"
        digest.update(line)
    return digest.hexdigest()


def ends(bootstrap: str, names: Iterable[str]) -> int:
    """Return how many records stand in partition 0 of these topics together."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        return sum(consumer.end_offsets([TopicPartition(name, 0) for name in names]).values())
    finally:
        consumer.close()
