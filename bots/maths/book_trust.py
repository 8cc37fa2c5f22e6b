"""Keep the trust in a book: what withholds it, what lowers its score, and for how long.

    quality = 1 - 0.3 [levels < min_levels] - 0.3 [crossed within 5 s] - 0.4 [resync within 10 s], floored at 0

Symbols: levels the price levels of the thinner side; quality in thousandths here. Lost content (BOOK_LOST), an empty
image and a lasting contradiction withhold until an image, a contradiction also until numbers prove that it is over; a
silence that nothing proves until the book is heard, lateness until the delay is usual again, late delivery until it is
on time again, a cross longer than its grace until it ends. Only doubt about content is a resync that lowers the score
afterwards: waiting for a first image, an empty market, silence and lateness are not. A withheld book has quality 0.
Source: rule of intel.book_builder; what each event means: operators/freshness.py.
"""

from msgspec import Struct
from msgspec.structs import replace

from contracts.market import BOOK_LOST, BookQuality
from contracts.reasons import (
    INTEL_BOOK_CALM,
    INTEL_BOOK_CHECKSUM,
    INTEL_BOOK_CROSSED,
    INTEL_BOOK_DEGRADED,
    INTEL_BOOK_FEED_SILENT,
    INTEL_BOOK_FROZEN,
    INTEL_BOOK_GHOST,
    INTEL_BOOK_LATE,
    INTEL_BOOK_OK,
    INTEL_BOOK_QUIET,
    INTEL_BOOK_RESYNC,
    INTEL_CLOCK_SKEW,
)

MS = 1_000_000
CROSS_MEMORY_NS, RESYNC_MEMORY_NS = 5_000 * MS, 10_000 * MS
HARMLESS = frozenset({"", "NO_IMAGE", "EMPTY"})
"""Holds that an image ends without a resync."""
CONTRADICTED = frozenset({"STUCK", "GHOST"})
"""Holds that end with the contradiction where numbers prove that nothing was lost."""
CALM = "CALM"
DOUBTED = frozenset({"SILENT", "QUIET", "FROZEN"})
"""Silences that nothing proves to be calm."""
CAUSES = {
    "CHECKSUM": INTEL_BOOK_CHECKSUM,
    "STUCK": INTEL_BOOK_FROZEN,
    "GHOST": INTEL_BOOK_GHOST,
    "SILENT": INTEL_BOOK_FEED_SILENT,
    "QUIET": INTEL_BOOK_QUIET,
    "FROZEN": INTEL_BOOK_FROZEN,
    "LATE": INTEL_BOOK_LATE,
    "SKEW": INTEL_CLOCK_SKEW,
    "CROSSED": INTEL_BOOK_CROSSED,
}
"""Codes of the events that withhold; any other is a resync."""


class Trust(Struct, frozen=True, gc=False):
    """What is doubted: what withholds, silence, lateness, a cross since when, the ends of two penalties, delivery."""

    hold: str = "NO_IMAGE"
    silent: str = ""
    late: bool = False
    crossed_ns: int = 0
    crossed_until_ns: int = 0
    resync_until_ns: int = 0
    behind: bool = False

    def persists(self, now: int, grace_ns: int) -> bool:
        """True when the book has been crossed for longer than the grace."""
        return self.crossed_ns > 0 and now - self.crossed_ns > grace_ns

    def is_settled(self, now: int) -> bool:
        """True when nothing is doubted and no penalty runs."""
        doubted = self.hold or self.behind or self.silent in DOUBTED or self.late or self.crossed_ns
        return not doubted and now >= self.crossed_until_ns and now >= self.resync_until_ns

    def withheld(self, now: int, grace_ns: int) -> str:
        """Return the gravest event that withholds the book; empty when none does."""
        if self.hold:
            return self.hold
        if self.behind:
            return "LATE"
        if self.silent in DOUBTED:
            return self.silent
        return "SKEW" if self.late else "CROSSED" if self.persists(now, grace_ns) else ""


def after(trust: Trust, event: str, now: int, grace_ns: int) -> Trust:
    """Return the trust after an event of the book; silence is the caller's to judge."""
    if event in BOOK_LOST:
        return replace(trust, hold=event) if trust.hold in ("", "EMPTY", *CONTRADICTED) else trust
    if event in CONTRADICTED:
        return replace(trust, hold=event) if trust.hold in ("", *CONTRADICTED) else trust
    if event == "EMPTY":
        return replace(trust, hold=trust.hold or event)
    if event == "CROSSED":
        return replace(trust, crossed_ns=trust.crossed_ns or now)
    if event in ("SKEW", "STEADY"):
        return replace(trust, late=event == "SKEW")
    if event in ("LATE", "ON_TIME"):
        return replace(trust, behind=event == "LATE")
    if event == "AGREED":
        over = trust.hold in CONTRADICTED
        return replace(trust, hold="", resync_until_ns=now + RESYNC_MEMORY_NS) if over else trust
    if event not in ("IMAGE", "UNCROSSED"):
        return trust
    image = event == "IMAGE"
    resynced = trust.persists(now, grace_ns) or (image and trust.hold not in HARMLESS)
    return Trust(
        "" if image else trust.hold,
        "" if image else trust.silent,
        trust.late,
        0,
        now + CROSS_MEMORY_NS if trust.crossed_ns else trust.crossed_until_ns,
        now + RESYNC_MEMORY_NS if resynced else trust.resync_until_ns,
        trust.behind,
    )


def quality_of(trust: Trust, deep: bool, cause: str, now: int, grace_ns: int) -> BookQuality:
    """Return the quality that follows; `deep` when both sides have enough levels, `cause` what made us look."""
    withheld = trust.withheld(now, grace_ns)
    if withheld:
        return BookQuality("RESYNC", 0, withheld, CAUSES.get(withheld, INTEL_BOOK_RESYNC))
    score = 1_000 if deep else 700
    if trust.crossed_ns or now < trust.crossed_until_ns:
        score -= 300
    if now < trust.resync_until_ns:
        score -= 400
    state = "OK" if score == 1_000 else "DEGRADED"
    if trust.silent == CALM:
        return BookQuality(state, score, CALM, INTEL_BOOK_CALM)
    return BookQuality(state, score, cause, INTEL_BOOK_OK if state == "OK" else INTEL_BOOK_DEGRADED)
