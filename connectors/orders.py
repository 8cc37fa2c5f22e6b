"""Send authorised orders to the outbox under their desk's signature, and take from it nothing else.

A record holds one order, or one cancel: the row that the desk said, signed for its mode and desk. Its key is the
order's client_order_id.

The number of a signature is 0 for every order. Which order it is follows from the body alone (`identity_of`), so a desk
that died and says its last orders again writes the same bytes: Ed25519 draws nothing. A counter would be the same
only while the desk's state is kept, and a desk that is born again would contradict itself. A repeat is left out; the
same identity with another content is an incident, whichever came first, and does not leave. A cancel's identity names
its intent too: the venue may refuse one, and the next is another. The memory of a reader is bounded; beyond it the
submitter's own outbox knows an id for good.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from confluent_kafka import Message

from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_client import POLL_MAX
from connectors.kafka_ends import Part, Place, Stop, TopicPart, TopicSink, TopicSource
from connectors.kafka_records import Record
from connectors.signing import SigningKey, Verifier
from contracts.base import Refused, read, write
from contracts.control import IncidentReport
from contracts.envelope import CheckedRow, DeadLetter, Row
from contracts.order import CANCEL, PLACE, AuthorisedOrder
from contracts.reasons import GOV_ORDER_CONTRADICTED, GOV_ORDER_UNREADABLE, GOV_ORDER_UNSIGNED
from contracts.signed import ORDER, Signed, scope_of
from operators.incidents import incident, letter
from operators.plan import AUTHORISE_RANK
from operators.state import Keep
from operators.strands import NotHeard

REMEMBERED = 16_384
OPENED_BY = "connectors.orders"
FAMILY = "unsigned_order"
_ENCODE = msgspec.json.Encoder().encode
_ROW = msgspec.json.Decoder(CheckedRow).decode


class Orders(NamedTuple):
    """What records of an outbox gave.

    rows       orders and cancels that may leave, each once
    letters    what had no effect, with its bytes
    incidents  one for each letter
    """

    rows: list[Row]
    letters: list[DeadLetter]
    incidents: list[IncidentReport]


def identity_of(order: AuthorisedOrder) -> str:
    """Return which order or cancel this is: two records of one identity must say the same."""
    child = order.child
    intent = order.intent_id if child.action == CANCEL else ""
    return f"{child.action}|{child.client_order_id}|{child.revision}|{intent}"


def record_of_order(row: Row, key: SigningKey, scope: str) -> Record:
    """Return the record of an order; the same row gives the same bytes. About 26 µs."""
    order = row.payload
    if type(order) is not AuthorisedOrder:
        raise Refused(f"outbox: a row of {type(order).__name__}; allowed: AuthorisedOrder")
    return order.child.client_order_id.encode(), write(key.sign(ORDER, scope, 0, _ENCODE(row)))


class OrderSink(TopicSink[list[Row]]):
    """Append the orders of desks to an outbox, each to the partition of its desk; keyed by desk."""

    def __init__(
        self,
        access: Access,
        topic: str,
        partitions: Mapping[str, int],
        key: SigningKey,
        mode: str,
        step_id: str = "",
        keep: Keep | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Take what every sink takes, and the desks' key and mode; raises BrokerError for desks that share a partition.

        A partition is read under the scope of one desk, so two in one would be strangers to each other's reader.
        """
        super().__init__(access, topic, partitions, step_id, keep, more)
        self._key = key
        self._scopes = {number: scope_of(mode, desk_id) for desk_id, number in partitions.items()}
        if len(self._scopes) != len(partitions):
            raise BrokerError(f"topic {topic}: {dict(partitions)}; allowed: a partition for each desk")

    def records(self, partition: int, value: list[Row]) -> list[Record]:
        """Return a record for each order."""
        return [record_of_order(row, self._key, self._scopes[partition]) for row in value]


