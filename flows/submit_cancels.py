"""Take orders back: what desks ask for, and everything on a stop; no risk, limit or mode stands in the way.

A cancel that may have been lost is sent again, because repeating one is harmless. On a stop the venue is asked once to
cancel everything; what is still there goes one by one, in the venue's documented rate and no faster.
"""

from connectors.outbox import Cancel
from connectors.stops import FREE, Level
from connectors.venue import Final, VenueFailed
from contracts.reasons import EXEC_VENUE_REJECT, RISK_KILL_SWITCH_GUARD
from flows.submit_compare import Compare
from flows.submit_parts import Counts, Parts, incident
from operators import outbox
from operators.outbox import Held

SECOND_NS = 1_000_000_000
AGAIN_NS = SECOND_NS
UNPACED = 1_000.0


class Cancels:
    """What is to be taken back.

    level  the stop in force for everything, as it was last read
    """

    def __init__(self, parts: Parts, counts: Counts, compare: Compare) -> None:
        """Take what it works on."""
        self.parts, self.counts, self.compare = parts, counts, compare
        self.level = FREE
        self._asked_all = False
        self._next_ns = 0
        self._again: dict[str, int] = {}

    def on_stop(self, level: Level, now_ns: int) -> None:
        """Take note of the stop in force; at its beginning the venue is asked to cancel everything."""
        if level.cancel_all and not self.level.cancel_all:
            self._asked_all = False
            report = incident(f"{level.source}/{now_ns}", "kill_switch", RISK_KILL_SWITCH_GUARD, level.source)
            self.parts.outbox.report(report, now_ns)
        self.level = level
        if level.cancel_all and not self._asked_all and any(row.sent_ns for row in self._living()):
            self._asked_all = True
            self._all(now_ns)

    def _all(self, now_ns: int) -> None:
        try:
            self.counts.cancels += self.parts.venue.cancel_all()
            self._next_ns = now_ns + self._pause_ns()
        except VenueFailed as err:
            self.counts.error(err)
            return
        for row in self._living():
            if row.sent_ns:  # its answer comes with the lists; one by one only what they still show a little later
                self._again[row.client_order_id] = now_ns + AGAIN_NS
        self.compare.soon()

    def send(self) -> bool:
        """Send the cancels that are due, as many as the venue's rate allows now; True when one was sent."""
        busy = False
        for wanted in self.parts.outbox.wanted():
            busy = self._wanted(wanted) or busy
        if self.level.cancel_all or self.parts.stops.narrowed():
            for row in self._living():
                if row.sent_ns and (self.level.cancel_all or self._named(row)):
                    busy = self._cancel(row) or busy
        return busy

    def _living(self) -> list[Held]:
        return list(self.parts.outbox.living.values())

    def _named(self, row: Held) -> bool:
        names = {"desk": row.desk_id, "market": row.market_id, "bot": row.strategy, "order": row.client_order_id}
        return self.parts.stops.level({**names, "venue": self.parts.venue.venue_id}).cancel_all

    def _wanted(self, wanted: Cancel) -> bool:
        """Carry out a cancel that a desk asked for, or find that nothing is left to do."""
        box, row = self.parts.outbox, self.parts.outbox.row(wanted.client_order_id)
        if row is None or row.state in outbox.ENDED:
            with box.together():
                if row is None:
                    order = box.cancel_body(wanted.identity)
                    ghost = outbox.held(order, wanted.desk_id, "", 0, 0)
                    box.tell(
                        wanted.desk_id, outbox.event_of(ghost, "CANCEL_REJECT", "UNKNOWN_ORDER"), self.parts.clock()
                    )
                box.cancel_done(wanted.identity)
            return True
        if row.state == outbox.PENDING:
            with box.together():
                self.compare.keep(outbox.cancelling(row))
                box.cancel_done(wanted.identity)
            return True
        return self._cancel(row, wanted.identity)

    def _cancel(self, row: Held, identity: str = "") -> bool:
        """Ask the venue to cancel one order, if it is time; a doubted one must be found first."""
        now = self.parts.clock()
        if not row.venue_order_id or now < max(self._next_ns, self._again.get(row.client_order_id, 0)):
            return False
        self._next_ns = now + self._pause_ns()
        self._again[row.client_order_id] = now + AGAIN_NS
        if not row.cancelling:
            row = self.compare.keep(outbox.cancelling(row))
        self.counts.cancels += 1
        try:
            said = self.parts.venue.cancel(row.venue_order_id, self.parts.terms[row.market_id])
        except Final as err:
            self._refused(row, identity, err)
            return True
        except VenueFailed as err:
            self.counts.error(err)
            return True
        if said is not None:
            self.compare.keep(outbox.heard(row, said.state, said.venue_order_id, said.filled_lots, said.detail))
        self.compare.soon()
        return True

    def _refused(self, row: Held, identity: str, err: Final) -> None:
        self.counts.error(err)
        if not identity:
            return
        box = self.parts.outbox
        with box.together():
            said = outbox.event_of(row, "CANCEL_REJECT", f"{EXEC_VENUE_REJECT}: {err.code}"[:200])
            box.tell(row.desk_id, said, self.parts.clock())
            box.cancel_done(identity)

    def _pause_ns(self) -> int:
        return int(SECOND_NS / (self.parts.venue.can.cancels_per_s or UNPACED))
