"""Reduce or stop model-driven orders whose edges no longer look like those on which their model was approved.

Says    REJECT of an ENTRY or QUOTE without an approved baseline, at the hard limit of drift, or at negative skill;
        RESHAPE to half in a warning band, to `unknown_mult` while the evidence is thin; otherwise APPROVE. Seen and
        limit are what decides, in millionths: the PSI, or the skill; for thin evidence the intents counted and needed,
        or 0 and 0 where no skill is known.
Why     A model goes on saying numbers when the world it was fitted to is gone. A HEDGE or EXIT passes, and so does an
        intent that says it has no model (p_model_micros -1): arbitrage by rule is exempt, and says so on its envelope.
        The model is named by the fair value of the market; its distribution is p_model less the limit price, for a
        perpetual as a share of that price, of the last `window_n` intents of one strategy that came this far, this one
        included. Skill is what intel.calibration_monitor said last of the model, for a day. Below nine over
        `psi_warn` intents the PSI is mostly noise (bots/maths/psi.py), which counts as thin evidence and not as drift.
Source  bots/library.toml; Siddiqi, N. (2006); Brier, G. (1950).
"""

from typing import Annotated

from msgspec import Meta, Struct

from bots.kit import (
    BotConfig,
    Frac,
    Instant,
    Latest,
    On,
    Positive,
    Signal,
    State,
    Within,
    approve,
    guard,
    reject,
    reshape,
)
from bots.maths.psi import BINS, MILLION, NOISE, Window, bin_of, counted, psi_micros
from contracts.control import PolicyBundle
from contracts.intent import EXIT, HEDGE, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.reasons import (
    RISK_MODEL_BASELINE_MISSING,
    RISK_MODEL_DRIFT,
    RISK_MODEL_DRIFT_WARN,
    RISK_MODEL_STABLE,
)
from contracts.signal import FairValue, SignalReport

GATE = "risk.model_drift_monitor"
FAIR_AGE_MS = 10_000  # the catalogue's freshness of FairValue
SKILL_AGE_NS = 86_400_000_000_000  # and of SignalReport
HALF, TRACKS_MAX = 500_000, 64
EXEMPT = approve(GATE, RISK_MODEL_STABLE, 0, 0)
MISSING = reject(GATE, RISK_MODEL_BASELINE_MISSING, 0, 0)


class Config(BotConfig):
    """Limits of the PSI in nats and of the skill, the window in intents, and the share while skill is unknown."""

    psi_warn: Positive = 0.1
    psi_hard: Positive = 0.25
    skill_hard: Annotated[float, Meta(ge=-1.0, le=0.0)] = -0.05
    window_n: Annotated[int, Meta(ge=1, le=10_000)] = 500
    unknown_mult: Frac = 250_000


class Track(Struct, frozen=True, gc=False):
    """The live window of a strategy with a model, and its PSI against the baseline that it was last compared with."""

    strategy: str
    model_version: str
    window: Window = Window()
    baseline: tuple[int, ...] = ()
    psi: int = 0


class Skill(Struct, frozen=True, gc=False):
    """A model's skill in millionths, and when it was said."""

    model_version: str
    skill: int
    at_ns: int


class Drift(State):
    """The tracks of strategies and models, newest last, and what is known of the models' skill."""

    tracks: tuple[Track, ...] = ()
    skills: tuple[Skill, ...] = ()


def on_skill(
    config: Config, state: Drift, report: Annotated[On[SignalReport], Signal("calibration")], now: Instant
) -> Drift:
    """Take in a model's skill over all horizons; UNKNOWN takes back what was known."""
    if report.horizon_ms:
        return state
    others = tuple([skill for skill in state.skills if skill.model_version != report.model_version])
    fresh = (Skill(report.model_version, round(report.value * MILLION), int(now)),)
    return Drift(state.tracks, (others if report.label == "UNKNOWN" else others + fresh)[-TRACKS_MAX:])


def decide(
    config: Config,
    state: Drift,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    fair: Annotated[Latest[FairValue | None], Within(ms=FAIR_AGE_MS)],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> tuple[Drift, RiskVote]:
    """Count one intent, then vote on it."""
    if intent.p_model_micros < 0 or intent.intent_kind == HEDGE or intent.intent_kind == EXIT:
        return state, EXEMPT
    model = fair.model_version if fair is not None else ""
    baseline = _approved(policy, model)
    if len(baseline) != BINS or not any(baseline):
        return state, MISSING
    price = intent.price_ticks * definition.tick_micros
    edge = intent.p_model_micros - price
    if definition.instrument_kind:
        edge = edge * MILLION // max(1, price)
    state, track = _tracked(config, state, intent.strategy, model, bin_of(edge), baseline)
    known = None
    for skill in state.skills:
        if skill.model_version == model and now - skill.at_ns <= SKILL_AGE_NS:
            known = skill.skill
    return state, _vote(config, intent.size_lots, track.psi, len(track.window.recent), known)


def _approved(policy: PolicyBundle | None, model: str) -> tuple[int, ...]:
    for baseline in policy.baselines if policy is not None else ():
        if baseline.model_version == model:
            return baseline.counts
    return ()


def _tracked(
    config: Config, state: Drift, strategy: str, model: str, place: int, baseline: tuple[int, ...]
) -> tuple[Drift, Track]:
    """Return the state and the track after one more intent; the PSI is computed again only when a count changed."""
    for old in state.tracks:
        if old.strategy == strategy and old.model_version == model:
            break
    else:
        old = Track(strategy, model)
    window = counted(old.window, place, config.window_n)
    same = window.counts == old.window.counts and baseline == old.baseline
    psi = old.psi if same else psi_micros(window.counts, baseline)
    track = Track(strategy, model, window, baseline, psi)
    others = tuple([other for other in state.tracks if other is not old])
    return Drift((*others, track)[-TRACKS_MAX:], state.skills), track


def _vote(config: Config, size_lots: int, psi: int, count: int, skill: int | None) -> RiskVote:
    """Return the vote: the smaller of what drift and what skill leaves, a refusal before any trimming."""
    warn, hard = round(config.psi_warn * MILLION), round(config.psi_hard * MILLION)
    negative = round(config.skill_hard * MILLION)
    thin = count * config.psi_warn < NOISE
    if not thin and psi >= hard:
        return reject(GATE, RISK_MODEL_DRIFT, psi, hard)
    if skill is not None and skill <= negative:
        return reject(GATE, RISK_MODEL_DRIFT, skill, negative)
    drifts, loses = not thin and psi >= warn, skill is not None and skill < 0
    if not thin and skill is not None and not drifts and not loses:
        return approve(GATE, RISK_MODEL_STABLE, psi, hard)
    seen, limit = (psi, warn) if drifts else (count, -int(-NOISE // config.psi_warn)) if thin else (skill or 0, 0)
    share = config.unknown_mult if thin or skill is None else MILLION
    size = size_lots * (min(share, HALF) if drifts or loses else share) // MILLION
    return reshape(GATE, RISK_MODEL_DRIFT_WARN, seen, limit, size)


BOT = guard(
    decide,
    on_skill,
    reasons={RISK_MODEL_STABLE, RISK_MODEL_DRIFT_WARN, RISK_MODEL_DRIFT, RISK_MODEL_BASELINE_MISSING},
    per="desk",
)
