"""Carry everything in one shape: rows inside blocks on the way, ReportEnvelope where somebody reads.

A `Row` is one envelope inside a block; what all rows of a block share stands once on the block. Rows are hashed and
chained per block; blocks are cut by content and never by batch, so the chain does not depend on how input was fed.
"""

from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Struct

from contracts import control, intent, market, order, signal, venue
from contracts.base import Refused, Wire
from contracts.units import Count, Id, Index, LongText, Ns, Number, OptionalId, Reason, Text

PAYLOADS: tuple[type[Wire], ...] = tuple(
    cls
    for module in (market, venue, signal, intent, order, control)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, Wire) and cls.__module__ == module.__name__
    and cls not in (Wire, market.Fact, order.Account, order.OwnOrders)
)


class Row(Struct, frozen=True, gc=False, array_like=True):
    """One envelope inside a block: cause, rank and index of its maker, journal time, market, payload."""

    cause: int
    rank: int
    index: int
    at_ns: int
    market: int
    payload: Any


class Block(Struct, frozen=True, gc=False):
    """Rows that were sealed together.

    desk_id       whose chain
    chain         journal (what came in) or decisions (what was said)
    number        place in the chain, from 0
    offsets       journal offset of each row's cause
    data          the rows as JSON; hashed
    previous      head before
    head          SHA-256(previous + data)
    rows          the rows as values, for readers in the same process; empty when read from a store
    """

    desk_id: str
    chain: str
    number: int
    offsets: list[int]
    data: bytes
    previous: bytes
    head: bytes
    rows: list[Any]


class DeadLetter(Wire):
    """A frame that could not be read: nothing is lost, the process goes on.

    source_id  the capture, connection or topic
    position   its place there
    at_ns      arrival at the edge
    reason     its code
    detail     the field, the value and what is allowed
    data       the bytes, in hexadecimal
    """

    source_id: Text
    position: Count
    at_ns: Ns
    reason: Reason
    detail: Text
    data: str


class ReportEnvelope(Wire):
    """The only shape in which anything is reported.

    envelope_id      desk, cause, rank and index: derived, so the same statement has the same id
    payload_kind     type name of the payload
    desk_id          the desk, or lane
    bot_id           who said it; the operator's name for what no bot says
    bot_version      hash of its code
    config_version   hash of its configuration
    market_id        the venue's own id; empty when it concerns no market
    cause_id         fact that caused it
    correlation_id   intent that it belongs to; empty none
    at_ns            journal time
    offset           place in the journal; never part of an id or a digest
    rank             place of the bot in the plan
    index            place in its outputs
    reasons          codes
    severity         INFO, WARN, HARD or CRITICAL
    block            number of its block
    payload          the payload, as JSON
    """

    envelope_id: Id
    payload_kind: Text
    desk_id: Id
    bot_id: Id
    bot_version: Text
    config_version: Text
    market_id: OptionalId
    cause_id: Text
    correlation_id: OptionalId
    at_ns: Ns
    offset: Index
    rank: Number
    index: Count
    reasons: tuple[Reason, ...]
    severity: Text
    block: Count
    payload: LongText


def payload_union(kinds: tuple[type[Wire], ...] = PAYLOADS) -> Any:
    """Return the union of payload types, for a decoder that checks what it reads."""
    return reduce(or_, kinds)


FACTS = tuple(cls for cls in PAYLOADS if issubclass(cls, market.Fact))


class CheckedRow(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A row whose payload is decoded and checked against its contract; none may stand under the rank of facts."""

    cause: Index
    rank: Count
    index: Count
    at_ns: Ns
    market: Index
    payload: payload_union()  # type: ignore[valid-type]


FACT_RANK = -1
JOURNAL, DECISIONS = "journal", "decisions"
_ROWS = msgspec.json.Decoder(list[CheckedRow]).decode
_ROW = msgspec.json.Decoder(CheckedRow).decode
_FACT = msgspec.json.Decoder(payload_union(FACTS)).decode
_RAWS = msgspec.json.Decoder(list[msgspec.Raw]).decode
_ARRAY = ord("[")


def entries_of(data: bytes) -> list[Any]:
    """Decode the block of a journal and check it: facts as they came, and rows for what was said. About 0.6 µs each."""
    return [_ROW(raw) if bytes(raw)[0] == _ARRAY else _FACT(raw) for raw in _RAWS(data)]


def rows_of(data: bytes, chain: str = JOURNAL) -> list[CheckedRow]:
    """Decode a block and check every payload; raises Refused naming the first place that breaks its contract.

    A fact of a journal becomes a row: its own id as cause, FACT_RANK as maker. About 0.3 µs a row, 0.8 µs a fact.
    """
    try:
        if chain == DECISIONS:
            rows: list[CheckedRow] = _ROWS(data)
            return rows
        entries = entries_of(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"{chain} block: {err}") from None
    return [
        entry if type(entry) is CheckedRow else CheckedRow(entry.fact, FACT_RANK, 0, entry.at_ns, entry.market, entry)
        for entry in entries
    ]
