"""Follow every binary through its resolution: the time left, proposals, disputes, the end.

Says    `resolution_state` = seconds left with the state, the proposed outcome and the disputes, when any of them moves.
Why     A price near resolution is a claim about a procedure, not about the world; readers must know which it is.
Source  docs.uma.xyz (optimistic oracle): bots/maths/oracle.py; venue status by intel.instrument_registry.

Seconds left are cut to hours beyond `t24_s`, to minutes beyond `t1_s`, then to 10 s, and to 1 s in the last five
minutes: never more than what is left. No state moves back, but for a rejected proposal and an event that the chain took
back. A venue with an oracle (polymarket) whose view is older than its budget is UNKNOWN inside `t24_s`; a venue without
one (kalshi) has no view that could go stale, there time and the venue's own status decide.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, Instant, Latest, On, Seconds, Signal, State, fold
from bots.maths.oracle import Oracle, hear
from contracts.market import ClockTick, Kind, MarketDefinition, OracleEvent, Status
from contracts.reasons import INTEL_RES_DISPUTED, INTEL_RES_NEAR, INTEL_RES_OPEN, INTEL_RES_ORACLE_STALE
from contracts.signal import SignalReport

SECOND, MILLION, BINARY, MODEL = 1_000_000_000, 1_000_000, int(Kind.BINARY), "resolution-1"
ORACLE_VENUES = frozenset({"polymarket"})
ORACLE_BUDGET_NS = 600 * SECOND  # the catalogue's freshness of OracleEvent
TIMES = ("OPEN", "T24H", "T1H", "CLOSED")
ENDS = {int(Status.CLOSED): "CLOSED", int(Status.RESOLVED): "RESOLVED", int(Status.VOID): "VOID"}
TERMINAL = frozenset({"RESOLVED", "VOID"})
REASONS = {
    "OPEN": INTEL_RES_OPEN,
    "DISPUTED": INTEL_RES_DISPUTED,
    "VOID": INTEL_RES_DISPUTED,
    "UNKNOWN": INTEL_RES_ORACLE_STALE,
}


class Config(BotConfig):
    liveness_s: Seconds = 7_200
    t24_s: Seconds = 86_400
    t1_s: Seconds = 3_600


class Memory(State):
    oracle: Oracle = Oracle()
    reached: int = 0  # the furthest time state, as a place in TIMES
    said: tuple[str, int, int, int] = ("", 0, 0, 0)
    quiet_until_ns: int = 0  # up to here a second alone changes nothing


Said = Annotated[SignalReport | None, Signal("resolution_state")]


def on_time(
    config: Config,
    state: Memory,
    trigger: On[ClockTick | MarketDefinition],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> tuple[Memory, Said]:
    """Let time pass; most seconds change nothing that is said."""
    if now <= state.quiet_until_ns and type(trigger) is ClockTick:
        return state, None
    return _judge(config, state, definition, now)


def on_oracle(
    config: Config,
    state: Memory,
    event: On[OracleEvent],
    definition: Latest[MarketDefinition | None],
    now: Instant,
) -> tuple[Memory, Said]:
    """Take in a step at the oracle."""
    return _judge(config, replace(state, oracle=hear(state.oracle, event)), definition, now)


def _judge(
    config: Config, state: Memory, definition: MarketDefinition | None, now: int
) -> tuple[Memory, SignalReport | None]:
    if definition is None or definition.instrument_kind != BINARY:
        return state, None
    verdict, quiet_until = state.oracle.verdict, 0
    left = max(0, (definition.expiry_ns - now) // SECOND)
    place = (left <= config.t24_s) + (left <= config.t1_s) + (left == 0)
    place = max(place, state.reached)
    ended = ENDS.get(definition.status, "")
    label = ended if ended in TERMINAL else verdict.state or ended or TIMES[place]
    stale = definition.venue_id in ORACLE_VENUES and now - state.oracle.seen_ns > ORACLE_BUDGET_NS
    if stale and left <= config.t24_s and label not in TERMINAL:
        label = "UNKNOWN"
    if label in TERMINAL:
        left = 0
    elif label in ("PROPOSED", "DISPUTED"):
        left = max(0, (verdict.proposed_ns - now) // SECOND + config.liveness_s)
    elif label == "OPEN" and left > config.t24_s:
        # Far from the end only the hours left can change; one nanosecond after this the next one begins.
        quiet_until = definition.expiry_ns - max(_cut(config, left), config.t24_s + 1) * SECOND
    left = _cut(config, left)
    said = label, left, verdict.outcome_micros, verdict.disputes
    if said == state.said and place == state.reached and quiet_until == state.quiet_until_ns:
        return state, None
    return Memory(state.oracle, place, said, quiet_until), None if said == state.said else _report(said)


def _cut(config: Config, left: int) -> int:
    step = 3_600 if left > config.t24_s else 60 if left > config.t1_s else 10 if left > 300 else 1
    return left - left % step


def _report(said: tuple[str, int, int, int]) -> SignalReport:
    label, left, outcome, disputes = said
    parts = (
        ("proposed_outcome", outcome / MILLION if outcome >= 0 else -1.0),
        ("dispute_count", float(disputes)),
        ("escalated", float(disputes >= 2)),
    )
    reason = REASONS.get(label, INTEL_RES_NEAR)
    return SignalReport("resolution_state", float(left), label, 0.0, 1.0, 0, 0, MODEL, parts, (), reason)


BOT = fold(
    on_time,
    on_oracle,
    reasons={INTEL_RES_OPEN, INTEL_RES_NEAR, INTEL_RES_DISPUTED, INTEL_RES_ORACLE_STALE},
)
