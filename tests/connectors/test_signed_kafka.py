"""At a real broker: a program without the right is refused by it, and what its rights allow still needs a signature."""

import time
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main

from connectors import namespace, topics
from connectors.access import Access
from connectors.broker import Broker
from connectors.control_entries import control_reader, record_of_control, signed_entry
from connectors.errors import BrokerError
from connectors.kafka_client import Reader, Writer
from connectors.kafka_ends import Part
from connectors.kafka_records import Record
from connectors.kafka_strands import CONTROL_KEY
from connectors.orders import Orders, OrderSink, OrderSource, record_of_order
from connectors.topic_layout import layout, read_layout
from contracts.base import write
from contracts.envelope import Row
from contracts.order import AuthorisedOrder
from contracts.signed import CONTROL
from flows.ends import CallSink
from operators.control_entries import Taken
from operators.state import Keep
from tests.connectors.signed_keys import DESK, KEY, SCOPE, seeded, verifier
from tests.connectors.test_orders import row
from tests.operators.test_control_entries import command, entry, reasons

pytestmark = pytest.mark.kafka
REFUSED = "(Topic|Cluster) authorization failed"  # of the cluster: it may look at the topic, and write to none


@pytest.fixture
def prefix(broker: Broker, request: pytest.FixtureRequest) -> str:
    """Return a prefix whose topics and rights are those of the file, new for each test."""
    found = f"paper.refeed.{request.node.name[5:45]}"
    with topics.administration(broker.access("admin")) as client:
        topics.create(client, layout(read_layout(), found), found)
    return found


def put(access: Access, topic: str, records: list[Record], partition: int = 0) -> None:
    """Write records as somebody."""
    writer = Writer(access, topic)
    writer.write(partition, records)
    writer.flush()


def stored(access: Access, topic: str, partition: int = 0) -> list[tuple[bytes | None, bytes]]:
    """Read a partition whole as somebody: key and value of each record."""
    reader, found = Reader(access, "test", topic, partition), list[tuple[bytes | None, bytes]]()
    try:
        _, end = reader.bounds()
        reader.begin(0)
        while reader.position < end:
            found += [(each.key(), each.value() or b"") for each in reader.poll(wait_s=0.1)]
    finally:
        reader.close()
    return found


def sent(access: Access, topic: str, rows: list[Row]) -> None:
    """Send orders of the desk as a program does."""
    flow = Dataflow("send")
    sink = OrderSink(access, topic, {"lab": 2, "bot2": 1}, DESK, "paper")
    op.output("out", op.input("in", flow, TestingSource([("lab", rows)])), sink)
    run_main(flow)


def orders_of(access: Access, topic: str, keep: Keep | None = None) -> OrderSource:
    """Return a source over the desk's outbox."""
    return OrderSource(access, [Part(topic, 2, "lab")], "test", verifier(), "paper", "orders", keep, to_end=True)


def received(access: Access, topic: str, keep: Keep | None = None, recovery: RecoveryConfig | None = None) -> Orders:
    """Read the orders of the desk to their end as a program does."""
    found, flow = Orders([], [], []), Dataflow("receive")

    def take(items: list[tuple[str, Orders]]) -> None:
        for desk_id, some in items:
            assert "lab" == desk_id
            for whole, part in zip(found, some, strict=True):
                whole.extend(part)

    op.output("out", op.input("orders", flow, orders_of(access, topic, keep)), CallSink(take))
    run_main(flow, recovery_config=recovery)
    return found


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("feed", "journal"),
        ("govern", "journal"),
        ("submit", "journal"),
        ("record", "outbox"),
        ("market", "outbox"),
        ("control", "outbox"),
        ("submit", "outbox"),
        ("feed", "commands"),
    ],
)
def test_who_has_no_right_is_refused_by_the_broker(broker: Broker, prefix: str, program: str, name: str) -> None:
    """A feed cannot write a journal, and nobody but a desk an outbox, however well it signs; nothing arrives."""
    topic = namespace.topic(prefix, name)
    good = [(CONTROL_KEY, entry(1)), record_of_order(row(), DESK, SCOPE)]
    with pytest.raises(BrokerError, match=REFUSED):
        put(broker.access(f"paper.{program}"), topic, good)
    assert [] == stored(broker.plain, topic)


