"""Send authorised orders to a venue, each at most once, and nothing after a stop; the only code that sends any.

A plain loop in a process of its own, because a step of a dataflow would send again on every replay. What it is about to
do is durable before it does it (connectors/outbox.py), so it may die at any place (connectors/faults.py): begun again,
it first asks the venue about everything that it cannot be sure of. One order at a time, in the order of their
authorisation; cancels before orders, blocked by nothing.

Just before an order leaves, everything is asked again: the stops, doubts in its market, scope, age, wash trades, caps,
the loss of the day, and its price against the newest quote. The stops are asked once more with the signature in hand.
"""

from collections.abc import Callable

from msgspec.structs import replace

from bots.maths.safety import BLOCK
from connectors.errors import BrokerError
from connectors.faults import hit
from connectors.orders import identity_of
from connectors.outbox import Cancel
from connectors.venue import Ambiguous, Final, Retryable, VenueFailed, VenueOrder
from contracts.base import write
from contracts.control import IncidentReport
from contracts.envelope import Row
from contracts.ids import content_hash
from contracts.intent import APPROVE, RESHAPE, RiskVote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, AuthorisedOrder
from contracts.reasons import (
    EXEC_ORDER_UNKNOWN,
    EXEC_PENDING_WAITING,
    EXEC_VENUE_REJECT,
    GOV_ORDER_CONTRADICTED,
    RISK_KILL_SWITCH_GUARD,
    RISK_SAFETY_UNKNOWN,
    RISK_SCOPE_BLOCK,
)
from flows.submit_cancels import Cancels
from flows.submit_compare import Compare
from flows.submit_parts import Counts, Parts, incident
from flows.submit_watch import Watch
from operators import last_gate, outbox
from operators.last_gate import Refusal
from operators.outbox import Held, Move

BATCH = 64
IDLE_S = 0.005
SECOND_NS = 1_000_000_000


