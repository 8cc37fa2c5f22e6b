"""Lay envelopes out as columns: one flat table of all, and a typed one for each kind that analysts ask for.

Columns of a typed table are the fields of its contract, in their order, so that a new field appears by itself. Money,
prices and sizes stay whole numbers in the unit that their field names; the unit, and the contract's own words, stand in
the metadata of each column. No column of money is ever a float.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
from msgspec import Meta, Struct

from connectors.envelopes import Envelope
from contracts.base import Wire
from contracts.envelope import PAYLOADS, DeadLetter
from contracts.intent import OrderIntent, RiskDecision, RiskVote
from contracts.market import MarketDefinition, MarketSnapshot, OrderBookSnapshot, Settlement, TradePrint
from contracts.order import AuthorisedOrder, Fill, OrderUpdate, PositionState

Record = dict[str, object]
Records = Callable[[Envelope], list[Record]]

ALL = "envelopes"
SIDES = {"bid": "bids", "ask": "asks"}
SCALARS: dict[object, pa.DataType] = {int: pa.int64(), str: pa.string(), bool: pa.bool_()}
UNITS = {
    "_ns": "nanoseconds since 1970-01-01 UTC",
    "_ms": "milliseconds",
    "_ticks": "ticks of the instrument",
    "_lots": "lots of the instrument",
    "_micros": "millionths of the quote currency",
    "_milli": "thousandths",
    "_h": "hours",
    "_ppb": "parts per billion",
    "_bps": "hundredths of a percent",
}
OWN_UNITS = {
    "tick_micros": "millionths of the quote currency in one tick",
    "lot_micros": "millionths of a contract in one lot",
    "multiplier_micros": "millionths of the underlying in one contract",
    "size_lots_max": UNITS["_lots"],
    "seen": "the unit that the guard states",
    "limit": "the unit that the guard states",
    "payload": "JSON, to the byte as it was sealed",
}
HEAD: dict[str, tuple[pa.DataType, str]] = {
    "envelope_id": (pa.string(), "desk, cause, rank and index"),
    "desk_id": (pa.string(), "the desk"),
    "market_id": (pa.string(), "the venue's own id; empty when it concerns no market"),
    "cause_id": (pa.string(), "fact that caused it"),
    "correlation_id": (pa.string(), "intent that it belongs to; empty none"),
    "at_ns": (pa.int64(), "journal time"),
    "offset": (pa.int64(), "place in the journal"),
}
FLAT: dict[str, tuple[pa.DataType, str]] = {
    "envelope_id": HEAD["envelope_id"],
    "kind": (pa.string(), "type name of the payload"),
    "desk_id": HEAD["desk_id"],
    "bot_id": (pa.string(), "who said it"),
    "bot_version": (pa.string(), "hash of its code"),
    "config_version": (pa.string(), "hash of its configuration"),
    "market_id": HEAD["market_id"],
    "cause_id": HEAD["cause_id"],
    "correlation_id": HEAD["correlation_id"],
    "at_ns": HEAD["at_ns"],
    "offset": HEAD["offset"],
    "rank": (pa.int64(), "place of the bot in the plan; -1 a fact"),
    "index": (pa.int64(), "place in its outputs"),
    "reasons": (pa.list_(pa.string()), "codes"),
    "severity": (pa.string(), "INFO, WARN, HARD or CRITICAL"),
    "block": (pa.int64(), "number of its block"),
    "payload": (pa.string(), "the payload"),
}
_WORDS = re.compile(r"^ {4}(\w+) +(\S.*)$", re.MULTILINE)
_CLASSES: tuple[type[Wire], ...] = (*PAYLOADS, DeadLetter)
_KINDS = {cls.__name__: cls for cls in _CLASSES}


class Table(NamedTuple):
    """One typed table: its name, the kinds that feed it, its columns, and an envelope's rows in it."""

    name: str
    kinds: tuple[str, ...]
    schema: pa.Schema
    rows: Records


def flat_schema() -> pa.Schema:
    """Return the columns of the table of all envelopes: the keys of `pt envelopes`, the payload as JSON."""
    return pa.schema([_field(name, kind, words) for name, (kind, words) in FLAT.items()])


def flat_row(said: Envelope) -> Record:
    """Return an envelope as a row of the table of all. About 3 µs."""
    return {**said, "payload": payload_json(said)}