def test_a_writer_that_may_write_nothing_says_so_however_it_is_asked(broker: Broker, prefix: str) -> None:
    """The client raises for itself at whatever call comes next; what comes out is one of ours, and stays so."""
    topic = namespace.topic(prefix, "outbox")
    for pause_s in (0.0, 0.02, 0.2):
        writer, until = Writer(broker.access("paper.submit"), topic), time.monotonic() + 10
        time.sleep(pause_s)
        with pytest.raises(BrokerError, match=REFUSED):
            while time.monotonic() < until:
                writer.write(0, [record_of_order(row(), DESK, SCOPE)])
                writer.poll(0.01)
        with pytest.raises(BrokerError, match=REFUSED):
            writer.flush()
    assert [] == stored(broker.plain, topic)


def test_an_unsigned_entry_in_a_journal_is_found(broker: Broker, prefix: str) -> None:
    """Of what programs with the right to write put there, a desk hears what was signed for it, and the rest is told."""
    topic = namespace.topic(prefix, "journal")
    stop = record_of_control(signed_entry(KEY, SCOPE, 1, command("EMERGENCY_STOP", "c1")))
    forged = write(seeded(77).sign(CONTROL, SCOPE, 2, write(command("NORMAL", "c2"))))
    control, market = broker.access("paper.control"), broker.access("paper.market")
    put(control, topic, [stop])
    put(market, topic, [(CONTROL_KEY, write(command("NORMAL", "c2"))), (CONTROL_KEY, forged)])
    put(market, topic, [stop, (CONTROL_KEY, entry(3, scope="paper/bot2"))])
    put(control, topic, [(CONTROL_KEY, entry(4))])
    judge, found = control_reader(verifier(), SCOPE, f"{topic}/0"), list[Taken]()
    for position, (key, value) in enumerate(stored(broker.access("paper.desk"), topic), 1):
        assert CONTROL_KEY == key
        found.append(judge.take(position, value, 5))
    unsigned = "GOV_CONTROL_UNSIGNED"
    assert ["entered", unsigned, unsigned, "", unsigned, "entered"] == reasons(found)
    assert ["c1", "c4"] == [each.row.payload.command_id for each in found if each.row and not each.letter]
    assert [2, 3, 5] == [each.letter.position for each in found if each.letter]


def test_a_forged_order_is_found(broker: Broker, prefix: str) -> None:
    """The submitter receives what the desk signed, in order and once; a forged one and a second content are told."""
    topic, rows = namespace.topic(prefix, "outbox"), [row(letter * 26) for letter in "abcde"]
    rows.append(row("a" * 26, action="CANCEL"))
    desk = broker.access("paper.desk")
    sent(desk, topic, rows)
    forged = record_of_order(row("f" * 26), seeded(77), SCOPE)
    other = record_of_order(row("b" * 26, size_lots=9_999), DESK, SCOPE)
    put(desk, topic, [forged, (b"g" * 26, b"buy"), other], partition=2)
    sent(desk, topic, rows[3:])
    reasons_of = ["GOV_ORDER_UNSIGNED"] * 2 + ["GOV_ORDER_CONTRADICTED"]
    for program in ("submit", "record"):
        found = received(broker.access(f"paper.{program}"), topic)
        assert (rows, reasons_of) == (found.rows, [each.reason for each in found.letters])
        assert [7, 8, 9] == [each.position for each in found.letters]
        assert [forged[1].hex(), b"buy".hex(), other[1].hex()] == [each.data for each in found.letters]
        assert reasons_of == [each.reason for each in found.incidents]
    source = orders_of(broker.access("paper.submit"), topic)
    part = source.build_part("orders", source.list_parts()[0], None)
    while part.place.offset < 12:
        part.next_batch()
    (lag,) = source.lags()
    part.close()
    assert (12, 3, 3) == (lag.position, lag.repeats, lag.refused)
    assert [] == stored(broker.plain, topic, 1)


def test_orders_said_again_after_a_restart_are_known(broker: Broker, prefix: str, tmp_path: Path) -> None:
    """A desk that died says its last orders again, and a submitter that was started again knows them all."""
    topic, rows = namespace.topic(prefix, "outbox"), [row(letter * 26) for letter in "abcdef"]
    desk, submit = broker.access("paper.desk"), broker.access("paper.submit")
    init_db_dir(tmp_path, 1)
    taken: list[str] = []
    for said in (rows[:4], rows[2:4], rows[1:], rows):
        sent(desk, topic, said)
        found = received(submit, topic, Keep({"orders": 1}), RecoveryConfig(tmp_path, timedelta(0)))
        assert [] == found.letters
        taken += [each.payload.child.client_order_id[0] for each in found.rows if type(each.payload) is AuthorisedOrder]
    assert list("abcdef") == taken
