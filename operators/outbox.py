"""Decide what becomes of an order between its authorisation and its end, whatever is lost on the way.

The row of an order moves by these functions alone; connectors/outbox.py makes each move durable before anybody acts on
it, and flows/submit.py acts. A row says less than the truth only on the safe side:

    PENDING_SUBMIT  durable; nothing of it was handed to a socket, because SUBMITTED is durable before that
    SUBMITTED       may be at the venue, from now on
    UNKNOWN         an answer was lost: held, its exposure reserved, its market closed for new exposure, not sent again
    LIVE, PARTIAL   the venue has said that it has it
    FILLED, CANCELLED, EXPIRED, REJECTED   ended, by proof; REJECTED also for what was refused here and never left

"Not found" is no proof while the request could still be accepted, nor where the venue has no look-up, nor once: it
takes two answers. What is then proven to be absent goes back to PENDING_SUBMIT if the process had died over it, so that
all that is asked of a new order is asked again; after an ambiguous answer it is REJECTED, and its desk may decide anew.
The fills alone say how much was filled; a venue that says more than they do ends an order only when they have come.
"""

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from contracts.ids import client_order_id
from contracts.order import AuthorisedOrder, PlannedOrder, VenueOrderEvent
from contracts.reasons import (
    EXEC_ORDER_ADVANCED,
    EXEC_ORDER_ILLEGAL_MOVE,
    EXEC_ORDER_UNKNOWN,
    EXEC_PENDING_LOST,
    EXEC_PENDING_RESOLVED,
    EXEC_PENDING_WAITING,
    GOV_ORDER_CONTRADICTED,
)

PENDING, SUBMITTED, LIVE, PARTIAL, UNKNOWN = "PENDING_SUBMIT", "SUBMITTED", "LIVE", "PARTIAL", "UNKNOWN"
FILLED, CANCELLED, EXPIRED, REJECTED = "FILLED", "CANCELLED", "EXPIRED", "REJECTED"
ENDED = frozenset({FILLED, CANCELLED, EXPIRED, REJECTED})
DOUBTED = frozenset({SUBMITTED, UNKNOWN})
RESTING = "RESTING"
NEW, REPEAT, CONTRADICTED = "NEW", "REPEAT", "CONTRADICTED"
ABSENCES = 2
TRIES_MAX = 3
MS = 1_000_000


class Held(Struct, frozen=True):
    """One order of the outbox.

    digest           SHA-256 of the authorised order as it came
    said_ns          journal time of its authorisation;  admitted_ns  when it came here
    sent_ns          when it may have left; 0 never
    until_ns         when the venue refuses it by its signed expiry; 0 never
    not_before_ns    earliest time of the next try
    tries, absent    sends; answers in a row that did not know it
    absent_closed    of them those after which it could not come any more
    filled_lots      sum of its fills;  venue_filled  what the venue said is filled
    ending           the end that the venue has named, reached once the fills have come; empty none
    cancelling       a cancel may have left
    reason           code of the last move
    """

    client_order_id: str
    desk_id: str
    market_id: str
    strategy: str
    digest: str
    side: int
    price_ticks: int
    size_lots: int
    reduce_only: bool
    said_ns: int
    admitted_ns: int
    until_ns: int = 0
    not_before_ns: int = 0
    state: str = PENDING
    sent_ns: int = 0
    tries: int = 0
    absent: int = 0
    absent_closed: int = 0
    venue_order_id: str = ""
    filled_lots: int = 0
    venue_filled: int = 0
    ending: str = ""
    cancelling: bool = False
    reason: str = EXEC_ORDER_ADVANCED

    @property
    def open_lots(self) -> int:
        """What may still be filled: an order that nobody can speak for counts whole."""
        return 0 if self.state in ENDED else max(0, self.size_lots - self.filled_lots)


class Match(NamedTuple):
    """One fill of an order, as it moves the row; `detail` is the rung of a venue's ladder, empty where it has none."""

    trade_id: str
    price_ticks: int
    size_lots: int
    fee_micros: int
    liquidity: str
    detail: str


class Move(NamedTuple):
    """A row's next state, what the venue is thereby known to have said, and the code of an alert; empty none."""

    row: Held
    events: tuple[VenueOrderEvent, ...] = ()
    alert: str = ""


def held(order: AuthorisedOrder, desk_id: str, digest: str, said_ns: int, now_ns: int) -> Held:
    """Return the row of an order that came."""
    child = order.child
    return Held(
        child.client_order_id, desk_id, child.market_id, order.strategy, digest, child.side, child.price_ticks,
        child.size_lots, child.reduce_only, said_ns, now_ns,
        until_ns=child.expires_ns if child.time_in_force == "GTD" else 0,
        not_before_ns=now_ns + child.delay_ms * MS if child.delay_ms else 0,
    )  # fmt: skip