class Submitter:
    """The loop of one account at one venue.

    counts     what happened since the start
    compare    the second source of truth: the venue's own lists
    """

    def __init__(self, parts: Parts) -> None:
        """Take what it is made of; nothing is asked or sent yet."""
        self.parts, self.counts = parts, Counts()
        self.compare = Compare(parts, self.counts)
        self.cancels = Cancels(parts, self.counts, self.compare)
        self.watch = Watch(parts, self.counts, self.compare)
        self.reconciled = False

    def start(self) -> None:
        """Go where the inboxes were left, and ask the venue about every order that may be there; new ones wait."""
        for inbox in self.parts.inboxes:
            inbox.begin(self.parts.outbox.mark(f"inbox/{inbox.desk_id}"))
        self.reconciled = self.compare.reconcile()
        self.tell()

    def turn(self) -> bool:
        """Go round once; True when something was done. What it cannot outlive, it raises."""
        now = self.parts.clock()
        self.watch.renew(now)
        self.cancels.on_stop(self.parts.stops.level(), now)
        took = self.take()
        if not self.reconciled:
            self.reconciled = self.compare.reconcile()
        busy = self.cancels.send()
        sent = self.send() if self.reconciled and self.watch.ready else 0
        self.compare.listen()
        self.compare.look()
        self.tell()
        self.watch.beat(self.parts.clock(), self.cancels.level, reconciled=self.reconciled)
        return bool(took or sent or busy)

    def run(self, stop: Callable[[], bool]) -> None:
        """Go round until `stop()` is true."""
        self.start()
        while not stop():
            if not self.turn():
                self.parts.sleep(IDLE_S)

    # ---- in ----

    def take(self) -> int:
        """Bring what desks have authorised into the outbox; returns how many rows came."""
        came = 0
        for inbox in self.parts.inboxes:
            try:
                found = inbox.take(BATCH)
            except BrokerError as err:  # a broker that is away gives nothing new, and stops nothing else
                self.counts.error(err)
                continue
            for report in found.incidents:
                self.parts.outbox.report(report, self.parts.clock())
            for row in found.rows:
                hit("F1")
                self._admit(inbox.desk_id, row)
            came += len(found.rows) + len(found.incidents)
        return came

    def _admit(self, desk_id: str, came: Row) -> None:
        order, box, now = came.payload, self.parts.outbox, self.parts.clock()
        assert isinstance(order, AuthorisedOrder)
        digest = content_hash(write(order))
        hit("F2")
        if order.child.action == CANCEL:
            cancel = Cancel(identity_of(order), order.child.client_order_id, desk_id, order.child.market_id)
            if box.add_cancel(cancel, digest, order) != digest:
                box.report(_contradicted(cancel.identity, digest), now)
            return
        known = box.row(order.child.client_order_id)
        verdict = outbox.admit(known, digest)
        if verdict == outbox.NEW:
            box.add(outbox.held(order, desk_id, digest, came.at_ns, now), order)
            self.counts.admitted += 1
        elif verdict == outbox.REPEAT:
            self.counts.repeats += 1
        elif known is not None:
            box.report(_contradicted(outbox.contradiction(known, digest), digest), now)

    # ---- out ----

    def send(self) -> int:
        """Send, or refuse, what waits and is due; returns how many."""
        now, repeats = self.parts.clock(), self.parts.venue.can.refuses_repeats
        due = [
            row
            for row in self.parts.outbox.living.values()
            if (row.state == outbox.PENDING or outbox.may_repeat(row, refuses_repeats=repeats))
            and row.not_before_ns <= now
            and not row.cancelling
        ]
        for row in due[:BATCH]:
            self.watch.renew(self.parts.clock())
            self._one(row)
        return len(due[:BATCH])

    def _one(self, row: Held) -> None:
        """Ask everything again, and send an order or end it."""
        order = self.parts.outbox.body(row.client_order_id)
        hit("F3")
        refusal = self._judged(row, order)
        if refusal is not None:
            if row.state == outbox.PENDING:  # of another the first send may still be accepted: it stays in doubt
                self._refuse(row, refusal)
            return
        hit("F4")
        if not self._signed(row, order):
            return
        hit("F5")
        first = row.state == outbox.PENDING
        row = self._keep(outbox.signed(row, self.parts.clock()))
        level = self.parts.stops.level(self._names(row))
        if level.place and not self._leaves_under(level.place, row):
            if first:  # proven: no byte was handed over
                self._refuse(row, Refusal(RISK_KILL_SWITCH_GUARD, level.source))
            return
        hit("F6")
        self.counts.sent += 1
        self._place(row, order, first=first)

    def _signed(self, row: Held, order: AuthorisedOrder) -> bool:
        if self.parts.signer is None:
            return True
        try:
            self.parts.signer.sign(order, self.parts.terms[row.market_id])
        except Final as err:
            if row.state == outbox.PENDING:
                self._refuse(row, Refusal(EXEC_VENUE_REJECT, str(err)[:200]))
            return False
        except VenueFailed as err:
            self.counts.error(err)
            self._keep(Move(replace(row, not_before_ns=self.parts.clock() + SECOND_NS)))
            return False
        return True

    def _place(self, row: Held, order: AuthorisedOrder, *, first: bool) -> None:
        """Hand an order over, and make durable what came of it. A refusal of a repeat says nothing of the first."""
        alert: IncidentReport | None = None
        try:
            said = self.parts.venue.place(order.child, self.parts.terms[row.market_id])
            hit("F7")
            move = self._answered(row, said)
        except Retryable as err:
            self.counts.error(err)
            move = outbox.retried(row, self.parts.clock() + int(err.after_s * SECOND_NS)) if first else Move(row)
        except Final as err:
            move = outbox.refused(row, EXEC_VENUE_REJECT, f"{err.code} {err}"[:300]) if first else Move(row)
        except Ambiguous as err:
            self.counts.error(err)
            self.counts.ambiguous += 1
            move = outbox.ambiguous(row)
            alert = incident(row.client_order_id, "order_unknown", EXEC_ORDER_UNKNOWN, str(err)[:200], scope="market")
        hit("F9")
        if move.row.state == outbox.REJECTED:
            self._count(move.row.reason)
        self._keep(move, alert)
        self.compare.soon()

    def _answered(self, row: Held, said: VenueOrder) -> Move:
        hit("F8")
        self.counts.accepted += 1
        return outbox.heard(row, said.state, said.venue_order_id, said.filled_lots, said.detail)

    # ---- the last gate ----

    def _judged(self, row: Held, order: AuthorisedOrder) -> Refusal | None:
        """Ask everything again; the first answer that stands in the way, or None."""
        parts, now, living = self.parts, self.parts.clock(), self.parts.outbox.living.values()
        level = parts.stops.level(self._names(row))
        if level.place and not self._leaves_under(level.place, row):
            return Refusal(RISK_KILL_SWITCH_GUARD, level.source)
        if order.child.venue_id != parts.venue.venue_id:
            return Refusal(RISK_SCOPE_BLOCK, f"submit: is for {order.child.venue_id}, not for {parts.venue.venue_id}")
        definition, terms = parts.markets.get(row.market_id), parts.terms.get(row.market_id)
        symbol = terms.symbol if terms is not None else row.market_id
        found = last_gate.out_of_scope(parts.scope, definition, symbol, live=parts.mode == "live")
        if found is not None or definition is None:
            return found
        found = last_gate.too_old(row, order.child.expires_ns, parts.limits, now)
        before = outbox.earlier(order.intent_id, order.child)
        if found is None and before and not outbox.may_follow(parts.outbox.row(before)):
            found = Refusal(EXEC_PENDING_WAITING, f"revision {order.child.revision}: {before} has no proven end")
        found = found or last_gate.crosses_own(row, definition, living)
        if found is None and not self._reduces(row):
            found = self._adds(row, definition)
        if found is not None:
            return found
        return self._by_price(row, order)

    def _adds(self, row: Held, definition: MarketDefinition) -> Refusal | None:
        """Ask what is asked of new exposure only."""
        parts, box = self.parts, self.parts.outbox
        if not self.watch.clock_known:
            return Refusal(RISK_SAFETY_UNKNOWN, "submit: the clock's error is not known, or is too large")
        spent = last_gate.cost(definition, row.side, row.price_ticks, row.size_lots)
        window_ns = 2 * parts.limits.cycle_s * SECOND_NS
        before = [
            (each, self.compare.cost_of(each, whole=True)) for each in box.sent_since(max(0, row.said_ns - window_ns))
        ]
        reserved, gained = self.compare.reserved(row.client_order_id), self.watch.profit()
        return (
            last_gate.doubted(row, box.living.values(), self.compare.on_hold)
            or last_gate.over_cycle(row, spent, before, parts.limits)
            or last_gate.over_reserve(reserved, spent, parts.limits)
            or last_gate.lost_too_much(self.watch.day, gained, parts.limits)
        )

    def _by_price(self, row: Held, order: AuthorisedOrder) -> Refusal | None:
        """Vote on the price by the newest quote, and record the vote with the quote that it read."""
        parts = self.parts
        quote = parts.quotes.newest(row.market_id)
        now = parts.clock()  # after the quote, which may have come this moment: an age below zero is no age
        definition = parts.markets[row.market_id]
        vote: RiskVote = parts.revalidate(order, definition, quote, parts.limits, now)
        parts.outbox.vote(row.client_order_id, vote, quote, now)
        fits = vote.verdict == APPROVE or (vote.verdict == RESHAPE and row.size_lots <= vote.size_lots_max)
        if fits and not (vote.post_only and not order.child.post_only):
            return None
        return Refusal(vote.reason, f"seen {vote.seen}, limit {vote.limit}")

    def _reduces(self, row: Held) -> bool:
        held = self.compare.position(row.market_id)
        return held is not None and last_gate.reduces(row, held, self.parts.outbox.living.values())

    def _leaves_under(self, place: int, row: Held) -> bool:
        """True for what a level lets through: proven exits, below BLOCK."""
        return place < BLOCK and self._reduces(row)

    def _names(self, row: Held) -> dict[str, str]:
        """Return what an order is called, by the kinds that a stop may name."""
        return {
            "desk": row.desk_id,
            "market": row.market_id,
            "venue": self.parts.venue.venue_id,
            "bot": row.strategy,
            "order": row.client_order_id,
        }

    # ---- durable ----

    def _refuse(self, row: Held, refusal: Refusal) -> None:
        hit("F9")
        self._count(refusal.reason)
        self._keep(outbox.refused(row, refusal.reason, refusal.detail))

    def _count(self, reason: str) -> None:
        self.counts.refused += 1
        self.counts.reasons[reason] = self.counts.reasons.get(reason, 0) + 1

    def _keep(self, move: Move, alert: IncidentReport | None = None) -> Held:
        return self.compare.keep(move, alert)

    def tell(self) -> None:
        """Give back to desks what was not given back, then note how far was told and read."""
        box = self.parts.outbox
        events = box.events_after(int(box.mark("told") or "0"))
        places = {f"inbox/{inbox.desk_id}": inbox.place() for inbox in self.parts.inboxes}
        moved = {name: place for name, place in places.items() if box.mark(name) != place}
        if not events and not moved:
            return
        hit("F10")
        try:
            if events:
                self.parts.deliver(events)
        except OSError as err:  # they wait in the outbox
            self.counts.error(err)
            return
        hit("F11")
        with box.together():
            for name, place in moved.items():
                box.put_mark(name, place)
            if events:
                box.put_mark("told", str(events[-1].number))
        self.counts.told += len(events)


def _contradicted(what: str, digest: str) -> IncidentReport:
    return incident(digest, "order_contradicted", GOV_ORDER_CONTRADICTED, what[:200])
