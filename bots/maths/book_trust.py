"""Keep the trust in a book: what withholds it, what lowers its score, and for how long.

    quality = 1 - 0.3 [levels < min_levels] - 0.3 [crossed within 5 s] - 0.4 [resync within 10 s], floored at 0

Symbols: levels the price levels of the thinner side; quality in thousandths here. Lost content (BOOK_LOST) and an
empty image withhold until an image; a cross longer than its grace until it ends; silence until the feed is heard. Only
doubt about content is a resync that lowers the score afterwards: waiting for a first image, an empty market and silence
are not. A withheld book has quality 0. Source: rule of intel.book_builder.
"""

from msgspec import Struct
from msgspec.structs import replace

from contracts.market import BOOK_LOST, BookQuality
from contracts.reasons import INTEL_BOOK_DEGRADED, INTEL_BOOK_FEED_SILENT, INTEL_BOOK_OK, INTEL_BOOK_RESYNC

MS = 1_000_000
CROSS_MEMORY_NS, RESYNC_MEMORY_NS = 5_000 * MS, 10_000 * MS
HARMLESS = frozenset({"", "NO_IMAGE", "EMPTY"})
"""Holds that an image ends without a resync."""


class Trust(Struct, frozen=True, gc=False):
    """What is doubted: the event that withholds, silence, the start of a cross, and the ends of both penalties."""

    hold: str = "NO_IMAGE"
    silent: bool = False
    crossed_ns: int = 0
    crossed_until_ns: int = 0
    resync_until_ns: int = 0

    def persists(self, now: int, grace_ns: int) -> bool:
        """True when the book has been crossed for longer than the grace."""
        return self.crossed_ns > 0 and now - self.crossed_ns > grace_ns

    def is_settled(self, now: int) -> bool:
        """True when nothing is doubted and no penalty runs."""
        doubted = self.hold or self.silent or self.crossed_ns
        return not doubted and now >= self.crossed_until_ns and now >= self.resync_until_ns


def after(trust: Trust, event: str, now: int, grace_ns: int) -> Trust:
    """Return the trust after an event of the book; silence is the caller's to judge."""
    if event in BOOK_LOST:
        return replace(trust, hold=event) if trust.hold in ("", "EMPTY") else trust
    if event == "EMPTY":
        return replace(trust, hold=trust.hold or event)
    if event == "CROSSED":
        return replace(trust, crossed_ns=trust.crossed_ns or now)
    if event not in ("IMAGE", "UNCROSSED"):
        return trust
    resynced = trust.persists(now, grace_ns) or (event == "IMAGE" and trust.hold not in HARMLESS)
    return Trust(
        "" if event == "IMAGE" else trust.hold,
        trust.silent,
        0,
        now + CROSS_MEMORY_NS if trust.crossed_ns else trust.crossed_until_ns,
        now + RESYNC_MEMORY_NS if resynced else trust.resync_until_ns,
    )


def quality_of(trust: Trust, deep: bool, cause: str, now: int, grace_ns: int) -> BookQuality:
    """Return the quality that follows; `deep` when both sides have enough levels, `cause` what made us look."""
    if trust.hold:
        return BookQuality("RESYNC", 0, trust.hold, INTEL_BOOK_RESYNC)
    if trust.silent:
        return BookQuality("RESYNC", 0, "SILENT", INTEL_BOOK_FEED_SILENT)
    if trust.persists(now, grace_ns):
        return BookQuality("RESYNC", 0, "CROSSED", INTEL_BOOK_RESYNC)
    score = 1_000 if deep else 700
    if trust.crossed_ns or now < trust.crossed_until_ns:
        score -= 300
    if now < trust.resync_until_ns:
        score -= 400
    if score == 1_000:
        return BookQuality("OK", score, cause, INTEL_BOOK_OK)
    return BookQuality("DEGRADED", score, cause, INTEL_BOOK_DEGRADED)
