"""Choose the key that an order is signed with: of those that are valid here, the one with the most life left.

    valid   of this account, venue and mode; session younger than its time to live; used less often than allowed; its
            parent younger than rotation and grace together; its fingerprint in one environment only
    life    the less of what is left to the session and to the parent
    near    the largest used share of session, uses and rotation (without the grace)

Ages in ns, shares in millionths. Ties go to the first key by name. Source: NIST SP 800-57 on cryptoperiods.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from bots.maths.ordered import NO_NAMES, add, total
from contracts.policy import KeyRecord

SECOND_NS, HOUR_NS, DAY_NS, MILLION = 1_000_000_000, 3_600_000_000_000, 86_400_000_000_000, 1_000_000


class Bounds(NamedTuple):
    """How long and how often a key may be used."""

    session_ttl_s: int = 3_600
    max_uses: int = 500
    rotate_days: int = 30
    grace_h: int = 48


class Uses(Struct, frozen=True, gc=False):
    """How often each key was used, by its reference."""

    tally: tuple[tuple[str, ...], tuple[int, ...]] = NO_NAMES

    def of(self, key_ref: str) -> int:
        """Return how often a key was used."""
        return total(self.tally, key_ref)

    def used(self, key_ref: str) -> "Uses":
        """Return the tally after one more use."""
        return Uses(add(self.tally, key_ref, 1))

    def only(self, keys: Iterable[KeyRecord]) -> "Uses":
        """Return the tally of the keys that are still in the register, so that it cannot grow without end."""
        known = {key.key_ref for key in keys}
        kept = [(name, count) for name, count in zip(*self.tally, strict=True) if name in known]
        return Uses((tuple(name for name, _ in kept), tuple(count for _, count in kept)))


class Choice(NamedTuple):
    """The chosen key by its place in the register (-1: none), how near a limit it is, and how many were in scope."""

    place: int
    near_micros: int
    in_scope: int


def is_shared(keys: tuple[KeyRecord, ...], fingerprint: str) -> bool:
    """True when a fingerprint appears in more than one environment: whoever steals it in one has it in all."""
    return len({key.environment for key in keys if key.fingerprint == fingerprint}) != 1


def chosen(keys: tuple[KeyRecord, ...], scope: tuple[str, str, str], uses: Uses, bounds: Bounds, now: int) -> Choice:
    """Return the key for (account, venue, mode) at a time; scans the register."""
    valid: list[tuple[int, str, int, int]] = []
    in_scope = 0
    for place, key in enumerate(keys):
        if (key.account, key.venue_id, key.desk_mode) != scope:
            continue
        in_scope += 1
        age, parent, count = now - key.issued_ns, now - key.parent_issued_ns, uses.of(key.key_ref)
        ttl, rotation = bounds.session_ttl_s * SECOND_NS, bounds.rotate_days * DAY_NS
        limit = rotation + bounds.grace_h * HOUR_NS
        is_young = 0 <= age <= ttl and 0 <= parent <= limit
        if not is_young or count >= bounds.max_uses or is_shared(keys, key.fingerprint):
            continue
        near = max(_share(age, ttl), _share(parent, rotation), _share(count, bounds.max_uses))
        valid.append((-min(ttl - age, limit - parent), key.key_ref, place, near))
    if not valid:
        return Choice(-1, 0, in_scope)
    _, _, place, near = min(valid)
    return Choice(place, near, in_scope)


def _share(part: int, whole: int) -> int:
    return part * MILLION // whole if whole > 0 else MILLION