def payload_json(said: Envelope) -> str:
    """Return the payload as it was sealed: its contract's canonical JSON, its kind first."""
    return msgspec.json.encode(msgspec.convert(said["payload"], _KINDS[said["kind"]])).decode()


@cache
def typed() -> tuple[Table, ...]:
    """Return the typed tables; `fills` holds settlements too, `votes` a row for each vote of a decision or order."""
    plain: dict[str, tuple[type[Wire], ...]] = {
        "fills": (Fill, Settlement),
        "orders": (OrderUpdate,),
        "intents": (OrderIntent,),
        "positions": (PositionState,),
        "snapshots": (MarketSnapshot,),
        "trades": (TradePrint,),
        "markets": (MarketDefinition,),
    }
    decisions = _schema((RiskDecision,), leave=("votes",))
    levels = pa.list_(pa.int64())
    sides = [_field(f"{side}_{what}", levels, "best first") for side in SIDES for what in ("ticks", "lots")]
    books = pa.schema([*_schema((OrderBookSnapshot,), leave=tuple(SIDES.values())), *sides])
    votes = pa.schema([*_head(), _field("kind", pa.string(), "what was voted on: RiskDecision or AuthorisedOrder"),
                       _field("place", pa.int64(), "order of the votes"), *_fields((RiskVote,), ())])  # fmt: skip
    return (
        *(Table(name, tuple(cls.__name__ for cls in kinds), _schema(kinds), _one) for name, kinds in plain.items()),
        Table("books", (OrderBookSnapshot.__name__,), books, _book),
        Table("decisions", (RiskDecision.__name__,), decisions, _one),
        Table("votes", (RiskDecision.__name__, AuthorisedOrder.__name__), votes, _votes),
        Table("dead_letters", (DeadLetter.__name__,), _schema((DeadLetter,)), _one),
    )


# ---- rows ----------------------------------------------------------------------------------------------------------


def _one(said: Envelope) -> list[Record]:
    return [{**said["payload"], **_headed(said)}]


def _votes(said: Envelope) -> list[Record]:
    votes = said["payload"]["votes"]
    assert isinstance(votes, list)
    head = {**_headed(said), "kind": said["kind"]}
    return [{**vote, **head, "place": place} for place, vote in enumerate(votes)]


def _book(said: Envelope) -> list[Record]:
    """Return a book with each side as two columns of equal length: prices and sizes."""
    (row,) = _one(said)
    for side, name in SIDES.items():
        levels = row.pop(name)
        assert isinstance(levels, list)
        row[f"{side}_ticks"], row[f"{side}_lots"] = [level[0] for level in levels], [level[1] for level in levels]
    return [row]


def _headed(said: Envelope) -> Record:
    known: Mapping[str, object] = said
    return {name: known[name] for name in HEAD}


# ---- columns -------------------------------------------------------------------------------------------------------


def _schema(kinds: tuple[type[Wire], ...], leave: tuple[str, ...] = ()) -> pa.Schema:
    return pa.schema([*_head(), *_fields(kinds, leave)])


def _head() -> list[pa.Field]:
    return [_field(name, kind, words) for name, (kind, words) in HEAD.items()]


def _fields(kinds: tuple[type[Struct], ...], leave: tuple[str, ...]) -> list[pa.Field]:
    """Return the columns of the first kind's fields; the others must have no more."""
    cls = kinds[0]
    words = dict(_WORDS.findall(cls.__doc__ or ""))
    hints = get_type_hints(cls, include_extras=True)
    names = [name for name in cls.__struct_fields__ if name not in HEAD and name not in leave]
    return [_field(name, _type(hints[name]), words.get(name, ""), hints[name]) for name in names]


def _field(name: str, kind: pa.DataType, words: str, hint: object = None) -> pa.Field:
    """Return a column with its meaning and, where it has one, its unit."""
    unit = OWN_UNITS.get(name) or next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    metas = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Meta)]
    meaning = words or next((meta.description for meta in metas if meta.description), "")
    return pa.field(name, kind, metadata={key: text for key, text in (("unit", unit), ("meaning", meaning)) if text})


def _type(hint: object) -> pa.DataType:
    """Return the column type of a contract's annotation: whole numbers, texts and flags, lists and structs of them."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, Struct):
        return pa.struct(_fields((hint,), ()))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,):
        return pa.list_(_type(get_args(hint)[0]))
    return SCALARS[hint]
