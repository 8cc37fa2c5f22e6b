"""Decide which markets may be traded at all, with hysteresis, so that eligibility does not flap.

Says    The `eligibility` of a market with the conditions that fail.
Why     Most markets should not be traded; the list of those that may is made once, by rules that a person can read.
Source  Rule of the catalogue row disc.market_scanner.

Judged once a second and at every new definition. A condition within `hysteresis` beyond its limit is marginal; one
beyond that for `dwell_s` ends eligibility. Review, halt, unclear rules and a missing snapshot end it at once.
`vol_min_usd` 0 and `tte_min_s` 0 switch those two conditions off. Traded value is all that the venue or the tape has
told: no venue here tells the last 24 hours. Depth is the thinner side within three steps, valued at its best price.
"""

from typing import Annotated

from bots.kit import BotConfig, Days, Frac, Instant, Latest, Number, On, Prob, Seconds, Signal, State, Usd, fold
from contracts.market import ClockTick, Kind, MarketDefinition, MarketSnapshot, Status
from contracts.reasons import DISC_ELIGIBLE, DISC_INELIGIBLE, DISC_MARGINAL, DISC_SCAN_NO_SNAPSHOT
from contracts.signal import MarketCandidate, SignalReport

MS, SECOND, MILLION = 1_000_000, 1_000_000_000, 1_000_000
OPEN, BINARY, DAY_S = int(Status.OPEN), int(Kind.BINARY), 86_400
SNAPSHOT_BUDGET_NS = 5_000 * MS  # the catalogue's freshness of MarketSnapshot


class Config(BotConfig):
    vol_min_usd: Usd = 10_000 * MILLION
    spread_max: Prob = 40_000
    spread_max_bps: Number = 10
    depth_min_usd: Usd = 200 * MILLION
    q_min: Frac = 700_000
    clarity_min: Frac = 600_000
    tte_min_s: Seconds = 3_600
    tte_max_d: Days = 365
    hysteresis: Frac = 200_000
    dwell_s: Seconds = 120


class Memory(State):
    eligible: bool = False
    breach_ns: int = 0


Bound = tuple[str, int, int]
"""A condition's name, how far beyond its limit the number is, and the limit; a plain tuple builds five times faster."""
FIT = Memory(True)


def scan(
    config: Config,
    state: Memory,
    trigger: On[ClockTick | MarketDefinition],
    definition: Latest[MarketDefinition],
    snap: Latest[MarketSnapshot | None],
    clarity: Annotated[Latest[SignalReport | None], Signal("resolution_clarity")],
    now: Instant,
) -> tuple[Memory, Annotated[MarketCandidate | None, Signal("eligibility")]]:
    """Judge a market."""
    if snap is None or now - snap.confirmed_ns > SNAPSHOT_BUDGET_NS:
        return Memory(), _candidate(False, ("snapshot",), DISC_SCAN_NO_SNAPSHOT)
    binary = definition.instrument_kind == BINARY
    clear = not binary or (clarity is not None and round(clarity.value * MILLION) >= config.clarity_min)
    if definition.status != OPEN or not clear:
        failing = ("status",) * (definition.status != OPEN) + ("clarity",) * (not clear)
        return Memory(), _candidate(False, failing, DISC_INELIGIBLE)
    bounds = _bounds(config, definition, snap, now)
    failing = tuple([name for name, beyond, _ in bounds if beyond > 0])
    if not failing:
        return FIT, ELIGIBLE
    if not state.eligible:
        return state, _candidate(False, failing, DISC_INELIGIBLE)
    if not any(beyond * MILLION > limit * config.hysteresis for _, beyond, limit in bounds):
        return FIT, _candidate(True, failing, DISC_MARGINAL)
    since = state.breach_ns or int(now)
    if now - since >= config.dwell_s * SECOND:
        return Memory(), _candidate(False, failing, DISC_INELIGIBLE)
    return Memory(True, since), _candidate(True, failing, DISC_MARGINAL)


def _bounds(config: Config, definition: MarketDefinition, snap: MarketSnapshot, now: int) -> list[Bound]:
    spread = snap.ask_ticks - snap.bid_ticks
    bid_value = snap.bid_depth_lots * snap.bid_ticks
    ask_value = snap.ask_depth_lots * snap.ask_ticks
    thinner = bid_value if bid_value < ask_value else ask_value
    depth = thinner * definition.tick_micros * definition.lot_micros // MILLION
    bounds = [
        ("depth", config.depth_min_usd - depth, config.depth_min_usd),
        ("quality", config.q_min - snap.quality_milli * 1_000, config.q_min),
    ]
    if config.vol_min_usd:
        bounds.append(("volume", config.vol_min_usd - snap.volume_micros, config.vol_min_usd))
    if definition.instrument_kind != BINARY:
        bps_of_mid = 20_000 * spread * 1_000 // (snap.bid_ticks + snap.ask_ticks)
        bps_max = config.spread_max_bps * 1_000
        return [*bounds, ("spread", bps_of_mid - bps_max, bps_max)]
    left_s = (definition.expiry_ns - now) // SECOND
    longest_s = config.tte_max_d * DAY_S
    bounds.append(("spread", spread * definition.tick_micros - config.spread_max, config.spread_max))
    bounds.append(("tte_max", left_s - longest_s, longest_s))
    if config.tte_min_s:
        bounds.append(("tte_min", config.tte_min_s - left_s, config.tte_min_s))
    return bounds


def _candidate(eligible: bool, failing: tuple[str, ...], reason: str) -> MarketCandidate:
    return MarketCandidate("eligibility", eligible, failing, "", -1, "", "", "", reason)


ELIGIBLE = _candidate(True, (), DISC_ELIGIBLE)
BOT = fold(scan, reasons={DISC_ELIGIBLE, DISC_MARGINAL, DISC_INELIGIBLE, DISC_SCAN_NO_SNAPSHOT})
