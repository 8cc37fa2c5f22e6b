"""Fold a log into envelopes: the whole of a lane's or a desk's thinking.

A memory's `step(entries)` is pure in effect: the same memory and the same entries give the same rows, whatever the
batches. A lane takes facts and answers with the journal: the facts, and what its bots said of them. A desk takes the
journal and answers with sealed blocks. Order events of the paper venue are the desk's next entries, at positions
derived from the entry before which they fell due.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bots.book import OPEN_GRID
from bots.kit import Book, DeskContext, Slot
from contracts.control import DeskConfigured, PolicyBundle
from contracts.envelope import Block, Row
from contracts.market import (
    BOOK_LOST,
    BookEvent,
    BookLadder,
    BookQuality,
    ClockTick,
    Fact,
    MarketDefinition,
    Settlement,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTrade,
)
from contracts.order import Account, PlannedOrder, PositionState, VenueOrderEvent
from contracts.signal import MarketCandidate, SignalReport
from contracts.venue import VenueHealthSample
from operators import account
from operators.birth import birth_of, policy_of
from operators.envelope import CUT_ROWS, Ledger
from operators.generate import Compiled, compile_functions
from operators.levels import apply, load, new_book
from operators.paper_truth import SUB_FROM, is_due, told
from operators.paper_venue import PaperVenue
from operators.plan import SETTLE_RANK, Plan
from operators.rows import filled, new_row, row_class, slots_of
from operators.settlement import payment

Handlers = dict[Slot, Callable[..., None]]
INNER = frozenset({Touch, BookEvent, BookLadder})
POSITION = Slot(PositionState)
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
RETIRED_NS = 10 * MINUTE_NS


class Memory:
    """Everything a lane or desk remembers; each value inside its rows is frozen."""

    def __init__(self, plan: Plan, functions: Callable[[Plan], Compiled] = compile_functions) -> None:
        """Make the memory of a plan; `functions` are the generated ones, or the interpreter's."""
        self.plan, self.functions = plan, functions
        self._compile()
        self.desk = new_row(self.desk_row, plan, desk_wide=True)
        self.rows: list[Any] = []
        self.blank = new_row(self.market_row, plan, desk_wide=False)
        self.now, self.offset, self.base, self.cause = 0, 0, 0, -1
        self.out: list[Any] = []
        self.offsets: list[int] = []
        self.faults: list[tuple[str, str]] = []
        self.ordered = False

    def _compile(self) -> None:
        compiled = self.functions(self.plan)
        self.plan_hash, self.source = compiled.hash, compiled.source
        self.plain: dict[type, Callable[..., None]] = {s.type: f for s, f in compiled.handlers.items() if not s.name}
        self.signals = {s.name: f for s, f in compiled.handlers.items() if s.type is SignalReport}
        self.candidates = {s.name: f for s, f in compiled.handlers.items() if s.type is MarketCandidate}
        keeper = [rank for _, bot, rank, _, _ in self.plan.bots if any(POSITION in step.says for step in bot.steps)]
        self._keepers = [f"s{rank}" for rank in keeper]
        self.hears_venue = any(Slot(VenueHealthSample) in node.step.on for node in self.plan.nodes)
        self.market_row, self.desk_row = row_class(self.plan, desk_wide=False), row_class(self.plan, desk_wide=True)

    def __getstate__(self) -> dict[str, Any]:
        """Give what is remembered, without what the plan says again; a snapshot is this, pickled."""
        made = ("plain", "_keepers", "signals", "candidates", "market_row", "desk_row", "out", "offsets", "source")
        state = {name: value for name, value in self.__dict__.items() if name not in made}
        state["rows"] = [slots_of(row) for row in self.rows]
        state["desk"], state["blank"] = slots_of(self.desk), slots_of(self.blank)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Compile the plan again and fill its rows."""
        self.__dict__.update(state)
        self._compile()
        self.rows = [filled(self.market_row, values) for values in state["rows"]]
        self.desk, self.blank = filled(self.desk_row, state["desk"]), filled(self.market_row, state["blank"])
        ledger = state.get("ledger")
        self.out, self.offsets = ([], []) if ledger is None else (ledger.rows, ledger.offsets)

    def row(self, market: int) -> Any:
        """Return the row of a market; -1 is the blank row of what concerns no market."""
        if market < 0:
            return self.blank
        while len(self.rows) <= market:
            self.rows.append(new_row(self.market_row, self.plan, desk_wide=False, market=len(self.rows)))
        return self.rows[market]

    def retire(self, now: int) -> None:
        """Forget what is remembered of markets that ended long ago and hold nothing, once a minute.

        A long run would else grow with its dead markets, in memory and at every second.
        """
        if now // MINUTE_NS == (now - SECOND_NS) // MINUTE_NS:
            return
        for market, row in enumerate(self.rows):
            definition = row.MarketDefinition
            if definition is None or not 0 < definition.expiry_ns < now - RETIRED_NS or now - row.book_at <= RETIRED_NS:
                continue
            own = getattr(row, "OwnOrders", None)
            if own is None or not own.orders:
                self.rows[market] = self._retired(row)

    def _retired(self, row: Any) -> Any:
        """Return a new row that keeps what is still owed: a position, its state, and the definition it is paid by."""
        fresh = new_row(self.market_row, self.plan, desk_wide=False, market=row.market)
        position = getattr(row, "PositionState", None)
        if position is not None and position.size_lots:
            fresh.MarketDefinition, fresh.PositionState, fresh.book_at = row.MarketDefinition, position, row.book_at
            for name in self._keepers:
                setattr(fresh, name, getattr(row, name))
        return fresh

    def handler(self, payload: Any) -> Callable[..., None] | None:
        """Return what keeps a payload and runs what it triggers."""
        kind = type(payload)
        if kind is SignalReport:
            return self.signals.get(payload.signal)
        if kind is MarketCandidate:
            return self.candidates.get(payload.aspect)
        return self.plain.get(kind)


class Lane(Memory):
    """Market truths: facts in, the journal out."""

    def step(self, entries: Sequence[Fact]) -> list[Fact | Row]:
        """Return the journal of these entries: each fact, then what the bots said of it."""
        out: list[Any] = []
        self.out, add, rows, plain = out, out.append, self.rows, self.plain
        self.cause = -1
        now = self.now
        for entry in entries:
            kind = type(entry)
            if entry.at_ns > now:
                now = entry.at_ns
            if kind is VenueBookDelta:
                rows[entry.market].book_at = now
                add(entry)
                continue
            row = self.row(entry.market)
            if kind not in INNER:
                add(entry)
                if kind is VenueBookImage:
                    row.book_at = now
            handler = plain.get(kind)
            if handler is not None:
                if entry.fact != self.cause:
                    self.cause, self.base = entry.fact, len(out)
                handler(self, row, entry, entry.fact, now, 0)
            if kind is ClockTick:
                self.retire(now)
        self.now = now
        self.offsets.clear()
        return out


class Desk(Memory):
    """Opinions and decisions: the journal in, blocks out."""

    def __init__(
        self, plan: Plan, configured: DeskConfigured, functions: Callable[[Plan], Compiled] = compile_functions
    ) -> None:
        """Give birth to a desk from the first entry of its journal."""
        super().__init__(plan, functions)
        self.ledger = Ledger(configured.desk_id)
        self.out, self.offsets = self.ledger.rows, self.ledger.offsets
        self.venue = PaperVenue.of(configured)
        start = configured.start_micros
        self.account = Account(configured.account, start, start, start, start, 0, 0, 0)
        context = DeskContext(
            configured.desk_id,
            configured.desk_mode,
            configured.account,
            configured.builder_code,
            plan.gates_digest,
            frozenset(configured.scope),
        )
        if hasattr(self.desk, "DeskContext"):
            self.desk.DeskContext = context
        if hasattr(self.desk, "Account"):
            self.desk.Account = self.account
        self.born, self.ticked, self.configured = False, -1, configured

    def birth(self, entries: Sequence[Row]) -> None:
        """Take in the entries that a desk is born from: DeskConfigured, and one ConfigApplied per bot.

        They trigger when all of them are in, so that nothing is said by a bot whose configuration is not yet known.
        """
        for entry in entries:
            self.offset += 1
            self.now = max(self.now, entry.at_ns)
            self.ledger.journal.append(entry)
        self.venue.open(self.now)
        for entry in entries:
            self.cause, self.base = entry.cause, len(self.out)
            handler = self.plain.get(type(entry.payload))
            if handler is not None:
                handler(self, self.blank, entry.payload, entry.cause, self.now, self.offset)
            if (policy := policy_of(entry)) is not None:
                self.plain[PolicyBundle](self, self.blank, policy, entry.cause, self.now, self.offset)
        self.born = True

    def step(self, entries: Sequence[Fact | Row]) -> list[Block]:
        """Take entries in one by one; return the blocks that were cut: of the journal at every 256th entry.

        A desk that is not yet born is born from the rows of its configuration that its journal begins with. Raises
        ValueError for a journal that begins with anything else.
        """
        if not self.born and entries:
            birth = birth_of(entries)
            self.birth(birth)
            entries = entries[len(birth) :]
        done, count = 0, len(entries)
        while done < count:
            end = min(count, done + CUT_ROWS - self.offset % CUT_ROWS)
            part = entries[done:end]
            self.ledger.journal += part
            self._part(part)
            done = end
        return self.ledger.take()

    def _part(self, entries: Sequence[Fact | Row]) -> None:
        """Take in entries up to the next cut of the journal; 0.3 µs for a level change that concerns no order of ours.

        Such a change can say nothing, so only what else happens is looked at for a cut of the decisions.
        """
        rows, venue, out, watch = self.rows, self.venue, self.out, self.venue.watch
        now, offset, due, spoke, last = self.now, self.offset, venue.next_due, False, len(entries) - 1
        for number, entry in enumerate(entries):
            offset += 1
            if entry.at_ns > now:
                now = entry.at_ns
                if now >= due:
                    self._mature(entry, now, offset)
                    due, spoke = venue.next_due, True
            if type(entry) is VenueBookDelta:
                market = entry.market
                row = rows[market]
                book = row.book
                if book.live:
                    row.book_at = entry.at_ns
                    apply(book, entry)
                    if market in watch:
                        stall, price = watch[market], entry.price_ticks
                        if price in stall.prices or book.ask <= stall.bid or book.bid >= stall.ask:
                            levels = book.bids if entry.side > 0 else book.asks
                            venue.on_delta(market, entry.side, price, 0, levels[price], book, now)
                            due = venue.next_due
                if not spoke:
                    continue
            elif type(entry) is Row:
                self._hear(entry, now, offset)
                due = venue.next_due
            else:
                self._take(entry, now, offset)
                due = venue.next_due
            spoke = False
            if self.ordered or len(out) >= CUT_ROWS:
                if number == last:
                    break
                self._cut()
        self.now, self.offset = now, offset
        if offset % CUT_ROWS == 0:
            self.ledger.cut_journal()
        if self.ordered or len(out) >= CUT_ROWS:
            self._cut()

    def _cut(self) -> None:
        """Seal what was said; what the same cause still says goes on counting."""
        self.base -= len(self.out)
        self.ledger.cut_decisions()
        self.ordered = False

    def _take(self, entry: Any, now: int, offset: int) -> None:
        """Take in a fact that is no level change. Entries of one cause go on counting their outputs together."""
        kind = type(entry)
        if kind is ClockTick:
            if entry.at_ns <= self.ticked:
                return  # another lane has said this second, or a later one
            self.ticked = entry.at_ns
        if entry.fact != self.cause:
            self.cause, self.base = entry.fact, len(self.out)
        row = self.row(entry.market)
        if kind is VenueBookImage:
            self._image(row, entry, now)
        elif kind is VenueTrade and row.usable:
            self.venue.on_trade(entry.market, entry, row.book, now)
        elif kind is VenueInstrumentRecord:
            self.row(entry.market)
        handler = self.plain.get(kind)
        if handler is not None:
            handler(self, self.blank if kind is ClockTick else row, entry, entry.fact, now, offset)
        if kind is ClockTick:
            self._renew(now)
            if self.hears_venue and is_due(entry, self.configured):
                self._truth(entry.fact, now, offset)
            self.retire(now)
        elif kind is VenueStatus:
            self._status(row, entry, now, offset)

    def _hear(self, entry: Row, now: int, offset: int) -> None:
        """Take in what a lane bot said."""
        cause, market, said = entry.cause, entry.market, entry.payload
        if cause != self.cause:
            self.cause, self.base = cause, len(self.out)
        row = self.rows[market] if 0 <= market < len(self.rows) else self.row(market)
        kind = type(said)
        handler = self.plain.get(kind) or self.handler(said)
        if kind is BookQuality:
            row.usable = said.usable
            if said.cause in BOOK_LOST:
                row.book.live = False
        elif kind is MarketDefinition:
            moved = self.venue.on_definition(market, said, now)
            if moved or row.book.grid != (said.grid_ticks or OPEN_GRID):
                row.book = new_book(said.instrument_kind, said.tick_micros)
        if handler is not None:
            handler(self, row, said, cause, now, offset)

    def _image(self, row: Any, image: VenueBookImage, now: int) -> None:
        load(row.book, image)
        row.book_at = image.at_ns
        if image.market in self.venue.watch:
            self.venue.on_image(image.market, row.book, now)

    def _mature(self, entry: Any, now: int, offset: int) -> None:
        """Let time pass at the venue up to this entry; what falls due becomes the next entries, before it.

        The venue's word is derived, so it is not sealed: the OrderUpdate and the Fill that follow from it are.
        """
        cause = (entry.cause if type(entry) is Row else entry.fact) & ~0xFFF
        heard = self.plain[VenueOrderEvent]
        for number, (market, due_ns, event) in enumerate(self.venue.due(now, self._book), start=1):
            row = self.rows[market]
            self.cause, self.base = cause | number, len(self.out)
            heard(self, row, event, cause | number, due_ns, offset)

    def _book(self, market: int) -> Book:
        book: Book = self.rows[market].book
        return book

    def submit(self, row: Any, child: PlannedOrder, now: int) -> None:
        """Hand an authorised child to the paper venue."""
        self.venue.submit(row.market, child, row.MarketDefinition, now)

    def account_for(self, row: Any, position: PositionState, cause: int, now: int, offset: int) -> None:
        """Move the account from the market's old position to its new one."""
        before = self.account
        self.account = account.add(before, row.PositionState, position, now)
        if self.account != before:
            self.plain[Account](self, row, self.account, cause, now, offset)

    def _renew(self, now: int) -> None:
        """Confirm the account once a second, where its equity is known."""
        rows = [row for row in self.rows if row.PositionState is not None and row.PositionState.size_lots]
        held = [(row.MarketDefinition, row.usable, row.book_at) for row in rows]
        known = account.confirmed(self.account, held, now)
        if known is not None:
            self.account = known
            if hasattr(self.desk, "Account"):
                self.desk.Account = known

    def _truth(self, tick: int, now: int, offset: int) -> None:
        """Hear what the paper venue says of itself and of the account; derived from the tick, so it is not sealed."""
        for number, said in enumerate(told(self, tick, now), start=SUB_FROM):
            self.cause, self.base = tick | number, len(self.out)
            if (handler := self.plain.get(type(said))) is not None:
                handler(self, self.blank, said, self.cause, now, offset)

    def _status(self, row: Any, status: VenueStatus, now: int, offset: int) -> None:
        """End a market: cancel what rests and pay what is held, when the outcome is known."""
        self.venue.on_status(status.market, status, now)
        paid = payment(row.PositionState, row.MarketDefinition, status)
        if paid is not None:
            self.out.append(Row(status.fact, SETTLE_RANK, len(self.out) - self.base, now, row.market, paid))
            self.offsets.append(offset)
            self.plain[Settlement](self, row, paid, status.fact, now, offset)

    def close(self) -> list[Block]:
        """Cut what is left; the end of a run."""
        self.ledger.close()
        return self.ledger.take()
