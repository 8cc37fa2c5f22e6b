"""A feed whose broker stands still for ten seconds: what the topic itself says of it."""

import json
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from connectors.access import kafka_python
from connectors.broker import Broker
from connectors.capture import Received
from connectors.kafka_client import Writer
from connectors.kafka_records import FrameReader, Record, origin_of, record_of_received
from connectors.spool import Spool
from connectors.spooled import SpooledWriter
from operators.normalise.frames import CONNECTION, Frame

SECOND_NS = 1_000_000_000
TOPIC = "spooled.running"
ORIGIN = origin_of("feed 1")
PAUSE_S, EVERY_S = 10.0, 0.02


def written(broker: Broker) -> list[tuple[Frame, float]]:
    """Read the topic with the other client: each frame, and the seconds from its arrival to the broker's own time."""
    found: list[tuple[Frame, float]] = []
    place, reader = TopicPartition(TOPIC, 0), FrameReader(0, {})
    with KafkaConsumer(**kafka_python(broker.plain), enable_auto_commit=False) as client:
        client.assign([place])
        end = client.end_offsets([place])[place]
        client.seek_to_beginning(place)
        while client.position(place) < end:
            for each in client.poll(1_000).get(place, []):
                frame = reader.frame(each.offset, each.key, each.value, lambda: (0, 0))
                if frame is not None:
                    found.append((frame, each.timestamp / 1e3 - frame.at_ns / 1e9))
    return found


def message(number: int) -> Record:
    """A message that has just come."""
    return record_of_received(Received(time.time_ns(), "c", number, b"%d" % number), "kalshi", ORIGIN)


@pytest.mark.kafka
@pytest.mark.alone
def test_a_broker_that_stands_still_makes_its_feed_late(broker: Broker, tmp_path: Path) -> None:
    """Nothing is lost or turned round; what was delivered late stands in the spell, save for the first second of it."""
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.create_topics([NewTopic(TOPIC, 1, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})])
    feed = SpooledWriter(Writer(broker.plain, TOPIC, outage_s=float("inf")), Spool(tmp_path / "s", 1 << 24), ORIGIN)
    begun, number, paused, resumed, on_time = time.monotonic(), 0, 0.0, 0.0, 0.0
    while not on_time or time.monotonic() - on_time < 0.5:
        feed.write(0, [message(number)])
        number += 1
        time.sleep(EVERY_S)
        now = time.monotonic()
        if not paused and now - begun > 1:
            broker.pause()
            paused = now
        elif paused and not resumed and now - paused > PAUSE_S:
            assert feed.is_late
            broker.resume()
            resumed = now
        elif resumed and not on_time and not feed.is_late:
            on_time = now
        assert now - begun < 40, "it is late for ever"
    assert feed.drain(time.monotonic() + 10)
    found = written(broker)
    said = [json.loads(frame.data)["event"] for frame, _ in found if frame.dialect == CONNECTION]
    assert ["on_time", "late", "on_time"] == said
    assert [str(n) for n in range(number)] == [f.data.decode() for f, _ in found if f.dialect != CONNECTION]
    places = [place for place, (frame, _) in enumerate(found) if frame.dialect == CONNECTION]
    outside = [(f.at_ns, after_s) for f, after_s in found[: places[1]] + found[places[2] :] if after_s > 1.0]
    assert max(at_ns for at_ns, _ in outside) - min(at_ns for at_ns, _ in outside) < 1.3 * SECOND_NS
    assert max(after_s for _, after_s in found[places[1] : places[2]]) > PAUSE_S - 2
    assert max(after_s for _, after_s in found[places[2] :]) < 1.0
