"""Score what was forecast of each binary against its outcome, and say how skilled and how biased forecasts are.

Says    `calibration` when a market resolves: for each horizon at which a model forecast it, the score of its category
        (the venue's series, in refs) at that horizon; then, with horizon 0, the score of the model over all: its
        skill, the calibration map at 21 points, and of the category the slope of outcomes on prices.
Why     A model that is worse than the price it trades against should trade less, and no day's profit shows that.
Source  bots/maths/calibration.py; what is held and when: bots/maths/forecasts.py.

A horizon counts back from the scheduled end of trading, the only one that is known beforehand, so a market that ends
early is scored at the horizons it had passed. Held is what was known at the first word of time (`resolution_state`)
after a horizon. The model's forecast is the fair value without the traded book; where there is none, only the price is
held, for the slope, which learns from the longest horizon held. Of a book and its complement the one with the smaller
id counts. A void market, and one that pays neither 0 nor 1, is forgotten. Skill, map and slope say nothing before
`min_n` markets: UNKNOWN, the identity, a slope of 1.
"""

from typing import Annotated

from msgspec import Meta

from bots.kit import BotConfig, Instant, Latest, Number, On, Signal, State, fold
from bots.maths.calibration import IDENTITY, Logistic, Score, calibration_map, murphy, skill
from bots.maths.forecasts import Files, Forecasts, filed, horizons, passing, score_of, sloped, taken
from contracts.market import Kind, MarketDefinition, MarketSnapshot, Status, VenueStatus
from contracts.reasons import INTEL_CAL_NEGATIVE, INTEL_CAL_NO_SKILL, INTEL_CAL_SKILLED, INTEL_CAL_SPARSE
from contracts.signal import FairValue, SignalReport

MILLION, HOUR_MS, BINARY, RESOLVED = 1_000_000, 3_600_000, int(Kind.BINARY), int(Status.RESOLVED)
LABELS = {
    INTEL_CAL_SKILLED: "SKILLED",
    INTEL_CAL_NO_SKILL: "NO_SKILL",
    INTEL_CAL_NEGATIVE: "NEGATIVE",
    INTEL_CAL_SPARSE: "UNKNOWN",
}
Share = Annotated[float, Meta(ge=-1.0, le=1.0)]


class Config(BotConfig):
    horizons_h: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}(,[1-9][0-9]{0,3}){0,7}\Z")] = "1,24,168"
    n0: Annotated[int, Meta(ge=1, le=10**9)] = 200
    min_n: Number = 100
    skill_warn: Share = 0.0
    skill_hard: Share = -0.05


class Memory(State):
    forecasts: Forecasts = Forecasts()
    files: Files = Files()


Said = tuple[Memory, Annotated[tuple[SignalReport, ...], Signal("calibration")]]


def on_time(
    config: Config,
    state: Memory,
    resolution: Annotated[On[SignalReport], Signal("resolution_state")],
    definition: Latest[MarketDefinition],
    fair: Latest[FairValue | None],
    snap: Latest[MarketSnapshot | None],
    status: Latest[VenueStatus | None],
    now: Instant,
) -> Said:
    """Hold what is forecast when a horizon passes, and score it when the market ends; else a look-up."""
    name = definition.market_id
    if definition.instrument_kind != BINARY or "" != definition.complement_id < name:
        return state, ()
    if resolution.label not in ("RESOLVED", "VOID"):
        known = None
        if fair is not None and snap is not None and 0 < snap.bid_ticks <= snap.ask_ticks <= definition.grid_ticks:
            price = (snap.bid_ticks + snap.ask_ticks) / 2.0 / definition.grid_ticks
            known = fair.p_model_micros / MILLION, price, fair.model_version
        held = passing(state.forecasts, name, horizons(config.horizons_h), definition.expiry_ns, now, known)
        return (state, ()) if held is state.forecasts else (Memory(held, state.files), ())
    outcome = _outcome(resolution, definition, status)
    if outcome is None and resolution.label == "RESOLVED":
        return state, ()
    forecasts, known_then = taken(state.forecasts, name)
    if not known_then or outcome is None or outcome not in (0.0, 1.0):
        return (state, ()) if forecasts is state.forecasts else (Memory(forecasts, state.files), ())
    category, files = definition.series_id, state.files
    said: tuple[SignalReport, ...] = ()
    files, fit = sloped(files, category, known_then[0].q, outcome)
    for then in known_then:
        if then.p >= 0.0:
            key = f"{then.model}|{category}|{then.hours}"
            files, score = filed(files, key, ((then.p, then.q),), outcome)
            said += (_report(config, score, fit, then.model, category, then.hours),)
    for model in dict.fromkeys(then.model for then in known_then):
        pairs = tuple((then.p, then.q) for then in known_then if then.model == model and then.p >= 0.0)
        score = score_of(files, model)
        if pairs:
            files, score = filed(files, model, pairs, outcome)
        said += (_report(config, score, fit, model, category, 0),)
    return Memory(forecasts, files), said


def _outcome(resolution: SignalReport, definition: MarketDefinition, status: VenueStatus | None) -> float | None:
    """Return what one contract paid: the venue's word first, else the oracle's; None while nobody has said it."""
    if resolution.label == "VOID":
        return None
    if status is not None and status.status == RESOLVED and status.settlement_micros >= 0:
        return status.settlement_micros / MILLION
    told = resolution.part("proposed_outcome")
    if told < 0.0:
        return None
    return 1.0 - told if definition.outcome.upper() == "NO" else told


def _report(config: Config, score: Score, fit: Logistic, model: str, category: str, hours: int) -> SignalReport:
    """Say a score; what rests on too few markets is left at what it would be without any."""
    told, error = skill(score)
    enough = score.count >= max(1, config.min_n)
    reason = INTEL_CAL_SKILLED if told >= config.skill_warn else INTEL_CAL_NO_SKILL
    if told < config.skill_hard:
        reason = INTEL_CAL_NEGATIVE
    reason = reason if enough else INTEL_CAL_SPARSE
    n, fit = max(1, score.count), fit if fit.count >= config.min_n else Logistic(count=fit.count)
    means = (score.brier / n, score.market / n, score.log_loss / n, *murphy(score))
    slope = (float(fit.count), fit.a, fit.b, fit.p_bb**0.5)
    values = (float(score.count), *means, *slope, *(calibration_map(score, config.n0) if enough else IDENTITY))
    parts = tuple((name, round(value, 6)) for name, value in zip(PARTS, values, strict=True))
    value, se = (round(told, 6), round(error, 6)) if enough else (0.0, 0.0)
    share = round(score.count / (score.count + config.n0), 6) if enough else 0.0
    return SignalReport(
        "calibration", value, LABELS[reason], se, share, hours * HOUR_MS, 0, model, parts, (category,), reason
    )


PARTS = (
    "n",
    "brier",
    "brier_market",
    "log_loss",
    "reliability",
    "resolution",
    "uncertainty",
    "slope_n",
    "intercept",
    "slope",
    "slope_se",
    *(f"map_{place:02}" for place in range(len(IDENTITY))),
)
BOT = fold(
    on_time,
    reasons={INTEL_CAL_SKILLED, INTEL_CAL_NO_SKILL, INTEL_CAL_NEGATIVE, INTEL_CAL_SPARSE},
    per="desk",
)
