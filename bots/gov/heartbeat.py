"""Prove that every bot and the flow of time are alive, and sum each cycle up in one line that machines read.

Says    heartbeat every cycle of 60 s, and at once when its status changes: OK, MISSED (a bot is late), DEAD (a bot or a
        gate is dead, with an IncidentReport naming it) or STALLED (the envelopes lag behind the clock).
Why     A bot that has died says nothing, and so does a calm market; only counting tells them apart. A watchdog outside
        reads the missing cycle as EMERGENCY_STOP, so the summary itself is part of the proof.
Source  bots/library.toml; Beyer, B. et al. (2016), Site Reliability Engineering.

The registry is DeskConfigured. A beat is any envelope of a bot; a guard also beats in each decision that names it, as
having voted or as spared. How often a layer should beat stands below: bots speak on change, so intervals are long.
"""

from typing import Annotated

from msgspec import Struct, structs

from bots.kit import BotConfig, Instant, Number, On, Seconds, Signal, State, fold
from bots.maths.ordered import find, put
from bots.maths.reported import payload_of
from contracts.control import DeskConfigured, IncidentReport, SafetyState
from contracts.envelope import ReportEnvelope
from contracts.intent import RiskDecision
from contracts.market import ClockTick
from contracts.order import PositionState
from contracts.reasons import GOV_HEARTBEAT_DEAD, GOV_HEARTBEAT_MISSED, GOV_HEARTBEAT_OK, GOV_HEARTBEAT_STALLED
from contracts.signal import SignalReport

BOT_ID, SECOND, CYCLE_NS = "gov.heartbeat", 1_000_000_000, 60_000_000_000
NAMES = ("bankroll_micros", "exposure_micros", "open_positions", "hard", "critical", "lag_s")
INTERVAL_S = {
    "intel": 60,
    "disc": 300,
    "strat": 300,
    "risk": 300,
    "exec": 300,
    "sec": 300,
    "gov": 60,
}
REASONS = {
    "OK": GOV_HEARTBEAT_OK,
    "MISSED": GOV_HEARTBEAT_MISSED,
    "DEAD": GOV_HEARTBEAT_DEAD,
    "STALLED": GOV_HEARTBEAT_STALLED,
}


class Config(BotConfig):
    """How many beats may be missed, and how far the envelopes may lag behind the clock."""

    warn_n: Number = 2
    hard_n: Number = 4
    lag_hard_s: Seconds = 15


class Holding(Struct, frozen=True, gc=False):
    """What one market holds: its open cost and everything it has made, in micros."""

    size_lots: int
    cost_micros: int
    total_micros: int


class Beats(State):
    """When each bot was last seen, the newest envelope, the running cycle and what it summed up."""

    bots: tuple[str, ...] = ()
    seen_ns: tuple[int, ...] = ()
    gates: frozenset[str] = frozenset()
    start_micros: int = 0
    watermark_ns: int = 0
    markets: tuple[str, ...] = ()
    holdings: tuple[Holding, ...] = ()
    safety: str = "UNKNOWN"
    hard: int = 0
    critical: int = 0
    cycle: int = 0
    cycle_ns: int = 0
    label: str = ""
    dead: frozenset[str] = frozenset()


Said = tuple[Annotated[SignalReport, Signal("heartbeat")] | IncidentReport, ...]


def hear(config: Config, state: Beats, envelope: On[ReportEnvelope], now: Instant) -> Beats:
    """Take a beat, and what the summary is made of."""
    at_ns = envelope.at_ns
    state = structs.replace(
        _beaten(state, (envelope.bot_id,), at_ns),
        watermark_ns=max(state.watermark_ns, at_ns * (envelope.payload_kind != "ClockTick")),
        hard=state.hard + (envelope.severity == "HARD"),
        critical=state.critical + (envelope.severity == "CRITICAL"),
    )
    if envelope.payload_kind not in ("RiskDecision", "PositionState", "SafetyState", "DeskConfigured"):
        return state
    said = payload_of(envelope)
    if isinstance(said, RiskDecision):
        return _beaten(state, (*(vote.gate for vote in said.votes), *said.not_run), at_ns)
    if isinstance(said, PositionState):
        return held(config, state, said, now)
    if isinstance(said, SafetyState):
        return safe(config, state, said, now)
    return _born(state, said, int(now)) if isinstance(said, DeskConfigured) else state


