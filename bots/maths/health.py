"""Score how well a surface of a venue answers, and let a score rise only after it has proven itself.

    h = 1 - wl * max(0, L - 1) / l_span - we * e / e_hard - wg * g / g_hard - wr * r / r_hard,   held in [0, 1]

Symbols: L latency over its baseline; e, g, r shares of errors, gaps and rejects among the requests; wl, we, wg, wr what
each takes away when it reaches its limit l_span, e_hard, g_hard, r_hard. Scores are whole thousandths. A share is the
quotient of two sums that fade alike, count * exp(-dt / window), so a sample weighs as much as the requests behind it.
Latency is averaged over the window; its baseline over an hour, and only while the surface is OK, so that a venue does
not make its own slowness normal. While both averages are young they are equal, and latency takes nothing away.

A level falls at once and rises when the score has stood above it for so long without a break.
Source: catalogue rules of gov.api_degradation_monitor and risk.api_degradation; Beyer, B. et al. (2016), Site
Reliability Engineering, chapter 6 (latency, traffic, errors, saturation).
"""

from collections.abc import Sequence
from math import exp

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.ewma import weight

SECOND_NS = 1_000_000_000
BASELINE_S = 3_600.0
FADED = 1e-6  # of a request: below this nothing is remembered
DOWN, DEGRADED, OK = range(3)
WORDS = ("DOWN", "DEGRADED", "OK")
LOST = "LOST"


class Surface(Struct, frozen=True, gc=False):
    """What is remembered of one surface: fading counts, averages in ms, its level and what was said of it last.

    at_ns        newest sample
    born_ns      first sample with a latency; 0 none
    timed_ns     newest sample with a latency; 0 none
    label        OK, DEGRADED, DOWN or LOST; empty before the first judgement
    good_ns      since when the score stands at or above OK's limit; 0 it does not
    fair_ns      the same of DEGRADED's limit
    said_milli   score said last, when it was said, and as what
    """

    venue: str
    name: str
    at_ns: int = 0
    born_ns: int = 0
    timed_ns: int = 0
    requests: float = 0.0
    errors: float = 0.0
    gaps: float = 0.0
    rejects: float = 0.0
    latency_ms: float = 0.0
    baseline_ms: float = 0.0
    maintenance: bool = False
    label: str = ""
    good_ns: int = 0
    fair_ns: int = 0
    said_milli: int = -1
    said_ns: int = 0

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of errors, gaps and rejects, each in [0, 1]; 0 where nothing was asked."""
        if self.requests < FADED:
            return 0.0, 0.0, 0.0
        return self.errors / self.requests, self.gaps / self.requests, self.rejects / self.requests

    @property
    def slowness(self) -> float:
        """Latency over its baseline, which counts as at least 1 ms; 1 before any latency is known."""
        return max(self.latency_ms, 1.0) / max(self.baseline_ms, 1.0) if self.timed_ns else 1.0


class Counts(Struct, frozen=True, gc=False):
    """What one sample counted; more failures than requests count as that many requests."""

    requests: int
    errors: int
    gaps: int = 0
    rejects: int = 0


def sampled(surface: Surface, counts: Counts, latency_ms: int, maintenance: bool, now: int, window_s: float) -> Surface:
    """Return the surface after a sample; latency in ms, -1 for none; `window_s` above 0."""
    keep = exp((surface.at_ns - now) / (window_s * SECOND_NS)) if surface.at_ns else 0.0
    asked = max(counts.requests, counts.errors, counts.gaps, counts.rejects)
    surface = replace(
        surface,
        at_ns=now,
        requests=keep * surface.requests + asked,
        errors=keep * surface.errors + counts.errors,
        gaps=keep * surface.gaps + counts.gaps,
        rejects=keep * surface.rejects + counts.rejects,
        maintenance=maintenance,
    )
    if latency_ms < 0:
        return surface
    born = surface.born_ns or now
    dt, elapsed = (now - (surface.timed_ns or now)) / SECOND_NS, (now - born) / SECOND_NS
    a, b = (weight(dt, tau, elapsed) if surface.timed_ns else 1.0 for tau in (window_s, BASELINE_S))
    average = surface.latency_ms + a * (latency_ms - surface.latency_ms)
    if surface.label not in ("", WORDS[OK]):
        b = 0.0
    baseline = surface.baseline_ms + b * (latency_ms - surface.baseline_ms)
    return replace(surface, born_ns=born, timed_ns=now, latency_ms=average, baseline_ms=baseline)


def score(penalties: Sequence[tuple[float, float, float]]) -> int:
    """Return the score in thousandths, 0 to 1000, of (weight, amount, limit above 0); amounts below 0 take nothing."""
    lost = sum(share * max(0.0, amount) / limit for share, amount, limit in penalties)
    return round(1_000 * min(1.0, max(0.0, 1.0 - lost)))


def level_of(milli: int, degraded_milli: int, ok_milli: int) -> int:
    """Return DOWN, DEGRADED or OK for a score; at a limit it is reached."""
    return OK if milli >= ok_milli else DEGRADED if milli >= degraded_milli else DOWN


def judged(surface: Surface, milli: int, silent: bool, now: int, limits: tuple[int, int], recover_ns: int) -> Surface:
    """Return the surface with its level after a score; `limits` are the scores of DEGRADED and OK, in thousandths.

    The first judgement takes the score at its word. A silent surface is LOST, and rises from there as from DOWN.
    """
    place = level_of(milli, *limits)
    good = (surface.good_ns or now) if place == OK else 0
    fair = (surface.fair_ns or now) if place >= DEGRADED else 0
    held = place if not surface.label else DOWN if surface.label == LOST else WORDS.index(surface.label)
    if place > held:
        good_enough = good > 0 and now - good >= recover_ns
        fair_enough = fair > 0 and now - fair >= recover_ns
        place = OK if good_enough else max(held, DEGRADED) if fair_enough else held
    return replace(surface, label=LOST if silent else WORDS[place], good_ns=good, fair_ns=fair)


class Heard(Struct, frozen=True, gc=False):
    """What a reader was told of one surface: its score, when, since when it is good, and its worst level until then."""

    venue: str
    name: str
    milli: int
    at_ns: int
    calm_ns: int = 0
    worst: int = OK

    def level(self, now: int, recover_ns: int) -> int:
        """Return the level that counts: the worst since the last recovery, until it has been good for long enough."""
        return OK if self.calm_ns and now - self.calm_ns >= recover_ns else self.worst


def told(known: Heard | None, told_now: Heard, limits: tuple[int, int], budget_ns: int, recover_ns: int) -> Heard:
    """Return what is known after a report (`told_now`, with its score and time only).

    A break longer than the budget between two reports starts the recovery anew, since nobody saw what happened in it.
    """
    now, place = told_now.at_ns, level_of(told_now.milli, *limits)
    if known is None:
        return replace(told_now, calm_ns=now if place == OK else 0, worst=place)
    unbroken = now - known.at_ns <= budget_ns
    calm = known.calm_ns if known.calm_ns and unbroken else now
    worst = min(place, known.level(now if unbroken else known.at_ns, recover_ns))
    return replace(told_now, calm_ns=calm if place == OK else 0, worst=worst)
