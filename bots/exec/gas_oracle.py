"""Price operations on a chain, and decide for each that is asked about whether it runs now or waits.

Says    `gas_decision` for each `settlement` that is asked about, and again when a later view of the chain changes the
        answer: RUN, DEFER or DROP, with its cost in dollars (bots/maths/gas.py).
Why     An operation that frees capital is worth what the capital earns, and gas is dear for hours at a time; waiting
        costs little, until it has lasted too long. Without a view of the chain nobody knows a cost: then only what
        reduces risk runs, at three times the last cost known. Costs are sampled where something was ever held.
Source  EIP-1559; bots/library.toml.
"""

from typing import Annotated

from bots.kit import BotConfig, Frac, Hours, Instant, Latest, On, Ratio, Seconds, Signal, State, Within, fold
from bots.maths.gas import DEFER, DROP, MILLION, RUN, Samples, cost_micros, decided, rank_micros, sampled, unit_price
from contracts.order import PositionState
from contracts.reasons import EXEC_GAS_DEFER, EXEC_GAS_RUN, EXEC_GAS_UNECONOMIC, EXEC_GAS_UNKNOWN
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot

SECOND_NS, VIEW_MS, LOST_MULT = 1_000_000_000, 10_000, 3
REASONS = {RUN: EXEC_GAS_RUN, DEFER: EXEC_GAS_DEFER, DROP: EXEC_GAS_UNECONOMIC}
View = Annotated[Latest[ChainSnapshot | None], Within(ms=VIEW_MS)]
Said = Annotated[SignalReport | None, Signal("gas_decision")]


class Config(BotConfig):
    """window_h of the ranks; above defer_pct gas is dear; benefit_mult runs at any price; max_defer_s to wait."""

    window_h: Hours = 24
    defer_pct: Frac = 800_000
    benefit_mult: Ratio = 5.0
    max_defer_s: Seconds = 21_600


class Waiting(State):
    """Unit prices of the window, the last one, what was asked about, since when, and the last answer to it."""

    samples: Samples = ()
    price: int = 0
    asked: SignalReport | None = None
    since_ns: int = 0
    answer: str = ""


def ask(
    config: Config,
    state: Waiting,
    wish: Annotated[On[SignalReport], Signal("settlement")],
    view: View,
    now: Instant,
) -> tuple[Waiting, Said]:
    """Answer for an operation; one that was asked about before has waited since then."""
    same = state.asked is not None and (state.asked.label, state.asked.refs) == (wish.label, wish.refs)
    since, answer = (state.since_ns, state.answer) if same else (now, "")
    return _answer(config, Waiting(state.samples, state.price, wish, since, answer), view, now)


def review(
    config: Config, state: Waiting, view: On[ChainSnapshot], position: Latest[PositionState | None], now: Instant
) -> tuple[Waiting, Said]:
    """Learn what gas costs, and look again at what waits."""
    if position is None:
        return state, None
    price = unit_price(view)
    samples = sampled(state.samples, price, now, config.window_h)
    known = Waiting(samples, price, state.asked, state.since_ns, state.answer)
    return (known, None) if state.asked is None else _answer(config, known, view, now)


def _answer(config: Config, state: Waiting, view: ChainSnapshot | None, now: Instant) -> tuple[Waiting, Said]:
    """Say what is decided, if it differs from the last answer; what was dropped waits too, for it may become cheap."""
    wish = state.asked
    if wish is None:
        return state, None
    parts = dict(wish.parts)
    benefit, urgent, age_s = round(wish.value * MILLION), parts.get("urgent", 0.0) >= 1.0, _age_s(state, now)
    price = unit_price(view) if view is not None else state.price * LOST_MULT
    cost, rank = cost_micros(wish.label, price), rank_micros(state.samples, price)
    if view is None:
        answer, reason = (RUN if urgent and price else DEFER), EXEC_GAS_UNKNOWN
    else:
        limits = (config.benefit_mult, config.defer_pct, config.max_defer_s)
        answer = decided(benefit, cost, rank, age_s, urgent, *limits)
        reason = REASONS[answer]
    waits = wish if answer != RUN else None
    after = Waiting(state.samples, price if view is not None else state.price, waits, state.since_ns, answer + reason)
    if after.answer == state.answer:
        return after, None
    shown = (("benefit", wish.value), ("cost", cost / MILLION), ("percentile", rank / MILLION), ("age_s", float(age_s)))
    said = ("gas_decision", cost / MILLION, answer, 0.0, 1.0, 0, 0, "gas-1", shown, wish.refs, reason)
    return after, SignalReport(*said)


def _age_s(state: Waiting, now: int) -> int:
    return max(0, now - state.since_ns) // SECOND_NS


BOT = fold(ask, review, reasons={EXEC_GAS_RUN, EXEC_GAS_DEFER, EXEC_GAS_UNECONOMIC, EXEC_GAS_UNKNOWN})