def held(config: Config, state: Beats, position: On[PositionState], now: Instant) -> Beats:
    """Take in a market's position."""
    place = find(state.markets, position.market_id)
    holding = Holding(position.size_lots, position.cost_micros, position.total_micros)
    markets = state.markets if place >= 0 else put(state.markets, place, position.market_id)
    return structs.replace(state, markets=markets, holdings=put(state.holdings, place, holding))


def safe(config: Config, state: Beats, safety: On[SafetyState], now: Instant) -> Beats:
    """Take in what may be done at all."""
    return structs.replace(state, safety=safety.mode)


def beat(config: Config, state: Beats, tick: On[ClockTick], now: Instant) -> tuple[Beats, Said]:
    """Count what is missing, name what has died, and close the cycle when it is over."""
    ages = {bot: max(0, now - seen) // SECOND for bot, seen in zip(state.bots, state.seen_ns, strict=True)}
    missed = {bot: age // INTERVAL_S[bot.partition(".")[0]] for bot, age in ages.items()}
    dead = frozenset(bot for bot, count in missed.items() if count >= (1 if bot in state.gates else config.hard_n))
    late = [bot for bot, count in missed.items() if count >= config.warn_n]
    lag_s = (now - state.watermark_ns) // SECOND if state.watermark_ns else 0
    label = "STALLED" if lag_s > config.lag_hard_s else "DEAD" if dead else "MISSED" if late else "OK"
    said: Said = tuple(_incident(bot, missed[bot]) for bot in sorted(dead - state.dead))
    over = now >= state.cycle_ns + CYCLE_NS
    if over or label != state.label:
        said = (_summary(state, label, sorted(dead) or late, lag_s), *said)
    state = structs.replace(state, label=label, dead=dead)
    if over:
        state = structs.replace(state, cycle=state.cycle + 1, cycle_ns=int(now - now % CYCLE_NS), hard=0, critical=0)
    return state, said


def _born(state: Beats, desk: DeskConfigured, now: int) -> Beats:
    bots = tuple(sorted(bot for bot in desk.bots if bot.partition(".")[0] in INTERVAL_S))
    gates = frozenset(desk.required_gates)
    kept = {"bots": bots, "seen_ns": (now,) * len(bots), "gates": gates, "start_micros": desk.start_micros}
    return structs.replace(state, **kept)


def _beaten(state: Beats, bots: tuple[str, ...], at_ns: int) -> Beats:
    seen = state.seen_ns
    for bot in bots:
        place = find(state.bots, bot)
        if place >= 0 and at_ns > seen[place]:
            seen = put(seen, place, at_ns)
    return state if seen is state.seen_ns else structs.replace(state, seen_ns=seen)


def _summary(state: Beats, label: str, named: list[str], lag_s: int) -> SignalReport:
    exposure, total = sum(abs(h.cost_micros) for h in state.holdings), sum(h.total_micros for h in state.holdings)
    opened = sum(h.size_lots != 0 for h in state.holdings)
    numbers = (state.start_micros + total, exposure, opened, state.hard, state.critical, lag_s)
    parts = tuple((name, float(number)) for name, number in zip(NAMES, numbers, strict=True))
    rest = (0.0, 1.0, 0, 0, "1", parts, (state.safety, *named), REASONS[label])
    return SignalReport("heartbeat", float(state.cycle), label, *rest)


def _incident(bot_id: str, missed: int) -> IncidentReport:
    return IncidentReport(
        f"{BOT_ID}/{bot_id}", bot_id, "liveness", "P1", (f"missed={missed}",), BOT_ID, GOV_HEARTBEAT_DEAD
    )


BOT = fold(hear, held, safe, beat, reasons=set(REASONS.values()), per="desk")
