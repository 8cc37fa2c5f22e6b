"""Read what an envelope carries, and say whether it is a valid one: its contract, its codes, its maker's authority.

The table of authority repeats the classes of bots/library.toml by layer, since a layer has one class but for the
signing service; a law compares the two.
"""

from typing import NamedTuple

from contracts.base import Refused, Wire, read, write
from contracts.envelope import FACTS, PAYLOADS, ReportEnvelope
from contracts.reasons import REGISTRY

KINDS: dict[str, type[Wire]] = {kind.__name__: kind for kind in PAYLOADS}
FACT_KINDS = frozenset(kind.__name__ for kind in FACTS)
KNOWS = frozenset({
    "MarketDefinition", "OrderBookSnapshot", "TradePrint", "MarketSnapshot", "SignalReport", "MarketCandidate",
    "FairValue", "BookQuality",
})  # fmt: skip
VETOES = frozenset({"RiskVote", "GuardReport", "SafetyState", "ControlCommand", "IncidentReport"})
ACTS = frozenset({
    "ExecutionPlan", "SignedOrderRequest", "OrderUpdate", "Fill", "PositionState", "SignalReport", "IncidentReport",
})  # fmt: skip
MAY_SAY: dict[str, frozenset[str]] = {
    "intel": KNOWS,
    "disc": KNOWS,
    "strat": frozenset({"OrderIntent"}),
    "risk": VETOES,
    "exec": ACTS,
    "sec": VETOES,
    "gov": frozenset({"ReportEnvelope", "IncidentReport", "ControlCommand", "SignalReport"}),
    "sec.signing_service": ACTS,
    "operators.gate": frozenset({"RiskDecision", "ApprovedIntent"}),
    "operators.authorise": frozenset({"AuthorisedOrder", "RiskDecision"}),
    "operators.paper_venue": frozenset({"VenueOrderEvent"}),
    "operators.settlement": frozenset({"Settlement"}),
    "operators.desk": frozenset({"DeskConfigured", "ConfigApplied"}),
    "operators.normalise": FACT_KINDS,
    "operators.sequencer": FACT_KINDS,
    "operators.strands": frozenset({"IncidentReport"}),
    "connectors.clickhouse": frozenset({"AuditEvent"}),
    "operator": frozenset({"AuditEvent", "Challenge", "ControlCommand", "GateResults", "PolicyBundle"}),
}
NOTE = "BotNote"
SHARED_CODES = frozenset({"ExecutionPlan"})  # carries the codes of every bot that worked on it


class Versions(NamedTuple):
    """What a bot runs, as the journal applied it."""

    bot_version: str
    config_version: str


def payload_of(envelope: ReportEnvelope) -> Wire | None:
    """Return an envelope's payload, decoded and checked; None when it breaks its contract or its kind is unknown."""
    kind = KINDS.get(envelope.payload_kind)
    if kind is None:
        return None
    try:
        return read(kind, envelope.payload.encode())
    except Refused:
        return None


def is_mechanism(bot_id: str) -> bool:
    """True for what is no bot: an operator of the engine, or a person."""
    return bot_id.partition(".")[0] not in ("intel", "disc", "strat", "risk", "exec", "sec", "gov")


def fault_of(envelope: ReportEnvelope, known: Versions | None, now: int, skew_ns: int) -> str:
    """Return what is wrong with an envelope in one word or two; empty when it is valid.

    known    what its bot runs, None when the journal never applied it; mechanisms need none
    skew_ns  how far ahead of journal time its own time may be
    """
    maker, kind = envelope.bot_id, envelope.payload_kind
    try:
        read(ReportEnvelope, write(envelope))
    except Refused:
        return "schema"
    if payload_of(envelope) is None:
        return "payload schema"
    if not envelope.reasons or any(code not in REGISTRY for code in envelope.reasons):
        return "reason not registered"
    allowed = MAY_SAY.get(maker, MAY_SAY.get(maker.partition(".")[0], frozenset()))
    if kind not in allowed and (kind != NOTE or is_mechanism(maker)):
        return "authority"
    if not is_mechanism(maker):
        if kind not in SHARED_CODES and any(not _is_own(code, maker) for code in envelope.reasons):
            return "reason of another"
        if known is None or known != (envelope.bot_version, envelope.config_version):
            return "version"
    if envelope.at_ns > now + skew_ns:
        return "ahead of time"
    return "" if envelope.cause_id else "no cause"


def _is_own(code: str, bot_id: str) -> bool:
    """True for a code of the bot's row, or of its layer's mechanisms."""
    owner = REGISTRY[code].owner
    return owner == bot_id or (not owner and code.startswith(f"{bot_id.partition('.')[0].upper()}_"))
