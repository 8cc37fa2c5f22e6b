"""Gather evidence on orders of which nobody knows whether the venue has them.

An order is in doubt when its state is UNKNOWN, or when it waits for its first answer longer than an account takes to
settle. Evidence is a complete snapshot of the account taken at least that long after it was submitted: the order is
among those that rest, or it is absent; each snapshot counts once. What was absent often enough is lost, which is no
proof: it may have been filled, and where the venue's window is open it may still come. Only the venue's own word, which
the submitter brings back, ends a doubt. A cancel on its way ends none either.
Source: decisions on autonomous running; catalogue rule of exec.pending_submit_reconciler.
"""

from msgspec import Struct
from msgspec.structs import replace

from contracts.order import AccountSnapshot, OrderUpdate

SILENT, RESOLVED, WAITING, LOST = range(4)


class Doubt(Struct, frozen=True, gc=False):
    """One order without an answer.

    since_ns    it waits since, or its state is unknown since, whichever came first
    is_unknown  its state is UNKNOWN, or was and nothing was heard since
    is_found    the last evidence saw it resting
    absent      snapshots in a row without it;  taken_ns  when the last that counts was taken
    is_told     an incident was raised over it
    """

    client_order_id: str
    since_ns: int
    is_unknown: bool = False
    is_found: bool = False
    absent: int = 0
    taken_ns: int = 0
    is_told: bool = False


Doubts = tuple[Doubt, ...]


def heard(doubts: Doubts, update: OrderUpdate, now: int, settle_ns: int) -> tuple[Doubts, int]:
    """Return the doubts after an update, and RESOLVED when it ended one, else SILENT."""
    known = next((doubt for doubt in doubts if doubt.client_order_id == update.client_order_id), None)
    if update.state == "PENDING_CANCEL" or (update.state == "PENDING_SUBMIT" and known is not None):
        return doubts, SILENT
    if update.state in ("PENDING_SUBMIT", "UNKNOWN"):
        fresh = known or Doubt(update.client_order_id, update.since_ns)
        if update.state == "UNKNOWN":  # what was seen before may be what is doubted now
            fresh = replace(fresh, is_unknown=True, is_found=False)
        return (_put(doubts, fresh) if known is not None else (*doubts, fresh)), SILENT
    if known is None:
        return doubts, SILENT
    ended = RESOLVED if is_in_doubt(known, now, settle_ns) else SILENT
    return tuple(doubt for doubt in doubts if doubt is not known), ended


def weighed(doubts: Doubts, account: AccountSnapshot, settle_ns: int, confirmations: int) -> tuple[Doubts, int, int]:
    """Return the doubts after a snapshot, the gravest that it says, and how often that order was absent."""
    gravest, absent = SILENT, 0
    for doubt in doubts:
        if account.taken_ns < doubt.since_ns + settle_ns or account.taken_ns <= doubt.taken_ns:
            continue
        if not account.complete:
            after, said = doubt, WAITING
        elif doubt.client_order_id in account.open_orders:
            after, said = replace(doubt, is_found=True, absent=0, taken_ns=account.taken_ns), RESOLVED
        else:
            after = replace(doubt, is_found=False, absent=doubt.absent + 1, taken_ns=account.taken_ns)
            said = LOST if after.absent >= confirmations else WAITING
        doubts = _put(doubts, after)
        if said > gravest:
            gravest, absent = said, after.absent
    return doubts, gravest, absent


def is_in_doubt(doubt: Doubt, now: int, settle_ns: int) -> bool:
    """True when nobody knows of an order, whatever a snapshot has shown."""
    return doubt.is_unknown or now - doubt.since_ns >= settle_ns


def holds(doubts: Doubts, now: int, settle_ns: int) -> bool:
    """True while an order is in doubt that no snapshot has found resting."""
    return any(is_in_doubt(doubt, now, settle_ns) and not doubt.is_found for doubt in doubts)


def overdue(doubts: Doubts, now: int, settle_ns: int, max_wait_ns: int) -> tuple[Doubts, Doubt | None]:
    """Return the first order that is in doubt for too long and was not told of, and the doubts with it told."""
    for doubt in doubts:
        if not doubt.is_told and is_in_doubt(doubt, now, settle_ns) and now - doubt.since_ns >= max_wait_ns:
            return _put(doubts, replace(doubt, is_told=True)), doubt
    return doubts, None


def _put(doubts: Doubts, after: Doubt) -> Doubts:
    return tuple(after if doubt.client_order_id == after.client_order_id else doubt for doubt in doubts)
