"""Stop new risk at a venue that answers badly, and leave its exits open.

Says    APPROVE while every needed surface is healthy, RESHAPE to size * h while one is degraded or recovering from it,
        REJECT while one is down, recovering from that, or unknown; a proven reduction passes whole. Seen and limit are
        thousandths of health; ms of age where it is unknown; seconds of calm where only the recovery is missing.
Why     A resting order that cannot be cancelled belongs to whoever knows more. Recovery is proven by time, because a
        venue that comes back is at first a venue that goes away again.
Source  bots/library.toml; memory and levels: bots/maths/health.py.

An order needs rest_trade, ws_market and ws_user, and the chain where trades settle on one; in paper and shadow nothing
settles, so no chain need be known there. A surface that was ever heard of counts. A leg does not name the venues of its
sisters, so an intent with a bundle is judged by the worst surface of all venues that the desk hears of. The vote never
asks an order to rest; what a strategy made post-only no guard can loosen, so it is only scaled. The safety state is not
read again: risk.kill_switch has voted before.
"""

from typing import Annotated

from bots.kit import (
    BotConfig,
    DeskContext,
    Frac,
    Instant,
    Latest,
    On,
    Seconds,
    Signal,
    State,
    approve,
    guard,
    reject,
    reshape,
)
from bots.maths.health import DOWN, OK, Heard, told
from bots.maths.notional import reduces
from bots.maths.ordered import find, put
from contracts.intent import OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import PositionState
from contracts.reasons import RISK_API_DEGRADED, RISK_API_DOWN, RISK_API_HEALTH_UNKNOWN, RISK_API_HEALTHY
from contracts.signal import SignalReport

GATE = "risk.api_degradation"
MS_NS, SECOND_NS = 1_000_000, 1_000_000_000
REPORT_AGE_MS = 15_000  # the catalogue's freshness of the health report
BESIDE = frozenset({"paper", "shadow"})  # modes in which no order reaches the venue
TRADED = frozenset({"rest_trade", "ws_market", "ws_user"})
SETTLED = {"polymarket": TRADED | {"chain"}}


class Config(BotConfig):
    """Scores at which a venue is healthy and usable, and how long it must be healthy to have recovered."""

    ok: Frac = 900_000
    degraded: Frac = 600_000
    recover_s: Seconds = 60

    @property
    def limits(self) -> tuple[int, int]:
        """Scores of DEGRADED and OK in thousandths, rounded up."""
        return -(-self.degraded // 1_000), -(-self.ok // 1_000)


class Venues(State):
    """The last word on every surface of every venue."""

    keys: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()


def watch(config: Config, state: Venues, report: Annotated[On[SignalReport], Signal("health")], now: Instant) -> Venues:
    """Remember the health of a surface, and for how long it has been good."""
    if len(report.refs) != 2:
        return state
    venue, name = report.refs
    key = f"{venue}/{name}"
    place = find(state.keys, key)
    fresh = Heard(venue, name, round(report.value * 1_000), int(now))
    known = state.heard[place] if place >= 0 else None
    kept = told(known, fresh, config.limits, REPORT_AGE_MS * MS_NS, config.recover_s * SECOND_NS)
    return Venues(state.keys if place >= 0 else put(state.keys, place, key), put(state.heard, place, kept))


def decide(
    config: Config,
    state: Venues,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    venue, reducing = definition.venue_id, reduces(intent, position)
    own = frozenset(h.name for h in state.heard if h.venue == venue)
    judged = [h for h in state.heard if h.venue == venue or intent.bundle_id]
    age_ns = now - min((h.at_ns for h in judged), default=0)
    needed = TRADED if desk.desk_mode in BESIDE else SETTLED.get(venue, TRADED)
    if not needed <= own or age_ns > REPORT_AGE_MS * MS_NS:
        answer = approve if reducing else reject
        return answer(GATE, RISK_API_HEALTH_UNKNOWN, age_ns // MS_NS if needed <= own else 0, REPORT_AGE_MS)
    recover_ns = config.recover_s * SECOND_NS
    level, milli, calm_ns = min((h.level(now, recover_ns), h.milli, h.calm_ns) for h in judged)
    fair, good = config.limits
    if level == OK:
        return approve(GATE, RISK_API_HEALTHY, milli, good)
    seen, limit = milli, fair if milli < fair else good
    if calm_ns:
        seen, limit = (now - calm_ns) // SECOND_NS, config.recover_s
    if level == DOWN:
        return (approve if reducing else reject)(GATE, RISK_API_DOWN, seen, limit)
    if reducing:
        return approve(GATE, RISK_API_DEGRADED, seen, limit)
    worst = min(h.milli for h in judged)
    return reshape(GATE, RISK_API_DEGRADED, seen, limit, intent.size_lots * worst // 1_000)


BOT = guard(
    decide,
    watch,
    reasons={RISK_API_HEALTHY, RISK_API_DEGRADED, RISK_API_DOWN, RISK_API_HEALTH_UNKNOWN},
    per="desk",
)