class OrderReader:
    """Take the records of one desk's outbox: each order once, and only what the desk has signed.

    known         identity -> SHA-256 of the content, oldest first; all that it remembers
    repeats       orders that were said again, and left out
    contradicted  orders under a known identity with another content
    """

    def __init__(self, verifier: Verifier, scope: str, source_id: str, known: dict[str, bytes]) -> None:
        """Take whom to believe, the desk and mode, the outbox's name for letters, and what is known."""
        self.known, self.repeats, self.contradicted = known, 0, 0
        self._verifier, self._scope, self._source_id = verifier, scope, source_id

    def take(self, offset: int, key: bytes | None, value: bytes | None, at_ns: int, out: Orders) -> None:
        """Add a record's order to `out`, or a letter and an incident, or nothing for a repeat; it never raises."""
        data = value or b""
        try:
            row = self._row(key, data)
        except NotHeard as err:
            out.letters.append(letter(self._source_id, offset + 1, at_ns, data, err))
            out.incidents.append(incident(OPENED_BY, FAMILY, data, err.reason))
            return
        if row is None:
            self.repeats += 1
        else:
            out.rows.append(row)

    def _row(self, key: bytes | None, data: bytes) -> Row | None:
        """Return an order's row, None for a repeat; raises NotHeard."""
        try:
            signed = read(Signed, data)
        except Refused as err:
            raise NotHeard(GOV_ORDER_UNSIGNED, str(err)) from None
        if why := self._verifier.check(signed, ORDER, self._scope):
            raise NotHeard(GOV_ORDER_UNSIGNED, why)
        row, order = _order(signed, key)
        identity, content = identity_of(order), sha256(signed.body.encode()).digest()
        before = self.known.get(identity)
        if before == content:
            return None
        if before is not None:
            self.contradicted += 1
            raise NotHeard(GOV_ORDER_CONTRADICTED, f"{identity}: has content {content.hex()}; known: {before.hex()}")
        self.known[identity] = content
        if len(self.known) > REMEMBERED:
            del self.known[next(iter(self.known))]
        return row


def _order(signed: Signed, key: bytes | None) -> tuple[Row, AuthorisedOrder]:
    """Read what was signed; raises NotHeard for what is no order, or stands under another order's key."""
    try:
        found = _ROW(signed.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotHeard(GOV_ORDER_UNREADABLE, str(err)) from None
    order, kind = found.payload, type(found.payload)
    if not isinstance(order, AuthorisedOrder) or found.rank != AUTHORISE_RANK:
        raise NotHeard(GOV_ORDER_UNREADABLE, f"rank {found.rank} says {kind.__name__}; allowed: AuthorisedOrder")
    child = order.child
    if signed.sequence or child.action not in (PLACE, CANCEL) or not child.client_order_id:
        said = f"sequence {signed.sequence}, action {child.action[:40]!r}, client_order_id {child.client_order_id!r}"
        raise NotHeard(GOV_ORDER_UNREADABLE, f"{said}; allowed: 0, {PLACE} or {CANCEL}, and an id")
    if key != child.client_order_id.encode():
        raise NotHeard(GOV_ORDER_UNREADABLE, f"key {key!r:.80}; allowed: its client_order_id {child.client_order_id}")
    return Row(found.cause, found.rank, found.index, found.at_ns, found.market, order), order


class _OrderPart(TopicPart[Orders]):
    def __init__(self, source: "OrderSource", part: Part, place: Place) -> None:
        super().__init__(source, part, place)
        assert isinstance(place.memory, dict)
        known: dict[str, bytes] = place.memory
        source_id = f"{place.topic_id}/{part.partition}"
        self._orders = OrderReader(source.verifier, scope_of(source.mode, part.key), source_id, known)
        self._refused = 0

    def _item(self, first: int, messages: list[Message]) -> Orders | None:
        out = Orders([], [], [])
        for offset, message in enumerate(messages, first):
            at_ns = max(0, message.timestamp()[1]) * 1_000_000
            self._orders.take(offset, message.key(), message.value(), at_ns, out)
        self.at_ns = max(0, messages[-1].timestamp()[1]) * 1_000_000
        self._refused += len(out.letters)
        return out if out.rows or out.letters else None

    def _counts(self) -> tuple[int, int]:
        return self._orders.repeats, self._refused


class OrderSource(TopicSource[Orders]):
    """Read outboxes: (desk, orders, letters and incidents); the key of each part is the desk that signs in it."""

    def __init__(
        self,
        access: Access,
        parts: Sequence[Part],
        group: str,
        verifier: Verifier,
        mode: str,
        step_id: str = "",
        keep: Keep | None = None,
        batch: int = POLL_MAX,
        stop: Stop = lambda: False,
        to_end: bool = False,
        finish: Stop = lambda: False,
    ) -> None:
        """Take what every source takes, whom to believe, and the mode whose orders these are."""
        super().__init__(access, parts, group, step_id, keep, batch, stop, to_end, finish=finish)
        self.verifier, self.mode = verifier, mode

    def _opened(self, part: Part, place: Place) -> _OrderPart:
        return _OrderPart(self, part, place)
