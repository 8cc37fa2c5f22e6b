"""An order leaves once and only under its desk's signature; a forged or contradicting one is found and kept."""

import base64
import pickle
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors import orders
from connectors.access import Access
from connectors.errors import BrokerError
from connectors.orders import OrderReader, Orders, OrderSink, identity_of, record_of_order
from contracts.base import Refused, read, write
from contracts.control import IncidentReport
from contracts.envelope import Row
from contracts.ids import fact_id
from contracts.order import CANCEL, PLACE, AuthorisedOrder
from contracts.signed import CONTROL, ORDER, Signed
from operators.plan import AUTHORISE_RANK, GATE_RANK
from tests import world
from tests.connectors.signed_keys import DESK, KEY, OTHER, SCOPE, seeded, verifier
from tests.laws import engine_stream

AT_NS = 1_760_000_000_000_000_000


@cache
def traded() -> tuple[Row, ...]:
    """Return the orders and cancels of a real desk in a few minutes of three markets."""
    blocks, _ = engine_stream.run(engine_stream.frames(2_000, 3, 7, trade_every=9), 3)
    said = [row for block in blocks if block.chain == "decisions" for row in block.rows]
    return tuple(row for row in said if isinstance(row.payload, AuthorisedOrder))


def row(client_order_id: str = "a" * 26, intent: str = "i1", **child: object) -> Row:
    """Return the row of an order."""
    order = world.child(**{"client_order_id": client_order_id, **child})
    said = AuthorisedOrder(intent, "p1", world.STRATEGY, order, (world.vote(),), "g")
    return Row(fact_id(1, 7), AUTHORISE_RANK, 3, AT_NS, 0, said)


def read_all(records: list[tuple[bytes | None, bytes | None]], known: dict[str, bytes] | None = None) -> Orders:
    """Read records from offset 0 on."""
    out = Orders([], [], [])
    reader = OrderReader(verifier(), SCOPE, "topic/0", {} if known is None else known)
    for offset, (key, value) in enumerate(records):
        reader.take(offset, key, value, AT_NS, out)
    return out


def test_the_orders_of_a_desk_pass_each_once() -> None:
    """Hundreds of orders and cancels come out as the rows that went in; said again from anywhere, none comes twice."""
    rows = list(traded())
    assert {PLACE, CANCEL} == {each.payload.child.action for each in rows}
    assert len(rows) > 500
    records = [record_of_order(each, DESK, SCOPE) for each in rows]
    out = read_all([*records, *records[300:]])
    assert (rows, [], []) == (out.rows, out.letters, out.incidents)


def test_an_order_said_again_is_the_same_bytes() -> None:
    """A desk that died writes what it wrote before: number 0, nothing drawn, the order's id as key."""
    (first, again) = (record_of_order(row(), DESK, SCOPE) for _ in range(2))
    signed = read(Signed, first[1])
    assert (first, b"a" * 26) == (again, first[0])
    assert (0, ORDER, SCOPE, DESK.public.key_id) == (signed.sequence, signed.purpose, signed.scope, signed.key_id)


def test_what_an_order_is_follows_from_itself() -> None:
    """A cancel is no order of the same id, and two cancels of one order by two decisions are two."""
    some = [
        row(),
        row(revision=1),
        row(action=CANCEL),
        row(action=CANCEL, intent="i2"),
        row("b" * 26),
    ]
    assert 5 == len({identity_of(each.payload) for each in some})
    out = read_all([record_of_order(each, DESK, SCOPE) for each in some])
    assert (some, []) == (out.rows, out.letters)
    assert len(traded()) == len({identity_of(each.payload) for each in traded()})


def test_another_content_under_a_known_identity_is_an_incident() -> None:
    """The second is not taken in silence, nor the first forgotten; both digests are told and the bytes are kept."""
    first, second = (record_of_order(row(size_lots=size), DESK, SCOPE) for size in (100, 200))
    known: dict[str, bytes] = {}
    out = read_all([first, second, first, second], known)
    assert [row(size_lots=100)] == out.rows
    assert ["GOV_ORDER_CONTRADICTED"] * 2 == [each.reason for each in out.letters]
    assert (2, 4, second[1].hex()) == (out.letters[0].position, out.letters[1].position, out.letters[0].data)
    assert known[identity_of(row().payload)].hex() in out.letters[0].detail
    assert ("P1", "unsigned_order", "GOV_ORDER_CONTRADICTED") == (
        out.incidents[0].severity, out.incidents[0].cause_family, out.incidents[0].reason,
    )  # fmt: skip


def changed(signed: Signed, **fields: object) -> bytes:
    """Return a record of a signed order with fields changed."""
    return write(replace(signed, **fields))


GOOD = read(Signed, record_of_order(row(), DESK, SCOPE)[1])
BODY = GOOD.body.encode()
ID = b"a" * 26


