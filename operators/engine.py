"""Fold a log into envelopes: the whole of a lane's or a desk's thinking.

A memory's `step(entries)` is pure in effect: the same memory and the same entries give the same rows, whatever the
batches. A lane takes facts and answers with the journal: the facts, and what its bots said of them. A desk takes the
journal and answers with sealed blocks. Order events of the paper venue are the desk's next entries, at positions
derived from the entry before which they fell due.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bots.kit import Book, DeskContext, Slot
from contracts.control import DeskConfigured
from contracts.envelope import Block, Row
from contracts.ids import CONTROL_SOURCE, fact_id
from contracts.market import (
    BOOK_LOST,
    BookEvent,
    BookLadder,
    BookQuality,
    ClockTick,
    Fact,
    MarketDefinition,
    Settlement,
    Status,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTrade,
)
from contracts.order import Account, PlannedOrder, PositionState, VenueOrderEvent
from contracts.signal import MarketCandidate, SignalReport
from operators import account
from operators.envelope import CUT_ROWS, Ledger
from operators.generate import Compiled, compile_functions
from operators.order_book import apply, load
from operators.paper_venue import PaperVenue, settle
from operators.plan import DESK_RANK, SETTLE_RANK, Plan
from operators.rows import filled, new_row, row_class, slots_of

Handlers = dict[Slot, Callable[..., None]]
INNER = frozenset({Touch, BookEvent, BookLadder})
RENEW_NS = 60_000_000_000
ENDED = frozenset({Status.CLOSED, Status.RESOLVED, Status.VOID})


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
        self.market_row, self.desk_row = row_class(self.plan, desk_wide=False), row_class(self.plan, desk_wide=True)

    def __getstate__(self) -> dict[str, Any]:
        """Give what is remembered, without what the plan says again; a snapshot is this, pickled."""
        made = ("plain", "signals", "candidates", "market_row", "desk_row", "out", "offsets", "source")
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

    def handler(self, payload: object) -> Callable[..., None] | None:
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
        self.venue = PaperVenue(
            configured.order_latency_ms * 1_000_000,
            configured.cancel_latency_ms * 1_000_000,
            configured.ack_latency_ms * 1_000_000,
        )
        self.account = Account(configured.account, *([configured.start_micros] * 4), 0, 0, 0)
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
        self.born = False

    def birth(self, entries: Iterable[Row]) -> None:
        """Take in the entries that a desk is born from: DeskConfigured, and one ConfigApplied per bot."""
        for entry in entries:
            self.offset += 1
            self.ledger.journal.append(entry)
            self.base = len(self.out)
            handler = self.plain.get(type(entry.payload))
            if handler is not None:
                handler(self, self.blank, entry.payload, entry.cause, self.now, self.offset)
        self.born = True

    def step(self, entries: Sequence[Fact | Row]) -> list[Block]:
        """Take entries in one by one; return the blocks that were cut."""
        ledger, rows, venue = self.ledger, self.rows, self.venue
        take, out, watch = ledger.journal.append, self.out, venue.watch
        now, offset = self.now, self.offset
        for entry in entries:
            offset += 1
            take(entry)
            if entry.at_ns > now:
                now = entry.at_ns
                if now >= venue.next_due:
                    self._mature(entry, now, offset)
            if type(entry) is VenueBookDelta:
                row = rows[entry.market]
                book = row.book
                if book.live:
                    row.book_at = now
                    levels = book.bids if entry.side > 0 else book.asks
                    price = entry.price_ticks
                    before = levels[price]
                    apply(book, entry)
                    if entry.market in watch:
                        venue.on_delta(entry.market, entry.side, price, before, levels[price], book, now)
            else:
                self._take(entry, now, offset)
            if offset % CUT_ROWS == 0:
                ledger.cut_journal()
            if self.ordered or len(out) >= CUT_ROWS:
                self.base -= len(out)
                ledger.cut_decisions()
                self.ordered = False
        self.now, self.offset = now, offset
        return ledger.take()

    def _take(self, entry: Fact | Row, now: int, offset: int) -> None:
        """Take in anything but a level change. Entries of one cause go on counting their outputs together."""
        heard = type(entry) is Row
        cause = entry.cause if heard else entry.fact
        if cause != self.cause:
            self.cause, self.base = cause, len(self.out)
        if heard:
            self._hear(entry, now, offset)
            return
        row = self.row(entry.market)
        kind = type(entry)
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
        elif kind is VenueStatus:
            self._status(row, entry, now, offset)

    def _hear(self, entry: Row, now: int, offset: int) -> None:
        """Take in what a lane bot said."""
        row, said = self.row(entry.market), entry.payload
        if type(said) is BookQuality:
            row.usable = said.usable
            if said.cause in BOOK_LOST:
                row.book.live = False
        elif type(said) is MarketDefinition and said.grid_ticks and row.book.grid != said.grid_ticks:
            row.book = Book(said.grid_ticks)
        handler = self.handler(said)
        if handler is not None:
            handler(self, row, said, entry.cause, now, offset)

    def _image(self, row: Any, image: VenueBookImage, now: int) -> None:
        load(row.book, image)
        row.book_at = now
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
        """Confirm the account once a second, while every open market it holds has a believable, recent book.

        A market that has ended and is not paid yet keeps its last mark: no book can confirm it any more.
        """
        held = [row for row in self.rows if row.PositionState is not None and row.PositionState.size_lots]
        if held and all(_ended(row, now) or (row.usable and now - row.book_at <= RENEW_NS) for row in held):
            self.account = account.renewed(self.account, now)
            if hasattr(self.desk, "Account"):
                self.desk.Account = self.account

    def _status(self, row: Any, status: VenueStatus, now: int, offset: int) -> None:
        """End a market: cancel what rests and pay what is held, when the outcome is known."""
        self.venue.on_status(status.market, status, now)
        if status.status not in ENDED:
            return
        position, definition = row.PositionState, row.MarketDefinition
        if position is None or definition is None or not position.size_lots:
            return
        if status.settlement_micros >= 0 or status.status == Status.VOID:
            paid: Settlement = settle(position, definition, status.settlement_micros)
            self.out.append(Row(status.fact, SETTLE_RANK, len(self.out) - self.base, now, row.market, paid))
            self.offsets.append(offset)
            self.plain[Settlement](self, row, paid, status.fact, now, offset)

    def close(self) -> list[Block]:
        """Cut what is left; the end of a run."""
        self.ledger.close()
        return self.ledger.take()


def _ended(row: Any, now: int) -> bool:
    """True when a market's life is over, by its status or by the clock."""
    definition = row.MarketDefinition
    return definition is not None and (definition.status in ENDED or 0 < definition.expiry_ns <= now)


def birth_entries(desk: DeskConfigured, configs: Sequence[Any]) -> list[Row]:
    """Return the first entries of a journal, at derived positions: the desk, then each bot's configuration."""
    payloads = [desk, *configs]
    return [
        Row(fact_id(CONTROL_SOURCE, position), DESK_RANK, 0, 0, -1, payload)
        for position, payload in enumerate(payloads, start=1)
    ]
