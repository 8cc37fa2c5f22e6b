"""Compare the outbox with what the venue says of the account: resting orders, fills, look-ups, the user channel.

Two sources of truth, asked every few seconds: a fill that nobody sent us word of is found here, and finds its order,
also one whose answer was lost. What agrees moves rows; what does not is an incident that holds its market, never a
silent correction. A list that is not complete proves nothing.
"""

from msgspec.structs import replace

from connectors.outbox import KeptFill
from connectors.venue import Final, Page, VenueFailed, VenueFill, VenueOrder
from contracts.control import IncidentReport
from contracts.order import VenueOrderEvent
from contracts.reasons import EXEC_ORDER_ILLEGAL_MOVE, GOV_RECON_BREAK
from flows.submit_parts import Counts, Parts, incident
from operators import last_gate, outbox
from operators.outbox import Held, Match, Move

SECOND_NS = 1_000_000_000
OVERLAP_NS = 120 * SECOND_NS
HOLDINGS_S = 10
RESTING = "RESTING"


class Compare:
    """The second source of truth.

    on_hold    markets that an open incident holds
    cash_micros, positions   what the venue last said is held; -1 and None before
    """

    def __init__(self, parts: Parts, counts: Counts) -> None:
        """Take what it compares."""
        self.parts, self.counts = parts, counts
        self.on_hold = parts.outbox.on_hold()
        self.cash_micros = -1
        self.positions: dict[str, int] | None = None
        self._since: dict[str, int] = {}
        self._page_ns = self._look_ns = self._holdings_ns = 0
        if not parts.outbox.mark("born"):
            with parts.outbox.together():
                for name in ("born", "fills"):
                    parts.outbox.put_mark(name, str(parts.clock()))
        self._born_ns = int(parts.outbox.mark("born"))

    # ---- rows ----

    def keep(self, move: Move, alert: IncidentReport | None = None) -> Held:
        """Make a move durable; one that should be impossible holds its market."""
        row, now = move.row, self.parts.clock()
        hold = move.alert == EXEC_ORDER_ILLEGAL_MOVE
        if alert is None and move.alert:
            alert = incident(row.client_order_id, "order_unknown" if not hold else "order_illegal", move.alert)
        kept = self.parts.outbox.keep(move, now, alert, hold=hold)
        if hold:
            self.on_hold = self.parts.outbox.on_hold()
        return kept

    def cost_of(self, row: Held, *, whole: bool = False) -> int:
        """Return what an order, or what is open of it, can lose at most; 0 in a market that nobody knows."""
        definition = self.parts.markets.get(row.market_id)
        lots = row.size_lots if whole else row.open_lots
        return last_gate.cost(definition, row.side, row.price_ticks, lots) if definition is not None else 0

    def reserved(self, but: str = "") -> int:
        """Return what all orders that may be at the venue can lose at most, in micros; one may be left out."""
        rows = self.parts.outbox.living.values()
        return sum(self.cost_of(row) for row in rows if row.sent_ns and row.client_order_id != but)

    def position(self, market_id: str) -> int | None:
        """Return the signed lots that are surely held; None before the venue has said it.

        A fill since then may be in its answer or not: of both readings the one nearer to nothing is believed.
        """
        if self.positions is None:
            return None
        said = self.positions.get(market_id, 0)
        moved = said + self._since.get(market_id, 0)
        return 0 if said * moved < 0 else min(said, moved, key=abs)

    # ---- asking ----

    def soon(self) -> None:
        """Compare at the next look."""
        self._page_ns = min(self._page_ns, self.parts.clock() + SECOND_NS // 4)

    def reconcile(self) -> bool:
        """Ask about every order that may have left; True once each was answered, and lists and holdings were read.

        Asked again at most as often as doubts are looked up: a venue that is away, or counts requests, is not stormed.
        """
        now = self.parts.clock()
        if now < self._look_ns:
            return False
        self._look_ns = now + int(self.parts.look_s * SECOND_NS)
        asked = self._orders_and_fills()
        finds = self.parts.venue.can.finds_by_client_id
        for row in list(self.parts.outbox.living.values()):
            if row.state in outbox.DOUBTED or (row.state == outbox.PENDING and finds):
                asked = self._find(row) and asked
        self._holdings()
        return asked and self.positions is not None

    def look(self) -> None:
        """Do what is due: look doubted orders up, compare the lists, read what is held."""
        now = self.parts.clock()
        if now >= self._look_ns:
            self._look_ns = now + int(self.parts.look_s * SECOND_NS)
            for row in list(self.parts.outbox.living.values()):
                if row.state in outbox.DOUBTED:
                    self._find(row)
        if now >= self._page_ns:
            self._page_ns = now + int(self.parts.poll_s * SECOND_NS)
            self._orders_and_fills()
        if now >= self._holdings_ns:
            self._holdings()

    def listen(self) -> None:
        """Take in what the user channel said; words that say less than a list only make us look at once."""
        try:
            for said in self.parts.venue.events(0.0):
                if isinstance(said, VenueFill):
                    self._fill(said)
                else:
                    self._event(said)
        except VenueFailed as err:
            self.counts.error(err)

    def _event(self, said: VenueOrderEvent) -> None:
        row = self.parts.outbox.living.get(said.client_order_id)
        if row is not None and said.event == "ACK" and row.state not in (outbox.LIVE, outbox.PARTIAL):
            self.keep(outbox.heard(row, RESTING, said.venue_order_id, 0))
        self._page_ns = self._look_ns = 0

    def _find(self, row: Held) -> bool:
        """Look an order up; True when the venue answered, or can never."""
        can, terms = self.parts.venue.can, self.parts.terms.get(row.market_id)
        if terms is None or not can.finds_by_client_id:
            self._move(row, outbox.absent(row, finds=False, window_ms=0, now_ns=0) if row.sent_ns else Move(row))
            return True
        asked_ns = self.parts.clock()
        try:
            said = self.parts.venue.find(row.client_order_id, terms)
        except Final as err:  # it will never say; a doubted order stays in doubt, and its market is held
            self.counts.error(err)
            return True
        except VenueFailed as err:
            self.counts.error(err)
            return False
        if said is not None:
            self._move(row, outbox.heard(row, said.state, said.venue_order_id, said.filled_lots, said.detail))
        elif row.state in outbox.DOUBTED:
            self._move(row, outbox.absent(row, finds=True, window_ms=can.window_ms, now_ns=asked_ns))
        return True

    def _move(self, row: Held, move: Move) -> None:
        if move.row != row or move.events:
            self.keep(move)

    # ---- the lists ----

    def _orders_and_fills(self) -> bool:
        """Read both lists, the orders first: an order that was filled in between is then in one of them."""
        asked_ns = self.parts.clock()
        since = int(self.parts.outbox.mark("fills") or "0")
        doubts = [row.sent_ns for row in self.parts.outbox.living.values() if row.state in outbox.DOUBTED]
        oldest = min([since, *doubts, self.parts.outbox.oldest_unsettled(since)])
        try:
            page = self.parts.venue.open_orders()
            fills = self.parts.venue.fills(max(0, oldest - OVERLAP_NS))
        except VenueFailed as err:
            self.counts.error(err)
            return False
        newest = since
        for fill in fills.rows:
            assert isinstance(fill, VenueFill)
            self._fill(fill)
            newest = max(newest, fill.at_ns)
        if fills.complete and newest > since:
            self.parts.outbox.put_mark("fills", str(newest))
        self._resting(page, asked_ns, whole=page.complete and fills.complete)
        return page.complete and fills.complete

    def _resting(self, page: Page, asked_ns: int, *, whole: bool) -> None:
        box, seen = self.parts.outbox, set()
        for said in page.rows:
            assert isinstance(said, VenueOrder)
            row = box.row(said.client_order_id) if said.client_order_id else None
            row = row or box.of_venue(said.venue_order_id)
            if row is None:
                self._stranger(said)
                continue
            seen.add(row.client_order_id)
            known = (
                row.state in (outbox.LIVE, outbox.PARTIAL) and said.filled_lots <= row.venue_filled and not row.absent
            )
            if not known:
                self._move(row, outbox.heard(row, said.state, said.venue_order_id, said.filled_lots, said.detail))
        for row in list(box.living.values()):
            rests = row.state in (outbox.LIVE, outbox.PARTIAL) and row.client_order_id not in seen
            if whole and rests and row.sent_ns < asked_ns:
                self._missing(row)

    def _missing(self, row: Held) -> None:
        """Ask what became of an order that no longer rests; without a look-up, the second list without it is proof."""
        if self.parts.venue.can.finds_by_client_id:
            before = row
            if not self._find(row):
                return
            row = self.parts.outbox.row(row.client_order_id) or row
            if row != before or row.ending:
                return
        self._move(row, outbox.gone(row))
        self.soon()

    def _stranger(self, said: VenueOrder) -> None:
        what = f"order {said.venue_order_id} ({said.client_order_id or 'no id of ours'}) rests and is none of ours"
        self._report(incident(said.venue_order_id, "order_strange", GOV_RECON_BREAK, what), said.market_id)

    def _report(self, report: IncidentReport, market_id: str) -> None:
        if self.parts.outbox.report(report, self.parts.clock(), market_id):
            self.on_hold = self.parts.outbox.on_hold()

    def _fill(self, fill: VenueFill) -> None:
        """Record a match once; a known one may have moved on its other axis, from matched to settled or failed."""
        box = self.parts.outbox
        row = box.row(fill.client_order_id) if fill.client_order_id else None
        row = row or box.of_venue(fill.venue_order_id)
        if row is None and fill.at_ns < self._born_ns:
            return  # of a time before this outbox
        if row is None:
            what = f"fill {fill.trade_id} of order {fill.venue_order_id} is of no order of ours"
            self._report(incident(fill.trade_id, "fill_strange", GOV_RECON_BREAK, what), fill.market_id)
            return
        kept = KeptFill(
            row.client_order_id, row.market_id, fill.side, fill.price_ticks, fill.size_lots, fill.fee_micros,
            fill.at_ns, fill.settled, fill.failed,
        )  # fmt: skip
        with box.together():
            before = box.fill((self.parts.venue.venue_id, fill.trade_id, row.client_order_id), kept)
            if before is not None and (before.settled, before.failed) == (fill.settled, fill.failed):
                return
            detail = (
                "FAILED" if fill.failed else "MATCHED" if not fill.settled else "" if before is None else "CONFIRMED"
            )
            match = Match(fill.trade_id, fill.price_ticks, fill.size_lots, fill.fee_micros, fill.liquidity, detail)
            row = replace(row, venue_order_id=row.venue_order_id or fill.venue_order_id)
            counts = before is None and not fill.failed
            self.keep(outbox.matched(row, match) if counts else outbox.rung(row, match))
        if counts:
            self.counts.fills += 1
            self._since[row.market_id] = self._since.get(row.market_id, 0) + fill.side * fill.size_lots

    def _holdings(self) -> None:
        now = self.parts.clock()
        self._holdings_ns = now + SECOND_NS
        try:
            said = self.parts.venue.holdings()
        except VenueFailed as err:
            self.counts.error(err)
            return
        if said.complete:
            self._holdings_ns = now + HOLDINGS_S * SECOND_NS
            self.cash_micros, self.positions, self._since = said.cash_micros, dict(said.positions), {}