@pytest.mark.parametrize(
    ("key", "value", "reason", "said"),
    [
        (ID, None, "GOV_ORDER_UNSIGNED", "not JSON"),
        (ID, b"buy", "GOV_ORDER_UNSIGNED", "not JSON"),
        (ID, BODY, "GOV_ORDER_UNSIGNED", "got `array`"),
        (ID, write(row().payload), "GOV_ORDER_UNSIGNED", "Signed"),
        (ID, record_of_order(row(), OTHER, SCOPE)[1], "GOV_ORDER_UNSIGNED", "may not sign for order"),
        (ID, record_of_order(row(), seeded(77), SCOPE)[1], "GOV_ORDER_UNSIGNED", "is unknown"),
        (ID, record_of_order(row(), DESK, "live/lab")[1], "GOV_ORDER_UNSIGNED", "scope 'live/lab'; allowed: paper/lab"),
        (ID, record_of_order(row(), DESK, "paper/b2")[1], "GOV_ORDER_UNSIGNED", "scope 'paper/b2'; allowed: paper/lab"),
        (ID, write(KEY.sign(CONTROL, SCOPE, 0, BODY)), "GOV_ORDER_UNSIGNED", "purpose 'control'; allowed: order"),
        (ID, changed(GOOD, sequence=1), "GOV_ORDER_UNSIGNED", "signature is not that of key"),
        (ID, changed(GOOD, body=GOOD.body.replace("LIMIT", "OTHER")), "GOV_ORDER_UNSIGNED", "signature is not that of"),
        (ID, write(DESK.sign(ORDER, SCOPE, 1, BODY)), "GOV_ORDER_UNREADABLE", "sequence 1"),
        (ID, write(DESK.sign(ORDER, SCOPE, 0, b"{}")), "GOV_ORDER_UNREADABLE", "got `object`"),
        (ID, write(DESK.sign(ORDER, SCOPE, 0, b"[" * 9_999)), "GOV_ORDER_UNREADABLE", "array"),
        (ID, record_of_order(row(action="REPLACE"), DESK, SCOPE)[1], "GOV_ORDER_UNREADABLE", "action 'REPLACE'"),
        (b"", record_of_order(row(""), DESK, SCOPE)[1], "GOV_ORDER_UNREADABLE", "client_order_id ''"),
        (b"b" * 26, write(GOOD), "GOV_ORDER_UNREADABLE", "allowed: its client_order_id aaa"),
        (None, write(GOOD), "GOV_ORDER_UNREADABLE", "key None"),
        (
            ID,
            write(DESK.sign(ORDER, SCOPE, 0, BODY.replace(b",201,3,", b",200,3,"))),
            "GOV_ORDER_UNREADABLE",
            f"rank {GATE_RANK} says AuthorisedOrder",
        ),
    ],
)
def test_what_the_desk_did_not_sign_does_not_leave(
    key: bytes | None, value: bytes | None, reason: str, said: str
) -> None:
    """No order, but an incident and a letter with the bytes and what is allowed; what follows is taken as ever."""
    out = read_all([(key, value), (ID, write(GOOD))])
    assert [row()] == out.rows
    ((letter,), (incident,)) = out.letters, out.incidents
    assert (reason, 1, (value or b"").hex()) == (letter.reason, letter.position, letter.data)
    assert said in letter.detail
    assert (reason, "connectors.orders", "P1") == (incident.reason, incident.opened_by, incident.severity)


@given(st.binary(max_size=40) | st.none(), st.binary(max_size=200) | st.none())
def test_no_bytes_make_it_raise(key: bytes | None, value: bytes | None) -> None:
    """Whatever stands in the topic there is a letter and no order."""
    out = read_all([(key, value)])
    assert ([], 1, 1) == (out.rows, len(out.letters), len(out.incidents))


def test_every_bit_flipped_in_an_order_is_refused() -> None:
    """Each bit of the record, one after the other: nothing but the very order leaves."""
    record = write(GOOD)
    for place in range(8 * len(record)):
        data = bytearray(record)
        data[place // 8] ^= 1 << place % 8
        assert [] == read_all([(ID, bytes(data))]).rows, place


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest identities are known, the oldest is forgotten first; what is forgotten is the submitter's to know."""
    monkeypatch.setattr(orders, "REMEMBERED", 3)
    known: dict[str, bytes] = {}
    records = [record_of_order(row(letter * 26), DESK, SCOPE) for letter in "abcd"]
    read_all(records, known)
    assert ["b", "c", "d"] == [identity.split("|")[1][0] for identity in known]
    assert known == pickle.loads(pickle.dumps(known))
    assert 1 == len(read_all([records[0], records[3]], known).rows)


def test_only_orders_are_signed() -> None:
    """A row of something else is a mistake of ours, and said so before it is signed."""
    with pytest.raises(Refused, match="a row of RiskVote; allowed: AuthorisedOrder"):
        record_of_order(Row(1, AUTHORISE_RANK, 0, 0, 0, world.vote()), DESK, SCOPE)


def test_each_desk_has_a_partition_and_a_scope() -> None:
    """Two desks in one partition are refused; each partition's orders are signed for its own desk."""
    way = Access("127.0.0.1:1")
    with pytest.raises(BrokerError, match="allowed: a partition for each desk"):
        OrderSink(way, "paper.outbox", {"lab": 0, "bot2": 0}, DESK, "paper")
    sink = OrderSink(way, "paper.outbox", {"lab": 0, "bot2": 3}, DESK, "paper")
    ((_, value),) = sink.records(3, [row()])
    assert "paper/bot2" == read(Signed, value).scope


def test_a_key_is_not_in_what_a_sink_shows() -> None:
    """Neither the sink's own form nor its records hold the private key."""
    sink = OrderSink(Access("127.0.0.1:1"), "paper.outbox", {"lab": 0}, DESK, "paper")
    seed = DESK._key.private_bytes_raw()
    shown = f"{vars(sink)} {sink.records(0, [row()])}"
    assert "SigningKey(***)" in shown
    assert not [each for each in (seed.hex(), base64.b64encode(seed).decode(), str(seed)[2:-1]) if each in shown]


def test_an_incident_of_orders_is_whole() -> None:
    """Its key names the bytes, so the same record opens the same incident."""
    one, other, again = read_all([(ID, b"x"), (ID, b"y"), (ID, b"x")]).incidents
    assert isinstance(one, IncidentReport)
    assert (one, one != other) == (again, True)
    assert one == read(IncidentReport, write(one))
