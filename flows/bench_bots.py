"""Play the bots that are not built yet, quietly, so that the cost of a full house can be measured.

A quiet bot does what most bots do most of the time: it is called, compares a number, and says nothing. It triggers
where its layer's bots trigger. Nothing here can be enabled on a desk.
"""

from collections.abc import Callable

from bots.kit import Bot, BotConfig, Instant, Latest, On, State, approve, fold, rule
from bots.registry import Row, library
from contracts.intent import OrderIntent, RiskVote
from contracts.market import MarketSnapshot, Touch
from contracts.order import Fill
from contracts.reasons import RISK_GATE_APPROVED
from contracts.signal import FairValue
from operators.plan import Choice

SMALLEST = (
    "intel.instrument_registry",
    "intel.resolution_rule_parser",
    "intel.cross_market_graph",
    "intel.book_builder",
    "intel.snapshot_assembler",
    "intel.volatility_estimator",
    "intel.market_resolution_watcher",
    "intel.fair_value_engine",
    "disc.market_scanner",
    "disc.market_quality_ranker",
    "disc.event_calendar_mapper",
    "strat.maker_tight",
    "risk.kill_switch",
    "exec.fee_slippage_estimator",
    "exec.fill_probability_estimator",
    "exec.smart_router",
    "exec.order_shaper",
    "exec.nonce_shepherd",
    "exec.order_lifecycle_manager",
    "exec.position_keeper",
)
"""The smallest fleet in which a quote still finds its way from the book to the venue and back."""


class Config(BotConfig):
    """One threshold."""

    limit: int = 1 << 40


class Seen(State):
    """How often it was called."""

    calls: int = 0


def _watch(config: Config, state: Seen, touch: On[Touch], now: Instant) -> tuple[Seen, FairValue | None]:
    return (Seen(state.calls + 1), None) if touch.bid_lots > config.limit else (state, None)


def _look(config: Config, state: Seen, snap: On[MarketSnapshot], now: Instant) -> tuple[Seen, FairValue | None]:
    return (Seen(state.calls + 1), None) if snap.bid_lots > config.limit else (state, None)


def _consider(
    config: Config, state: Seen, fair: On[FairValue], snap: Latest[MarketSnapshot], now: Instant
) -> tuple[Seen, tuple[OrderIntent, ...]]:
    return (Seen(state.calls + 1), ()) if snap.bid_lots > config.limit else (state, ())


def _consent(config: Config, intent: On[OrderIntent], now: Instant) -> RiskVote:
    return approve("quiet", RISK_GATE_APPROVED, 0, config.limit)


def _account(config: Config, state: Seen, fill: On[Fill], now: Instant) -> Seen:
    return Seen(state.calls + 1)


def quiet(row: Row) -> Bot:
    """Return a quiet bot for a row that is pending."""
    steps: dict[str, Callable[..., object]] = {"intel": _watch, "disc": _look, "strat": _consider}
    if row.layer == "risk":
        return rule(_consent, reasons=frozenset())
    return fold(steps.get(row.layer, _account), reasons=frozenset())


def quiet_choices() -> list[Choice]:
    """Return quiet bots for every pending row; what will run in govern is played in the desk."""
    books = library()
    return [Choice(row.id, quiet(row), Config(), "enforced") for row in books.rows if not books.has_module(row.id)]
