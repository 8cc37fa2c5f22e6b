"""Let no order take the worst-case loss of a market, cluster, venue, resolution window or the desk past its cap.

Says    RESHAPE to the largest size that fits every room, REJECT when none is left or positions or cluster are unknown,
        otherwise APPROVE. Seen is the use of the tightest dimension after the order, limit its cap, both in micros.
Why     A limit that counts only what is held is passed by what rests: every resting order counts as filled, on the side
        on which it hurts. Gains net only inside one instrument, its complement, or the outcomes of one neg-risk event;
        markets of equal meaning net nowhere, since no reviewed pair is on file. Markets of one window share an oracle's
        bad day; all have the same liveness, so their expiries order their ends.
Source  bots/library.toml; Artzner, P. et al. (1999) for the worst case as a measure.
"""

from typing import Annotated

from bots.kit import BotConfig, Frac, Hours, Instant, Latest, On, Signal, State, Usd, approve, guard, reject, reshape
from bots.maths.holdings import (
    Holdings,
    changed,
    place_of,
    relabelled,
    rests,
    standing,
    with_position,
)
from bots.maths.notional import MILLION, held_losses, loss, lots_within, reduces, unit_risk
from contracts.intent import OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import Account, OrderUpdate, PositionState
from contracts.reasons import RISK_EXPOSURE_CAP_HIT, RISK_EXPOSURE_CAP_NEAR, RISK_EXPOSURE_OK, RISK_EXPOSURE_UNKNOWN
from contracts.signal import SignalReport

GATE = "risk.exposure"
HOUR_NS = 3_600_000_000_000
AS_BEFORE = ("LIVE", "PENDING_CANCEL")
Cluster = Annotated[Latest[SignalReport | None], Signal("cluster")]


class Config(BotConfig):
    """Caps of the worst-case loss, and how perpetuals and windows are counted."""

    cap_instrument_usd: Usd = 1_000_000_000
    cap_cluster_usd: Usd = 2_000_000_000
    cap_venue_usd: Usd = 4_000_000_000
    cap_window_usd: Usd = 2_500_000_000
    cap_total_usd: Usd = 5_000_000_000
    perp_stress: Frac = 200_000
    window_h: Hours = 2
    min_trade_usd: Usd = 10_000_000
    warn_frac: Frac = 800_000


class Exposed(State):
    """Held and resting worst-case loss per dimension."""

    holdings: Holdings = Holdings()


def watch(
    config: Config,
    state: Exposed,
    event: On[PositionState | OrderUpdate],
    definition: Latest[MarketDefinition],
    cluster: Cluster,
    now: Instant,
) -> Exposed:
    """Keep the table of what is held and what rests; an event that changes neither costs a look-up.

    Most do not: an order that is acknowledged, or whose cancel has left, loses what it lost before.
    """
    label, width_ns, held = cluster.label if cluster is not None else "", config.window_h * HOUR_NS, state.holdings
    if isinstance(event, PositionState):
        where = place_of(definition, label, width_ns)
        losses = held_losses(definition, event.size_lots, event.cost_micros, config.perp_stress)
        holdings = with_position(held, where, losses)
    elif not event.filled_lots and event.state in AS_BEFORE and rests(held, definition, event.client_order_id):
        return state
    else:
        unit = unit_risk(definition, event.side, event.price_ticks, config.perp_stress)
        order = (event.client_order_id, event.side, loss(unit, event.open_lots))
        holdings = changed(held, definition, label, width_ns, order)
    return state if holdings is held else Exposed(holdings)


def relabel(
    config: Config,
    state: Exposed,
    cluster: Annotated[On[SignalReport], Signal("cluster")],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Exposed:
    """Move what is held to the cluster that its market belongs to now."""
    holdings = relabelled(state.holdings, place_of(definition, cluster.label, config.window_h * HOUR_NS))
    return state if holdings is state.holdings else Exposed(holdings)


def decide(
    config: Config,
    state: Exposed,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    cluster: Cluster,
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent; the slack of a dimension is what the order may add before its worst case moves."""
    if cluster is None or account is None or (position is not None and position.drift):
        answer = approve if reduces(intent, position) else reject
        return answer(GATE, RISK_EXPOSURE_UNKNOWN, 0, 0)
    held = state.holdings
    width_ns = config.window_h * HOUR_NS
    start, *losses = standing(held, definition, cluster.label, width_ns, intent.side)
    slack = start.group_worst - start.group
    unit = unit_risk(definition, intent.side, intent.price_ticks, config.perp_stress)
    adds = loss(unit, intent.size_lots)
    # The first dimension counts its question alone, so it has its own slack; the others move with the group.
    cap, spare = config.cap_instrument_usd, start.question_worst - start.question
    more = adds - spare if adds > spare else 0
    tightest, seen, limit, warn = cap - start.question, start.question_worst + more, cap, config.warn_frac
    near = seen * MILLION >= warn * cap
    more = adds - slack if adds > slack else 0
    whole = held.total if held.total > account.exposure_micros else account.exposure_micros
    caps = (config.cap_cluster_usd, config.cap_venue_usd, config.cap_window_usd, config.cap_total_usd)
    losses.append(whole)
    for lost, cap in zip(losses, caps, strict=True):
        if cap - lost + slack < tightest:
            tightest, seen, limit = cap - lost + slack, lost + more, cap
    if (whole + more) * MILLION >= warn * min(caps):  # else none is near, since no sum is more than the whole
        near = near or any((lost + more) * MILLION >= warn * cap for lost, cap in zip(losses, caps, strict=True))
    if adds <= tightest:
        return approve(GATE, RISK_EXPOSURE_CAP_NEAR if near else RISK_EXPOSURE_OK, seen, limit)
    lots = lots_within(tightest, unit)
    if loss(unit_risk(definition, intent.side, intent.price_ticks), lots) < max(1, config.min_trade_usd):
        return reject(GATE, RISK_EXPOSURE_CAP_HIT, seen, limit)
    return reshape(GATE, RISK_EXPOSURE_CAP_NEAR, seen, limit, lots)


BOT = guard(
    decide,
    watch,
    relabel,
    reasons={RISK_EXPOSURE_OK, RISK_EXPOSURE_CAP_NEAR, RISK_EXPOSURE_CAP_HIT, RISK_EXPOSURE_UNKNOWN},
    per="desk",
)