def admit(known: Held | None, digest: str) -> str:
    """Return NEW, REPEAT for what is known with this content, CONTRADICTED for a known id with another."""
    if known is None:
        return NEW
    return REPEAT if known.digest == digest else CONTRADICTED


def earlier(intent_id: str, child: PlannedOrder) -> str:
    """Return the id of the revision before; empty for the first."""
    return client_order_id(intent_id, child.child_index, child.revision - 1) if child.revision else ""


def may_follow(before: Held | None) -> bool:
    """True when a revision may leave: the one before has ended, by proof. One that nobody knows proves nothing."""
    return before is not None and before.state in ENDED


def event_of(row: Held, event: str, detail: str = "", match: Match | None = None) -> VenueOrderEvent:
    """Return what the venue said of a row's order, as a desk hears it."""
    return VenueOrderEvent(
        row.client_order_id, row.venue_order_id, row.market_id, event, row.side,
        match.price_ticks if match else row.price_ticks, match.size_lots if match else row.size_lots,
        match.trade_id if match else "", match.liquidity if match else "", match.fee_micros if match else 0, 0, detail,
    )  # fmt: skip


# ---- on the way out ------------------------------------------------------------------------------------------------


def refused(row: Held, reason: str, detail: str = "") -> Move:
    """End an order that did not leave, with the code of what stood in its way."""
    after = replace(row, state=REJECTED, reason=reason)
    return Move(after, (event_of(after, "REJECT", f"{reason}: {detail}" if detail else reason),))


def signed(row: Held, now_ns: int) -> Move:
    """Say, before the first byte leaves, that it may be at the venue."""
    return Move(replace(row, state=SUBMITTED, sent_ns=now_ns, tries=row.tries + 1, absent=0, absent_closed=0))


def retried(row: Held, after_ns: int) -> Move:
    """Take back a send that the venue has proven not to have carried out, for another try; the third is the last."""
    if row.tries >= TRIES_MAX:
        return refused(row, EXEC_PENDING_LOST, f"not carried out {row.tries} times")
    return Move(replace(row, state=PENDING, not_before_ns=after_ns))


def ambiguous(row: Held) -> Move:
    """Hold an order whose answer was lost; the alert is given once."""
    if row.state == UNKNOWN:
        return Move(row)
    held_back = replace(row, state=UNKNOWN, absent=0, absent_closed=0, reason=EXEC_ORDER_UNKNOWN)
    return Move(held_back, alert=EXEC_ORDER_UNKNOWN)


# ---- what the venue says -------------------------------------------------------------------------------------------


def heard(row: Held, state: str, venue_order_id: str, filled_lots: int, detail: str = "") -> Move:
    """Take in the venue's word on an order: RESTING, FILLED, CANCELLED, EXPIRED or REJECTED, and how much is filled.

    An order that was believed to have ended and rests is adopted, with an alert: its end was no end.
    """
    alert = ""
    if row.state == REJECTED and state == REJECTED:
        return Move(row)
    if row.state in ENDED:
        if state != RESTING:
            return Move(replace(row, venue_filled=max(row.venue_filled, filled_lots)))
        alert = EXEC_ORDER_ILLEGAL_MOVE
    if state == REJECTED and row.state not in (LIVE, PARTIAL):
        after = replace(row, state=REJECTED, venue_order_id=venue_order_id, reason=EXEC_ORDER_ADVANCED)
        return Move(after, (event_of(after, "REJECT", detail or "REJECTED"),), alert)
    fresh = row.state not in (LIVE, PARTIAL)
    after = replace(
        row,
        state=PARTIAL if row.filled_lots else LIVE,
        venue_order_id=venue_order_id or row.venue_order_id,
        venue_filled=max(row.venue_filled, filled_lots),
        ending=row.ending if state == RESTING else CANCELLED if state == REJECTED else state,
        absent=0,
        absent_closed=0,
        reason=EXEC_PENDING_RESOLVED if row.state in DOUBTED and row.absent else EXEC_ORDER_ADVANCED,
    )
    return _ended(Move(after, (event_of(after, "ACK"),) if fresh else (), alert))


