"""Keep each difference between two books as one case: since when, how much of it has stood, and how grave it is.

    stood     the least of what differed on one side of zero since it is seen; a rise above it counts once it has stood
              as long as anything takes to settle. So what comes and goes with fills under way is no break, however
              often it is seen, and a break that grows is counted whole two such times later at the latest
    age       time of the newest complete source that shows it - time of the first; silence makes no break older
    TIMING    a break of age <= settle;   real   one that is older, or proven by the venue's own word
    value     stood * unit / 10^6, rounded up; what nobody can value counts as more than any limit
    grave     value > hard, or a fill that never was, or activity where there must be none

A case ends when a later complete source of the same kind agrees, and by nothing else. At most BREAKS_MAX are kept; a
further one waits until one of them ends. Amounts in lots, orders or micros, units in trillionths, times in ns.
Source: catalogue rule of gov.reconciler.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.notional import loss
from contracts.control import IncidentReport, PolicyBundle
from contracts.reasons import GOV_RECON_BREAK
from contracts.signal import SignalReport

MISSING_FILL, GHOST_FILL, ORPHAN_ORDER = "MISSING_FILL", "GHOST_FILL", "ORPHAN_ORDER"
CASH, SETTLEMENT = "CASH", "SETTLEMENT"
BOT_ID = "gov.reconciler"
DISABLED, OVER = "this desk is disabled and must show no activity", "the market is over and not paid out"
GRAVE_FAMILY, SMALL_FAMILY = "reconcile", "reconcile_small"
"""The first stops the desk (bots/maths/safety.py), the second tells a person."""
UNVALUED, BREAKS_MAX, REFS_MAX = -1, 64, 16
CYCLE_NS = 60_000_000_000
QUIET, SMALL, GRAVE = range(3)
ENTRIES = {
    MISSING_FILL: "enter the venue's fill",
    GHOST_FILL: "take the own fill back",
    ORPHAN_ORDER: "look the order up at the venue, then end or adopt it",
    CASH: "enter the venue's movement of cash",
    SETTLEMENT: "wait for the chain, or redeem",
}


class Difference(NamedTuple):
    """What one source says otherwise than the own books.

    name       what and whose: `order:`, `position:`, `fill:` and an id, or `cash`
    word       MISSING_FILL, GHOST_FILL, ORPHAN_ORDER, CASH or SETTLEMENT
    amount     theirs less ours, in lots, orders or micros; never 0
    unit       value of one, in trillionths; UNVALUED
    ours, theirs   what each says
    cause      in words
    first_ns   since when, where a fill says it; 0: since it is seen
    is_proven  needs no time to be real
    """

    name: str
    word: str
    amount: int
    unit: int
    ours: int
    theirs: int
    cause: str
    first_ns: int = 0
    is_proven: bool = False


class Break(Struct, frozen=True, gc=False):
    """A difference that stands: who says it, `amount` of it that has stood, since when, and how it was told of.

    rise, rise_ns   the least that it has been above `amount` without a break, and since when; 0 none
    """

    source: str
    name: str
    word: str
    amount: int
    unit: int
    ours: int
    theirs: int
    cause: str
    first_ns: int
    seen_ns: int
    is_proven: bool
    told: int = QUIET
    rise: int = 0
    rise_ns: int = 0


Breaks = tuple[Break, ...]


def compared(
    breaks: Breaks, source: str, at_ns: int, found: Iterable[Difference], warn_micros: int, settle_ns: int
) -> Breaks:
    """Return the breaks after one source was compared whole; those of other sources stay as they are.

    Anything below `warn_micros` is ignored, unless it is proven.
    """
    before = {known.name: known for known in breaks if known.source == source}
    others = tuple(known for known in breaks if known.source != source)
    fresh = [_stood(before.get(one.name), one, source, at_ns, settle_ns) for one in found]
    kept = [one for one in fresh if one.is_proven or not 0 <= value(one) < warn_micros]
    kept.sort(key=lambda one: (one.first_ns, one.name))
    return (*others, *kept[: max(0, BREAKS_MAX - len(others))])


def value(known: Break) -> int:
    """Return what a break may be worth, in micros, rounded up; UNVALUED when nobody can say."""
    return UNVALUED if known.unit < 0 else loss(known.unit, abs(known.amount))


def is_real(known: Break, settle_ns: int) -> bool:
    """True for a break that its sources have shown for longer than anything takes to settle."""
    return known.is_proven or known.seen_ns - known.first_ns > settle_ns


def is_grave(known: Break, hard_micros: int) -> bool:
    """True for a real break on which nothing may be built; what is only to be redeemed is not one of them."""
    if known.word == GHOST_FILL or known.cause == DISABLED:
        return True
    return known.cause != OVER and not 0 <= value(known) <= hard_micros


def due(breaks: Breaks, settle_ns: int, hard_micros: int) -> tuple[Breaks, tuple[IncidentReport, ...]]:
    """Return the incidents that are due, and the breaks with them told: once each, and once more when one turns grave.

    Every real break is a case for a person; only a grave one belongs to the family that stops the desk.
    """
    after, said = [], []
    for known in breaks:
        grade = (GRAVE if is_grave(known, hard_micros) else SMALL) if is_real(known, settle_ns) else QUIET
        if grade > known.told:
            said.append(_incident(known, grade))
            known = replace(known, told=grade)
        after.append(known)
    return (tuple(after), tuple(said)) if said else (breaks, ())


def statement(
    breaks: Breaks, reasons: Mapping[str, str], settle_ns: int, age_ms: int, source_ms: int, now: int
) -> SignalReport:
    """Return what holds, with the reason of its label; MISSING when a source is older than `source_ms`."""
    real = sum(is_real(known, settle_ns) for known in breaks)
    label = "MISSING" if age_ms > source_ms else "BREAK" if real else "TIMING" if breaks else "OK"
    worth = sum(max(0, value(known)) for known in breaks)
    numbers = (("real", real), ("young", len(breaks) - real), ("value_micros", worth), ("age_ms", age_ms))
    parts = tuple((name, float(number)) for name, number in numbers)
    refs = tuple(case_id(known) for known in breaks[:REFS_MAX])
    count, until = float(len(breaks)), now + 2 * CYCLE_NS
    return SignalReport("reconciliation", count, label, 0.0, 1.0, 0, until, "1", parts, refs, reasons[label])


def is_disabled(policy: PolicyBundle | None, desk_id: str) -> bool:
    """True when a policy names desks and does not enable this one; a policy that names none decides nothing of it."""
    if policy is None or not policy.roles:
        return False
    rows = [role for role in policy.roles if role.desk_id == desk_id]
    return not rows or not all(role.enabled for role in rows)


def case_id(known: Break) -> str:
    """Return the key of a case: the same source and subject, the same case."""
    return f"{BOT_ID}:{known.source}:{known.name}"[:128]


def _stood(before: Break | None, one: Difference, source: str, at_ns: int, settle_ns: int) -> Break:
    """Return the break after a difference was seen again, or for the first time."""
    fresh = Break(source, *one[:7], one.first_ns or at_ns, max(at_ns, one.first_ns), one.is_proven)
    if before is None or (before.amount > 0) != (one.amount > 0):
        return fresh
    if one.first_ns:  # as old as the fill that explains it
        return replace(fresh, told=before.told if before.first_ns == one.first_ns else QUIET)
    fresh = replace(fresh, first_ns=before.first_ns, told=before.told)
    if abs(one.amount) <= abs(before.amount):
        return fresh
    rise = min(one.amount, before.rise or one.amount, key=abs)
    rise_ns = before.rise_ns if before.rise else at_ns
    if at_ns - rise_ns > settle_ns:
        return replace(fresh, amount=rise)
    return replace(fresh, amount=before.amount, rise=rise, rise_ns=rise_ns)


def _incident(known: Break, grade: int) -> IncidentReport:
    evidence = (
        known.word,
        known.name,
        f"source={known.source}",
        f"cause={known.cause}",
        f"ours={known.ours}",
        f"theirs={known.theirs}",
        f"stood={known.amount}",
        f"value_micros={value(known)}",
        f"since_ns={known.first_ns}",
        f"seen_ns={known.seen_ns}",
        f"proposed={ENTRIES[known.word]}",
    )
    family, rank = (GRAVE_FAMILY, "P1") if grade == GRAVE else (SMALL_FAMILY, "P2")
    return IncidentReport(case_id(known), "account", family, rank, evidence, BOT_ID, GOV_RECON_BREAK)
