"""Press everything: an operator without judgement, and parameters drawn within their bounds.

What is pressed enters the journal under a signature, at the place that the draw chose; in between an intruder writes
what has none. Sequences that make sense (a challenge and its confirmation) are pressed as often as ones that make none.
"""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.base import Wire
from contracts.control import ControlCommand, PolicyBundle
from operators.normalise import Frame
from scripts.fixtures_pack.chance import Chance
from tests.sim.intruder import KINDS, Intrusion

TIGHTEN = ("CLOSE_ONLY", "FLATTEN", "BLOCK", "DEGRADED", "SAFE", "EMERGENCY_STOP", "halt_all", "kill", "raise_safety")
LOOSEN = ("NORMAL", "ALLOW", "DEGRADED", "CLOSE_ONLY", "FLATTEN")
NONSENSE = ("pause", "resume", "", "allow", "QUARANTINED", "start_live", "RESET_DRAWDOWN", "apply_config")
TARGETS = ("lab", "lab", "lab", "all", "risk.kill_switch", "bot2", "risk.drawdown")
SECOND_NS = 1_000_000_000


class Press(NamedTuple):
    """One entry, or intrusion: after which frame it comes, and what it says; `at_ns` is when that frame arrived."""

    after: int
    at_ns: int
    payload: Wire | Intrusion


Wishes = list[tuple[int, Wire | Intrusion]]


def presses(draw: Chance, frames: Sequence[Frame]) -> tuple[Press, ...]:
    """Return what the operator does, in order. Half of all days see nothing before their second half."""
    made: list[Press] = []
    if not frames:
        return ()
    first = len(frames) // 2 if draw.below(2) else len(frames) // 20
    for number in range(draw.pick((0, 1, 2, 4, 9))):
        after = draw.between(min(first, len(frames) - 1), len(frames) - 1)
        for wait_ns, payload in _some(draw, number):
            place = _later(frames, after, wait_ns)
            made.append(Press(place, frames[place].at_ns, payload))
    return tuple(sorted(made, key=lambda press: press.after))


def _later(frames: Sequence[Frame], after: int, wait_ns: int) -> int:
    due = frames[after].at_ns + wait_ns
    while after < len(frames) - 1 and frames[after].at_ns < due:
        after += 1
    return after


def _some(draw: Chance, number: int) -> Wishes:
    """Draw one thing to do: what it takes, and how long after its first part each part comes."""
    what, name = draw.below(100), f"cmd-{number}"
    if what < 30:
        return [(0, command(draw, name, draw.pick(TIGHTEN), draw.pick(("requested", "confirmed", "denied"))))]
    if what < 65:
        return _loosening(draw, name)
    if what < 72:
        return [(0, command(draw, name, draw.pick(NONSENSE), draw.pick(("requested", "confirmed", "denied", "?"))))]
    if what < 82:
        return [(0, Intrusion(draw.pick(KINDS)))]
    denied = tuple(f"kalshi:KXSIM{each}-26DEC31-T100" for each in range(2) if draw.below(2))
    return [(0, PolicyBundle(f"bundle-{number}", "b" * 64, (), (), (), denied, ("kalshi", "polymarket"), "key-1"))]


def _loosening(draw: Chance, name: str) -> Wishes:
    """Tighten, then ask to loosen: with or without a challenge, in time or too early, once or twice."""
    wish, challenge = draw.pick(LOOSEN), f"ch-{name}"
    wait = draw.between(0, 25) * SECOND_NS
    parts: Wishes = [(0, command(draw, name + "-t", draw.pick(TIGHTEN), "requested", "lab"))]
    if draw.happens(700):
        parts.append((wait, command(draw, name, wish, "challenged", "lab", challenge)))
    said = challenge if draw.happens(800) else "ch-other"
    wished = wish if draw.happens(850) else draw.pick(LOOSEN)
    parts.append((wait + draw.between(0, 3) * SECOND_NS, command(draw, name, wished, "confirmed", "lab", said)))
    if draw.happens(300):
        parts.append((wait + 5 * SECOND_NS, parts[-1][1]))
    return parts


def command(draw: Chance, name: str, wish: str, status: str, target: str = "", challenge: str = "") -> ControlCommand:
    """Return one command of the operator."""
    aim = target or draw.pick(TARGETS)
    return ControlCommand(
        name, "operator-1", aim, wish, "RUNNING_PAPER", status, challenge, "because", "dev", "paper", "", ""
    )


RANGES: tuple[tuple[str, int, int, int], ...] = (
    # parameter, lowest, highest, divisor
    ("strat.maker_tight.clip_usd", 4, 60, 1),
    ("strat.maker_tight.q_max", 1, 6, 1),
    ("strat.maker_tight.edge_min", 0, 6, 1_000),
    ("strat.maker_tight.ttl_s", 2, 600, 1),
    ("risk.exposure.cap_instrument_usd", 8, 200, 1),
    ("risk.exposure.cap_cluster_usd", 10, 300, 1),
    ("risk.exposure.cap_venue_usd", 20, 400, 1),
    ("risk.exposure.cap_total_usd", 15, 500, 1),
    ("risk.exposure.min_trade_usd", 0, 10, 1),
    ("risk.stale_book.max_age_binary_ms", 60, 900, 1),
    ("risk.kill_switch.stable_s", 0, 20, 1),
    ("risk.kill_switch.degraded_mult", 1, 10, 10),
    ("risk.kill_switch.reject_burst", 3, 200, 1),
    ("risk.kill_switch.tick_gap_s", 5, 30, 1),
    ("risk.drawdown.daily_loss_limit_fraction", 1, 100, 1_000),
    ("risk.drawdown.dd_hard", 2, 200, 1_000),
    ("risk.drawdown.dd_warn", 1, 80, 1_000),
    ("risk.market_quality.take_frac", 1, 10, 10),
    ("risk.market_quality.spread_hard", 30, 120, 1_000),
    ("risk.market_halt.cooloff_s", 0, 20, 1),
    ("intel.volatility_estimator.m", 2, 20, 1),
    ("intel.book_builder.crossed_grace_ms", 0, 500, 1),
    ("exec.order_lifecycle_manager.ack_timeout_ms", 100, 3_000, 1),
    ("exec.order_shaper.ttl_s", 1, 120, 1),
    ("exec.order_shaper.slice_frac", 1, 10, 10),
)
ALWAYS = (
    "disc.market_scanner.depth_min_usd=5",
    "strat.maker_tight.tiers=ABC",
    "risk.market_quality.day_frac=1",  # the first minute of a day has hardly any volume
    "intel.volatility_estimator.m=4",
)


def overrides(draw: Chance) -> list[str]:
    """Return parameters as `--set` takes them: what lets a short day trade, and about half of the table, drawn."""
    sets = list(ALWAYS)
    for name, low, high, divisor in RANGES:
        if draw.below(2):
            drawn = draw.between(low, high)
            sets.append(f"{name}={drawn}" if divisor == 1 else f"{name}={drawn / divisor}")
    if draw.happens(300):
        sets.append("risk.kill_switch.safe_level=CLOSE_ONLY")
    return sets
