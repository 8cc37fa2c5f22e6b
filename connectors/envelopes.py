"""Spell a stored row out as the envelope that people and scripts read.

A row is terse: numbers instead of names, and what a block shares stands once. Here the numbers become names again:
market index to the venue's id, rank to bot and its versions, cause to text, order to the intent that it belongs to.
"""

from bisect import bisect_right
from collections.abc import Mapping
from operator import itemgetter
from typing import TypedDict

from msgspec import Struct
from msgspec.structs import asdict

from contracts import ids
from contracts.base import Wire
from contracts.control import ConfigApplied, ControlCommand, DeskConfigured, PolicyBundle
from contracts.envelope import FACT_RANK, CheckedRow
from contracts.intent import ApprovedIntent, OrderIntent, RiskDecision, RiskVote
from contracts.market import ClockTick, Fact, MarketDefinition, OrderBookSnapshot, VenueInstrumentRecord
from contracts.order import AuthorisedOrder, ExecutionPlan, VenueOrderEvent
from contracts.reasons import (
    EXEC_VENUE_ACK,
    EXEC_VENUE_DONE,
    EXEC_VENUE_MATCH,
    EXEC_VENUE_REJECT,
    GOV_COMMAND_ENTERED,
    GOV_CONFIG_APPLIED,
    GOV_DESK_CONFIGURED,
    GOV_FACT_RECEIVED,
    INTEL_BOOK_DEGRADED,
    INTEL_BOOK_OK,
    REGISTRY,
    RISK_ORDER_AUTHORISED,
)

SCALARS = frozenset({int, str, float, bool, type(None)})
SEVERITIES = ("INFO", "WARN", "HARD", "CRITICAL")
VENUE_SAID = {
    "ACK": EXEC_VENUE_ACK,
    "MATCH": EXEC_VENUE_MATCH,
    "REJECT": EXEC_VENUE_REJECT,
    "CANCEL_REJECT": EXEC_VENUE_REJECT,
}
NORMALISER, SEQUENCER, OPERATOR = "operators.normalise", "operators.sequencer", "operator"
DERIVED = frozenset(
    {
        GOV_FACT_RECEIVED,
        GOV_DESK_CONFIGURED,
        GOV_CONFIG_APPLIED,
        GOV_COMMAND_ENTERED,
        RISK_ORDER_AUTHORISED,
        *VENUE_SAID.values(),
        EXEC_VENUE_DONE,
    }
)


class Envelope(TypedDict):
    """What `pt envelopes` prints; the keys of cli.md."""

    envelope_id: str
    kind: str
    desk_id: str
    bot_id: str
    bot_version: str
    config_version: str
    market_id: str
    cause_id: str
    correlation_id: str
    at_ns: int
    offset: int
    rank: int
    index: int
    reasons: list[str]
    severity: str
    block: int
    payload: dict[str, object]


def reasons_of(payload: Wire) -> list[str]:
    """Return every reason code of a payload, its own first, each once; where nobody wrote one, its kind gives it."""
    kind = type(payload)
    found: list[str] = []
    if kind is RiskDecision or kind is AuthorisedOrder:
        own = (payload.reason,) if isinstance(payload, RiskDecision) else (RISK_ORDER_AUTHORISED,)
        found = [*own, *(vote.reason for vote in getattr(payload, "votes", ()))]
    elif kind is ApprovedIntent:
        found = [getattr(payload, "intent").reason]  # noqa: B009
    elif kind is ExecutionPlan:
        found = list(getattr(payload, "reasons", ()))
    elif kind is VenueOrderEvent:
        found = [VENUE_SAID.get(getattr(payload, "event", ""), EXEC_VENUE_DONE)]
    elif isinstance(payload, OrderBookSnapshot):
        found = [INTEL_BOOK_OK if payload.quality_milli == 1_000 else INTEL_BOOK_DEGRADED]
    elif kind is DeskConfigured:
        found = [GOV_DESK_CONFIGURED]
    elif kind is ConfigApplied:
        found = [GOV_CONFIG_APPLIED]
    elif kind is ControlCommand or kind is PolicyBundle:
        found = [GOV_COMMAND_ENTERED]
    elif isinstance(payload, Fact):
        found = [GOV_FACT_RECEIVED]
    else:
        found = [getattr(payload, "reason", "")]
    return list(dict.fromkeys(code for code in found if code in REGISTRY))


def severity_of(reasons: list[str]) -> str:
    """Return the worst severity among codes; INFO when there is none."""
    return SEVERITIES[max((SEVERITIES.index(REGISTRY[code].severity) for code in reasons), default=0)]