def matched(row: Held, match: Match) -> Move:
    """Add a fill that was not known before; whatever the row believed, the venue had the order."""
    before: tuple[VenueOrderEvent, ...] = ()
    if row.state not in ENDED | {LIVE, PARTIAL}:
        before = (event_of(row, "ACK"),)
    filled = row.filled_lots + match.size_lots
    state = row.state if row.state in ENDED else PARTIAL
    after = replace(row, state=state, filled_lots=filled, absent=0, reason=EXEC_ORDER_ADVANCED)
    if filled >= row.size_lots and row.state not in ENDED:
        after = replace(after, ending=FILLED)
    over = filled > row.size_lots or row.state == REJECTED
    said = (*before, event_of(after, "MATCH", match.detail, match))
    return _ended(Move(after, said, EXEC_ORDER_ILLEGAL_MOVE if over else ""))


def rung(row: Held, match: Match) -> Move:
    """Say that a known fill was settled, or failed: how much of an order is filled is the other axis, and stays."""
    failed = match.detail == "FAILED"
    return Move(row, (event_of(row, "MATCH", match.detail, match),), EXEC_ORDER_ILLEGAL_MOVE if failed else "")


def gone(row: Held) -> Move:
    """Count a complete list of resting orders that lacks an order the venue had acknowledged; twice ends it.

    It had it, and it does not rest: it has ended, and what the fills do not say was cancelled.
    """
    if row.state not in (LIVE, PARTIAL) or row.absent + 1 < ABSENCES:
        return Move(replace(row, absent=row.absent + 1))
    return _ended(Move(replace(row, absent=row.absent + 1, ending=row.ending or CANCELLED)))


def absent(row: Held, *, finds: bool, window_ms: int, now_ns: int) -> Move:
    """Take in that the venue does not know a doubted order; what that proves stands at the top of this module.

    finds      the venue has a look-up that sees closed orders too
    window_ms  how long a request in flight may be accepted; 0 or less: nobody knows
    """
    if not finds:
        return ambiguous(row)
    if not _closed(row, window_ms, now_ns) or row.absent_closed + 1 < ABSENCES:
        closed = row.absent_closed + 1 if _closed(row, window_ms, now_ns) else 0
        return Move(replace(row, absent=row.absent + 1, absent_closed=closed, reason=EXEC_PENDING_WAITING))
    if row.state == SUBMITTED and row.tries < TRIES_MAX and not row.filled_lots:
        return Move(replace(row, state=PENDING, absent=0, absent_closed=0, reason=EXEC_PENDING_RESOLVED))
    return refused(row, EXEC_PENDING_LOST, "the venue does not have it, and cannot accept it any more")


def may_repeat(row: Held, *, refuses_repeats: bool) -> bool:
    """True when an order that a dead process may have sent may go again under its id, before its absence is proven.

    Only where the venue refuses a known id: whichever of both arrives second is refused. Anything that then stands in
    its way leaves it in doubt, because the first may still be accepted.
    """
    return refuses_repeats and row.state == SUBMITTED and row.absent >= ABSENCES and row.tries < TRIES_MAX


def _closed(row: Held, window_ms: int, now_ns: int) -> bool:
    """True when the venue can no longer accept what was sent: its window has passed, or the order has expired."""
    ends = [row.sent_ns + window_ms * MS] if window_ms > 0 else []
    ends += [row.until_ns] if row.until_ns else []
    return bool(ends) and now_ns > min(ends)


def by_person(row: Held, venue_order_id: str, who: str) -> Move:
    """End a doubt by a person's word: the venue's id of the order, or that it never had it (an empty one)."""
    if row.state not in DOUBTED:
        return Move(row)
    return heard(row, RESTING, venue_order_id, 0) if venue_order_id else refused(row, EXEC_PENDING_LOST, f"by {who}")


def _ended(move: Move) -> Move:
    """Let an order reach its named end once its fills have come."""
    row = move.row
    if not row.ending or row.state in ENDED or row.filled_lots < row.venue_filled:
        return move
    if row.ending == FILLED and row.filled_lots < row.size_lots:
        return move
    after = replace(row, state=FILLED if row.filled_lots >= row.size_lots else row.ending, cancelling=False)
    said = () if after.state == FILLED else (event_of(after, after.state),)
    return Move(after, (*move.events, *said), move.alert)


# ---- cancels -------------------------------------------------------------------------------------------------------


def cancelling(row: Held) -> Move:
    """Note that a cancel may leave; an order that is proven not to be at the venue is ended at once."""
    if row.state == PENDING:
        after = replace(row, state=CANCELLED)
        return Move(after, (event_of(after, "CANCELLED"),))
    return Move(replace(row, cancelling=True))


def contradiction(row: Held, digest: str) -> str:
    """Say in words that a known id came with another content."""
    return f"{GOV_ORDER_CONTRADICTED}: {row.client_order_id} has content {row.digest}; now {digest}"
