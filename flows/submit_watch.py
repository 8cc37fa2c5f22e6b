"""Keep watch over a submitter itself: the venue's dead man's switch, the clock, the loss of the day, the heartbeat.

The venue's switch cancels everything when it is not renewed. It is renewed well inside its time-out, and only by a
submitter that could still write its outbox and knows what time it is: one that cannot must not keep orders alive.
"""

import msgspec

from connectors.stops import Level
from connectors.venue import VenueFailed
from connectors.whole import put_whole
from contracts.reasons import RISK_SAFETY_UNKNOWN
from flows.submit_compare import Compare
from flows.submit_parts import Counts, Parts, incident
from operators import last_gate, outbox
from operators.last_gate import DAY_NS, Day, Traded

SECOND_NS, MS = 1_000_000_000, 1_000_000
RENEWALS = 3
CLOCK_S, CLOCK_LOST_S = 10, 60
BEAT_S = 1


class Watch:
    """What a submitter knows of itself.

    clock_known  the venue's clock was read lately, and differs little
    day          what the account had when the day began; None before anybody could say
    """

    def __init__(self, parts: Parts, counts: Counts, compare: Compare) -> None:
        """Take what it watches."""
        self.parts, self.counts, self.compare = parts, counts, compare
        self.clock_known = False
        self.day: Day | None = None
        self.marks: dict[str, int] = {}
        self._arm_ns = self._clock_ns = self._read_ns = self._beat_ns = 0
        if found := parts.outbox.mark("day"):
            self.day = msgspec.json.decode(found, type=Day)

    @property
    def ready(self) -> bool:
        """True once the venue's clock was read: before that nothing is judged by it, and orders wait."""
        return self._read_ns > 0

    # ---- the dead man's switch and the clock ----

    def renew(self, now_ns: int) -> None:
        """Read the clock and renew the switch where they are due; raises OutboxError where nothing can be written."""
        if now_ns >= self._clock_ns:
            self._clock(now_ns)
        time_out = self.parts.venue.can.dead_man_s
        if time_out <= 0 or now_ns < self._arm_ns or not self.clock_known:
            return
        self.parts.outbox.put_mark("alive", str(now_ns))
        try:
            self.parts.venue.arm()
            self._arm_ns = now_ns + int(time_out * SECOND_NS / RENEWALS)
        except VenueFailed as err:
            self.counts.error(err)
            self._arm_ns = now_ns + int(time_out * SECOND_NS / RENEWALS / RENEWALS)

    def _clock(self, now_ns: int) -> None:
        self._clock_ns = now_ns + CLOCK_S * SECOND_NS
        try:
            venue_ns = self.parts.venue.server_time_ns()
        except VenueFailed as err:
            self.counts.error(err)
            self._clock_ns = now_ns + SECOND_NS
            self.clock_known = self.clock_known and now_ns - self._read_ns < CLOCK_LOST_S * SECOND_NS
            return
        after_ns = self.parts.clock()
        error_ns = max(now_ns - venue_ns, venue_ns - after_ns, 0)
        known = error_ns <= self.parts.clock_error_ms * MS
        if not known:
            said = f"the venue's clock differs by {error_ns // MS} ms; allowed: {self.parts.clock_error_ms}"
            report = incident(str(now_ns // DAY_NS), "clock_submit", RISK_SAFETY_UNKNOWN, said)
            self.parts.outbox.report(report, now_ns)
        self.clock_known, self._read_ns = known, after_ns

    # ---- the loss of the day ----

    def profit(self) -> int:
        """Return the profit of the day in micros, marked at the mid of the newest quotes; begins a new day."""
        now = self.parts.clock()
        self._mark()
        if self.day is None or self.day.number != now // DAY_NS or self.day.equity_micros < 0:
            self._begin(now)
        if self.day is None:
            return 0
        fills = self.parts.outbox.fills(self.day.since_ns)
        traded = [
            Traded(each.market_id, each.side * each.size_lots, each.price_ticks, each.fee_micros)
            for each in fills
            if not each.failed
        ]
        return last_gate.profit(self.day, traded, self.marks, self.parts.markets)

    def _mark(self) -> None:
        for market_id in self.parts.markets:
            quote = self.parts.quotes.newest(market_id)
            if quote is not None and quote.bid_lots and quote.ask_lots:
                self.marks[market_id] = quote.bid_ticks + quote.ask_ticks

    def _begin(self, now_ns: int) -> None:
        held = self.compare.positions
        if held is None or self.compare.cash_micros < 0:
            return
        worth = last_gate.equity(self.compare.cash_micros, held.items(), self.marks, self.parts.markets)
        marks = {market_id: self.marks[market_id] for market_id in held if market_id in self.marks}
        self.day = Day(now_ns // DAY_NS, now_ns, worth, dict(held), marks)
        self.parts.outbox.put_mark("day", msgspec.json.encode(self.day).decode())

    # ---- the heartbeat ----

    def beat(self, now_ns: int, level: Level, *, reconciled: bool) -> None:
        """Write the heartbeat once a second; what cannot be written stops nothing."""
        if self.parts.heartbeat is None or now_ns < self._beat_ns:
            return
        self._beat_ns = now_ns + BEAT_S * SECOND_NS
        try:
            put_whole(self.parts.heartbeat, msgspec.json.encode(self.report(now_ns, level, reconciled=reconciled)))
        except OSError as err:
            self.counts.error(err)

    def report(self, now_ns: int, level: Level, *, reconciled: bool) -> dict[str, object]:
        """Return the heartbeat: time, status, money, what is open, what went wrong."""
        living = self.parts.outbox.living.values()
        doubted = [row.client_order_id for row in living if row.state in outbox.DOUBTED]
        status = "STOPPED" if level.place else "OK" if reconciled and self.clock_known else "RECONCILING"
        return {
            "at_ns": now_ns,
            "status": "DOUBTED" if status == "OK" and doubted else status,
            "stop": level.source,
            "mode": self.parts.mode,
            "account": self.parts.account,
            "venue": self.parts.venue.venue_id,
            "bankroll_micros": self.compare.cash_micros,
            "exposure_micros": self.compare.reserved(),
            "day_profit_micros": self.profit(),
            "open_orders": sum(1 for row in living if row.sent_ns),
            "waiting_orders": sum(1 for row in living if not row.sent_ns),
            "doubted_orders": doubted,
            "open_positions": {name: lots for name, lots in (self.compare.positions or {}).items() if lots},
            "held_markets": sorted(self.compare.on_hold),
            "counts": msgspec.to_builtins(self.counts),
        }