def plain(value: object) -> object:
    """Return a value as JSON holds it: structs as objects without their tag, tuples as lists."""
    if isinstance(value, Struct):
        fields = asdict(value)
        return {name: part if type(part) in SCALARS else plain(part) for name, part in fields.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


class Names:
    """The names of one desk's journal: markets by index, bots by rank, versions by bot and offset, intents by order."""

    def __init__(self, desk_id: str, makers: Mapping[int, str]) -> None:
        """Take the names of all ranks: bots and mechanisms."""
        self.desk_id, self.makers = desk_id, makers
        self.markets: dict[int, str] = {}
        self.intents: dict[str, str] = {}
        self.plan_hash = ""
        self._versions: dict[str, list[tuple[int, str, str]]] = {}
        self._intent: tuple[int, str] = (-1, "")

    def learn(self, offset: int, row: CheckedRow) -> None:
        """Take in what a row says about names."""
        payload = row.payload
        if isinstance(payload, MarketDefinition | VenueInstrumentRecord):
            self.markets[row.market] = payload.market_id
        elif isinstance(payload, ConfigApplied):
            known = self._versions.setdefault(payload.bot_id, [])
            known.append((offset, payload.bot_version, payload.config_version))
        elif isinstance(payload, DeskConfigured):
            self.plan_hash = payload.plan_hash
        else:
            self.link(payload)

    def link(self, payload: object) -> None:
        """Take in which intent a plan and its orders belong to."""
        if isinstance(payload, ExecutionPlan):
            self.intents[payload.plan_id] = payload.intent_id
            for child in payload.children:
                if child.action == "PLACE" and child.client_order_id:
                    self.intents[child.client_order_id] = payload.intent_id
        elif isinstance(payload, AuthorisedOrder) and payload.child.action == "PLACE":
            self.intents[payload.child.client_order_id] = payload.intent_id

    def maker(self, row: CheckedRow, offset: int) -> tuple[str, str, str]:
        """Return who said a row, with the versions of its code and configuration at that offset."""
        if row.rank == FACT_RANK:
            return SEQUENCER if isinstance(row.payload, ClockTick) else NORMALISER, self.plan_hash, ""
        name = self.makers.get(row.rank, OPERATOR)
        known = self._versions.get(name)
        if not known:
            return name, self.plan_hash, ""
        _, bot_version, config_version = known[max(0, bisect_right(known, offset, key=itemgetter(0)) - 1)]
        return name, bot_version, config_version

    def correlation(self, row: CheckedRow) -> str:
        """Return the intent that a row belongs to; empty for none. Rows must come in their order within a block."""
        payload = row.payload
        if isinstance(payload, OrderIntent):
            self._intent = (row.cause, payload.intent_id)
            return payload.intent_id
        if isinstance(payload, RiskVote):
            return self._intent[1] if self._intent[0] == row.cause else ""
        if isinstance(payload, ApprovedIntent):
            return payload.intent.intent_id
        if isinstance(payload, RiskDecision):
            return self.intents.get(payload.subject_id, payload.subject_id)
        if isinstance(payload, ExecutionPlan | AuthorisedOrder):
            self.link(payload)
            return payload.intent_id
        return self.intents.get(getattr(payload, "client_order_id", ""), "")

    def market_id(self, row: CheckedRow) -> str:
        """Return the venue's id of the market that a row concerns; empty for none."""
        found = self.markets.get(row.market) or getattr(row.payload, "market_id", "")
        return str(found)

    def envelope(self, row: CheckedRow, offset: int, block: int) -> Envelope:
        """Spell one row out. About 12 µs."""
        reasons = reasons_of(row.payload)
        bot_id, bot_version, config_version = self.maker(row, offset)
        payload = plain(row.payload)
        assert isinstance(payload, dict)
        return {
            "envelope_id": ids.envelope_id(self.desk_id, row.cause, row.rank, row.index),
            "kind": type(row.payload).__name__,
            "desk_id": self.desk_id,
            "bot_id": bot_id,
            "bot_version": bot_version,
            "config_version": config_version,
            "market_id": self.market_id(row),
            "cause_id": ids.fact_text(row.cause),
            "correlation_id": self.correlation(row),
            "at_ns": row.at_ns,
            "offset": offset,
            "rank": row.rank,
            "index": row.index,
            "reasons": reasons,
            "severity": severity_of(reasons),
            "block": block,
            "payload": payload,
        }
