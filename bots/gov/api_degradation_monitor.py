"""Measure how healthy every surface of every venue is, and say one score for each.

Says    `health` per venue and surface (its refs), 0 to 1, with OK, DEGRADED, DOWN or LOST: when the label changes, the
        score moves by a hundredth, and every five seconds, so that whoever reads it can tell a calm surface from a dead
        measurement. One IncidentReport per change of the label, with what was counted; P1 for DOWN and LOST, else P2.
Why     An order that cannot be cancelled is a different risk from a bad price, and nobody sees it in a book. This only
        measures; risk.api_degradation votes.
Source  Formula and memory: bots/maths/health.py. Beyer, B. et al. (2016), Site Reliability Engineering.

A chain's snapshots, of whichever provider, count as samples of the surface `chain` of the venues that settle there. A
surface is silent after `silence_ms`, a chain after the minute that on-chain data may be old. One that was never sampled
is not known here; its reader takes it for unhealthy. At most 64 surfaces are kept; a further one is never measured.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, Instant, Millis, On, Positive, Ratio, Seconds, Signal, State, fold
from bots.maths.health import LOST, Counts, Surface, judged, sampled, score
from bots.maths.ordered import find, put
from bots.maths.rounding import significant
from contracts.control import IncidentReport
from contracts.market import ClockTick
from contracts.reasons import GOV_API_DEGRADED, GOV_API_DOWN, GOV_API_OK, GOV_API_PROBE_LOST
from contracts.signal import SignalReport
from contracts.venue import SURFACES, ChainSnapshot, VenueHealthSample

BOT_ID, MODEL, MS_NS, SECOND_NS = "gov.api_degradation_monitor", "health-1", 1_000_000, 1_000_000_000
LIMITS = (600, 900)  # scores below which a surface is DOWN, and DEGRADED, in thousandths
CHAIN_AGE_MS = 60_000  # the catalogue's freshness of ChainSnapshot
VALID_NS = 15 * SECOND_NS  # the catalogue's freshness of a health report where it is read
REPEAT_NS, STEP_MILLI, SURFACES_MAX = 5 * SECOND_NS, 10, 64
VENUES_OF_CHAIN = {137: ("polymarket",), 80_002: ("polymarket",)}  # Polygon and its test network
REASONS = {"OK": GOV_API_OK, "DEGRADED": GOV_API_DEGRADED, "DOWN": GOV_API_DOWN, LOST: GOV_API_PROBE_LOST}
NAMES = ("latency_ratio", "error_rate", "gap_rate", "reject_rate")


class Config(BotConfig):
    """The memory, what each trouble takes away and at which amount, and how long silence and recovery are."""

    window_s: Positive = 60.0
    wl: Ratio = 0.3
    we: Ratio = 0.4
    wg: Ratio = 0.2
    wr: Ratio = 0.3
    l_span: Positive = 4.0
    e_hard: Positive = 0.2
    g_hard: Positive = 0.1
    r_hard: Positive = 0.2
    silence_ms: Millis = 10_000
    recover_s: Seconds = 60


class Watched(State):
    """Every surface that was ever sampled, by venue and name."""

    keys: tuple[str, ...] = ()
    surfaces: tuple[Surface, ...] = ()


Said = tuple[Annotated[SignalReport, Signal("health")] | IncidentReport, ...]


def on_sample(config: Config, state: Watched, sample: On[VenueHealthSample], now: Instant) -> tuple[Watched, Said]:
    """Take in what was measured of a surface."""
    counts = Counts(sample.requests, sample.errors, sample.gaps, sample.rejects)
    if sample.surface not in SURFACES:
        return state, ()
    return _taken(config, state, (sample.venue_id,), sample.surface, counts, sample.latency_ms, sample.maintenance, now)


def on_chain(config: Config, state: Watched, snapshot: On[ChainSnapshot], now: Instant) -> tuple[Watched, Said]:
    """Take in how a provider of a chain answered; its share of failures counts as of a thousand requests."""
    venues = VENUES_OF_CHAIN.get(snapshot.chain_id, ())
    return _taken(config, state, venues, "chain", Counts(1_000, snapshot.error_milli), snapshot.latency_ms, False, now)


def on_tick(config: Config, state: Watched, tick: On[ClockTick], now: Instant) -> tuple[Watched, Said]:
    """Notice silence, let recovery pass, and repeat what is due."""
    judgements = [_judge(config, surface, now) for surface in state.surfaces]
    surfaces = tuple(surface for surface, _ in judgements)
    said = tuple(one for _, more in judgements for one in more)
    return (state if surfaces == state.surfaces else Watched(state.keys, surfaces)), said


def _taken(
    config: Config,
    state: Watched,
    venues: tuple[str, ...],
    name: str,
    counts: Counts,
    latency_ms: int,
    maintenance: bool,
    now: Instant,
) -> tuple[Watched, Said]:
    said: Said = ()
    for venue in venues:
        key = f"{venue}/{name}"
        place = find(state.keys, key)
        if place < 0 and len(state.keys) >= SURFACES_MAX:
            continue
        known = state.surfaces[place] if place >= 0 else Surface(venue, name)
        surface = sampled(known, counts, latency_ms, maintenance, int(now), config.window_s)
        surface, more = _judge(config, surface, now)
        keys = state.keys if place >= 0 else put(state.keys, place, key)
        state, said = Watched(keys, put(state.surfaces, place, surface)), said + more
    return state, said


def _judge(config: Config, surface: Surface, now: Instant) -> tuple[Surface, Said]:
    """Score a surface, and say what has changed or is due again."""
    silence_ms = max(config.silence_ms, CHAIN_AGE_MS) if surface.name == "chain" else config.silence_ms
    silent = now - surface.at_ns > silence_ms * MS_NS
    slow, (errors, gaps, rejects) = surface.slowness, surface.shares
    late, failed = (config.wl, slow - 1.0, config.l_span), (config.we, errors, config.e_hard)
    milli = score((late, failed, (config.wg, gaps, config.g_hard), (config.wr, rejects, config.r_hard)))
    milli = 0 if silent or surface.maintenance else milli
    judgement = judged(surface, milli, silent, int(now), LIMITS, config.recover_s * SECOND_NS)
    turned = judgement.label != (surface.label or "OK")
    moved = abs(milli - surface.said_milli) >= STEP_MILLI or now - surface.said_ns >= REPEAT_NS
    if not turned and not moved:
        return judgement, ()
    refs, reason = (surface.venue, surface.name), REASONS[judgement.label]
    parts = tuple((name, significant(x)) for name, x in zip(NAMES, (slow, errors, gaps, rejects), strict=True))
    rest = (0.0, 1.0, 0, now + VALID_NS, MODEL, parts, refs, reason)
    report = SignalReport("health", milli / 1_000, judgement.label, *rest)
    judgement = replace(judgement, said_milli=milli, said_ns=int(now))
    return judgement, (report, _incident(judgement, reason, int(now))) if turned else (report,)


def _incident(surface: Surface, reason: str, now: int) -> IncidentReport:
    scope, severity = f"{surface.venue}/{surface.name}", "P1" if surface.label in ("DOWN", LOST) else "P2"
    counts = ("requests", "errors", "gaps", "rejects", "latency_ms", "baseline_ms")
    evidence = tuple(f"{count}={round(getattr(surface, count))}" for count in counts)
    key = f"{BOT_ID}:{scope}:{now}:{surface.label}"[:128]
    return IncidentReport(key, scope, "api_degradation", severity, evidence, BOT_ID, reason)


BOT = fold(on_sample, on_chain, on_tick, reasons=set(REASONS.values()), per="desk")
