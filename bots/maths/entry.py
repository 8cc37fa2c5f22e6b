"""Decide when a position may be opened or added to: nine checks in order, one reason per outcome.

    1 confidence      2 global cooldown     3 cooldown of the market     4 positions     5 exposure in all
    6 existing position: allowed as a scale-in, or refused               7 exposure of the market
    8 positions of the market               9 positions of the regime    else allowed as a new entry

At a limit of a count or an exposure is past it; a confidence at the minimum, and a cooldown that is just over, pass.
1 to 3 hold for ENTRY alone: a maker cannot quote under a cooldown. A QUOTE that would only close what is held adds
nothing, and one that would close and then turn passes with the part that closes; HEDGE and EXIT pass. What claims to
reduce only is held against the position and nothing else. Source: catalogue rule of risk.entry_policy.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from bots.kit import BotConfig, Number, Prob, Seconds, Usd
from bots.maths.standing import View
from contracts.intent import APPROVE, EXIT, HEDGE, NO_LIMIT, QUOTE, REJECT, RESHAPE, GuardReport, RiskVote
from contracts.reasons import (
    RISK_ENTRY_ALLOWED,
    RISK_ENTRY_BYPASS_REDUCE_ONLY,
    RISK_ENTRY_COOLDOWN,
    RISK_ENTRY_INPUT_INVALID,
    RISK_ENTRY_LOW_CONFIDENCE,
    RISK_ENTRY_MAX_EXPOSURE,
    RISK_ENTRY_MAX_POSITIONS,
    RISK_ENTRY_REGIME_RULE,
    RISK_ENTRY_SCALE_IN_ALLOWED,
    RISK_ENTRY_SCALE_IN_REFUSED,
    RISK_POLICY_UNAVAILABLE,
)
from contracts.units import MAX_INT

MILLION, MS, SECOND_NS = 1_000_000, 1_000_000, 1_000_000_000
INVALID = -1
Numbers: TypeAlias = tuple[tuple[str, int], ...]
Found: TypeAlias = tuple[str, Numbers]
"""A code that ends the checks (empty: go on), and the numbers compared, each followed by its limit."""
GO_ON = ""


class EntryRules(BotConfig):
    """The limits of the nine checks, named as in the catalogue; confidences in millionths, dollars in micros."""

    min_confidence: Prob = 700_000
    cooldown_global_s: Seconds = 60
    cooldown_symbol_s: Seconds = 300
    max_total: Number = 10
    max_per_symbol: Number = 3
    max_per_regime: Number = 5
    max_exposure_total_usd: Usd = 5_000_000_000
    max_exposure_symbol_usd: Usd = 1_000_000_000
    allow_scale_in: bool = True
    scale_in_max: Number = 2
    conf_delta: Prob = 50_000


class Wish(NamedTuple):
    """What is asked for: a kind of intent, a side, lots, a confidence in millionths (-1: unusable)."""

    kind: str
    side: int
    size_lots: int
    confidence: int
    reduce_only: bool = False


class Ruling(NamedTuple):
    """A verdict with its reason, the numbers that decided, the largest size allowed, and all that was compared."""

    verdict: str
    reason: str
    lots_max: int
    compared: Numbers

    @property
    def seen(self) -> int:
        """The number that decided."""
        return self.compared[-2][1] if self.compared else 0

    @property
    def limit(self) -> int:
        """What it was compared with."""
        return self.compared[-1][1] if self.compared else 0


def milli(millionths: int) -> int:
    """Return thousandths of millionths, downwards."""
    return millionths // 1_000


# ---- the nine checks ----------------------------------------------------------------------------------------------


def _confidence(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    numbers = (("confidence_milli", milli(wish.confidence)), ("min_confidence_milli", milli(rules.min_confidence)))
    return RISK_ENTRY_LOW_CONFIDENCE if wish.confidence < rules.min_confidence else GO_ON, numbers


def _global_cooldown(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _cooled("global", view.traded_ns, rules.cooldown_global_s, now)


def _symbol_cooldown(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _cooled("symbol", view.symbol_traded_ns, rules.cooldown_symbol_s, now)


def _positions(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _below("positions", view.positions, rules.max_total, RISK_ENTRY_MAX_POSITIONS)


def _exposure(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _below("exposure_micros", view.total_micros, rules.max_exposure_total_usd, RISK_ENTRY_MAX_EXPOSURE)


def _existing(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    """Allow a scale-in or refuse it; where nothing is held the checks go on."""
    if not view.held_lots:
        return GO_ON, ()
    numbers: Numbers = (("scale_in_allowed", int(rules.allow_scale_in)), ("needed", 1))
    if not rules.allow_scale_in:
        return RISK_ENTRY_SCALE_IN_REFUSED, numbers
    numbers += (("held_lots", view.held_lots), ("side", wish.side))
    if view.held_lots * wish.side <= 0:
        return RISK_ENTRY_SCALE_IN_REFUSED, numbers
    needed = view.confidence_milli * 1_000 + rules.conf_delta
    numbers += (("confidence_milli", milli(wish.confidence)), ("above_confidence_milli", milli(needed)))
    if wish.confidence <= needed:
        return RISK_ENTRY_SCALE_IN_REFUSED, numbers
    code, more = _below("scale_ins", view.scale_ins, rules.scale_in_max, RISK_ENTRY_SCALE_IN_REFUSED)
    if code:
        return code, numbers + more
    code, last = _symbol_exposure(rules, wish, view, now)
    return code or RISK_ENTRY_SCALE_IN_ALLOWED, numbers + more + last


def _symbol_exposure(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    cap = rules.max_exposure_symbol_usd
    return _below("symbol_exposure_micros", view.symbol_micros, cap, RISK_ENTRY_MAX_EXPOSURE)


def _symbol_positions(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _below("symbol_positions", view.symbol_positions, rules.max_per_symbol, RISK_ENTRY_MAX_POSITIONS)


def _regime(rules: EntryRules, wish: Wish, view: View, now: int) -> Found:
    return _below("regime_positions", view.regime_positions, rules.max_per_regime, RISK_ENTRY_REGIME_RULE)


def _below(name: str, seen: int, limit: int, code: str) -> Found:
    return code if seen >= limit else GO_ON, ((name, seen), (f"max_{name}", limit))


def _cooled(name: str, traded_ns: int, cooldown_s: int, now: int) -> Found:
    if traded_ns < 0:
        return GO_ON, ()
    since = now - traded_ns
    numbers = ((f"since_{name}_trade_ms", since // MS), (f"cooldown_{name}_ms", cooldown_s * 1_000))
    return RISK_ENTRY_COOLDOWN if since < cooldown_s * SECOND_NS else GO_ON, numbers


Check = Callable[[EntryRules, Wish, View, int], Found]
FOR_ENTRY: tuple[Check, ...] = (_confidence, _global_cooldown, _symbol_cooldown)
FOR_BOTH: tuple[Check, ...] = (_positions, _exposure, _existing, _symbol_exposure, _symbol_positions, _regime)
ALLOWED = frozenset({RISK_ENTRY_ALLOWED, RISK_ENTRY_SCALE_IN_ALLOWED})


# ---- the judgement ------------------------------------------------------------------------------------------------


def judge(rules: EntryRules, wish: Wish, view: View | None, now: int) -> Ruling:
    """Rule on a wish; without a view of what is held only an exit passes. Any kind that is unknown is an ENTRY."""
    if wish.reduce_only:
        return leaving(wish, view)
    if view is None:
        if wish.kind == EXIT:
            return Ruling(APPROVE, RISK_ENTRY_ALLOWED, NO_LIMIT, ())
        return Ruling(REJECT, RISK_POLICY_UNAVAILABLE, 0, ())
    if wish.kind in (HEDGE, EXIT):
        return Ruling(APPROVE, RISK_ENTRY_ALLOWED, NO_LIMIT, ())
    closing = max(0, -wish.side * view.held_lots)
    if wish.kind == QUOTE and closing:
        numbers = (("size_lots", min(wish.size_lots, MAX_INT)), ("closing_lots", closing))
        if wish.size_lots <= closing:
            return Ruling(APPROVE, RISK_ENTRY_ALLOWED, NO_LIMIT, numbers)
        return Ruling(RESHAPE, RISK_ENTRY_SCALE_IN_REFUSED, closing, numbers)
    if not 0 <= wish.confidence <= MILLION or wish.side not in (1, -1):
        numbers = (("confidence_milli", milli(wish.confidence)), ("max_confidence_milli", 1_000))
        return Ruling(REJECT, RISK_ENTRY_INPUT_INVALID, 0, numbers)
    compared: Numbers = ()
    for check in FOR_BOTH if wish.kind == QUOTE else FOR_ENTRY + FOR_BOTH:
        code, found = check(rules, wish, view, now)
        compared += found
        if code in ALLOWED:
            return Ruling(APPROVE, code, NO_LIMIT, compared)
        if code:
            return Ruling(REJECT, code, 0, compared)
    return Ruling(APPROVE, RISK_ENTRY_ALLOWED, NO_LIMIT, compared)


def leaving(wish: Wish, view: View | None) -> Ruling:
    """Rule on what claims to reduce only: against an open position, and not larger; unseen positions leave the claim.

    What is sent of it is cut to the position later on in any case.
    """
    if view is None:
        return Ruling(APPROVE, RISK_ENTRY_BYPASS_REDUCE_ONLY, NO_LIMIT, ())
    closing = -wish.side * view.held_lots
    numbers = (("size_lots", min(wish.size_lots, MAX_INT)), ("closing_lots", closing))
    if 0 < wish.size_lots <= closing:
        return Ruling(APPROVE, RISK_ENTRY_BYPASS_REDUCE_ONLY, NO_LIMIT, numbers)
    return Ruling(REJECT, RISK_ENTRY_INPUT_INVALID, 0, numbers)


def told(gate: str, event: str, intent_id: str, ruling: Ruling) -> tuple[RiskVote, GuardReport]:
    """Return the vote of a ruling, and the report of all that was compared."""
    verdict, reason, lots_max, compared = ruling
    vote = RiskVote(gate, verdict, reason, ruling.seen, ruling.limit, lots_max)
    return vote, GuardReport(event, intent_id, gate, verdict, reason, compared)
