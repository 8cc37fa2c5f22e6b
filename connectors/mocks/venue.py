"""Say what a mock venue must be able to do; every dialect is one of these, and shares nothing else with the others."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from connectors.mocks.core import Clock, Denied, Market, MockAccount, MockFill, MockOrder, new_id
from connectors.mocks.exchange import Exchange
from connectors.mocks.misbehave import Faults
from connectors.mocks.wire import Answer, Body, Call, Line, Route

Row = TypeVar("Row")
MAIN = "main"
Depth = dict[int, dict[Decimal, Decimal]]


class Read(NamedTuple):
    """What a recorded message says of a book: a whole picture, new totals, or (`added`) changes of totals."""

    market: str
    sides: Depth
    whole: bool
    added: bool = False


class MockVenue:
    """A venue without its network: routes to call, sockets to talk to, and what may go wrong.

    later  asks the server to call something after some seconds; without a server it happens at once
    """

    name = ""
    margin = False
    sockets: tuple[str, ...] = ()
    cash = Decimal(10_000)
    beat: tuple[float, bytes] | None = None

    def __init__(self) -> None:
        """Begin with no markets and one account."""
        self.clock = Clock()
        self.faults = Faults()
        self.exchange = Exchange(self.clock, self, margin=self.margin)
        self.lines: list[Line] = []
        self.routes: list[Route] = []
        self.rules: Body = {}
        self.later: Callable[[float, Callable[[], object]], object] = lambda _, act: act()
        self._kept: tuple[MockFill, str] | None = None

    # ---- what a dialect says ----

    def authenticate(self, call: Call) -> str:
        """Return the account that signed a request. Raises Denied."""
        raise Denied(401, "unauthorized", call.path)

    def denied(self, refusal: Denied, call: Call) -> Answer:
        """Spell a refusal as the venue does."""
        return Answer({"error": refusal.words or refusal.code}, refusal.status, refusal.headers)

    def broken(self, status: int) -> Answer:
        """Spell a failure of the venue itself, or a 409 or 429, as the venue does."""
        return Answer({"error": str(status)}, status)

    def throttle(self, call: Call) -> None:
        """Count a request. Raises Denied where it is one too many."""

    def open_line(self, line: Line, call: Call) -> None:
        """Take in a new socket; raises Denied to refuse the handshake."""

    def hear(self, line: Line, text: str) -> None:
        """Take in what a client says on its socket."""

    def is_public(self, line: Line) -> bool:
        """True for a socket that hears market data."""
        return True

    def recorded(self, message: Body) -> list[Read]:
        """Read what a recorded message of this venue says of books."""
        return []

    def new_keys(self, account: MockAccount) -> None:
        """Make development keys for an account: secrets for the client, what verifies them for the venue."""

    def given_keys(self, account: MockAccount, keys: Body) -> None:
        """Know an account by keys that a client has already. Raises Denied, KeyError or ValueError."""
        account.keys |= {name: str(value) for name, value in keys.items()}
        account.secrets |= account.keys

    def add_market(self, spec: Body) -> str:
        """Open a market by its description; returns its symbol."""
        raise Denied(400, "market", "no market can be added here")

    def change_status(self, market: Market, status: str) -> None:
        """Open, pause or close a market."""
        market.status = status

    def locate(self, spec: Body) -> tuple[str, bool]:
        """Return the book that a market, token or symbol belongs to, and whether it is the other outcome's side."""
        symbol = str(spec.get("market", ""))
        if symbol not in self.exchange.markets:
            raise Denied(404, "market", f"{symbol!r}: one of {', '.join(self.exchange.markets)}")
        return symbol, False

    def headers(self) -> dict[str, str]:
        """Headers of every answer."""
        return {}

    def tick(self) -> None:
        """Do what time brings; called ten times a second."""

    def extra(self) -> Body:
        """More for `GET /_state`."""
        return {}

    # ---- what the exchange tells ----

    def fee(self, order: MockOrder, price: Decimal, size: Decimal, *, maker: bool) -> Decimal:
        """Return the fee of a fill."""
        return Decimal(0)

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell sockets of a level."""

    def order(self, order: MockOrder, what: str) -> None:
        """Tell sockets of an order."""

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell sockets of a trade."""

    def fill(self, fill: MockFill) -> None:
        """Tell the owner of a fill, once, twice or late, as was asked for."""
        if self.faults.on_fill("duplicate_fills"):
            fill.told = 2
            self.tell_fill(fill)
            self.tell_fill(fill)
        elif self._kept is not None:
            self.tell_fill(fill)
            self._release()
        elif self.faults.on_fill("disordered_fills"):
            self._kept = fill, fill.status
            fill.at_ms += 1  # so that lists show it after the next one, too
            self.later(0.3, self._release)
        else:
            self.tell_fill(fill)

    def _release(self) -> None:
        if self._kept is not None:
            (fill, then), self._kept = self._kept, None
            now, fill.status = fill.status, then
            self.tell_fill(fill)
            fill.status = now

    def tell_fill(self, fill: MockFill) -> None:
        """Tell the sockets of the owner of a fill."""

    # ---- what dialects share ----

    def account(self, name: str) -> MockAccount:
        """Return an account, with keys and cash; a new name opens one."""
        found = self.exchange.accounts.get(name)
        if found is None:
            found = self.exchange.accounts[name] = MockAccount(name, self.cash)
            self.new_keys(found)
        return found

    def people(self) -> list[MockAccount]:
        """Return every account but the street."""
        return [account for name, account in self.exchange.accounts.items() if name]

    def seen(self, orders: Sequence[MockOrder], kind: str) -> list[MockOrder]:
        """Leave out orders that are too young to be seen yet, where that was asked for."""
        hidden = self.faults.hidden_ms(kind)
        return [order for order in orders if self.clock.ms() - order.created_ms >= hidden]

    def fills_of(self, account: str) -> list[MockFill]:
        """Return an account's fills as a list shows them: oldest first, doubles and wrong order included."""
        found = [fill for fill in self.exchange.fills if fill.order.account == account]
        return [fill for fill in sorted(found, key=lambda fill: fill.at_ms) for _ in range(fill.told)]

    def page(self, rows: Sequence[Row], start: int, most: int, kind: str) -> tuple[list[Row], int]:
        """Return a page and where the next one begins (0: nowhere); incomplete where that was asked for.

        Raises Denied 503 for a later page of a list that was asked to stay incomplete.
        """
        if start and self._torn:
            self._torn = False
            raise Denied(503, "page", "the rest of the list cannot be had")
        fault = self.faults.page(kind) if not start else None
        if fault is not None:
            half = len(rows) // 2
            if fault.variant == "silent":
                return list(rows[:half]), 0
            self._torn = True
            return list(rows[:half]), half or len(rows) + 1
        end = start + most
        return list(rows[start:end]), end if end < len(rows) else 0

    _torn = False

    def whole(self, rows: Sequence[Row], kind: str) -> tuple[list[Row], bool]:
        """Return a list that has no pages, and whether its body must end early, as was asked for."""
        fault = self.faults.page(kind)
        if fault is not None and fault.variant == "silent":
            return list(rows[: len(rows) // 2]), False
        return list(rows), fault is not None

    def id(self) -> str:
        """Return a new id in the venue's own shape."""
        return new_id()


def depth_of(rows: object) -> dict[Decimal, Decimal]:
    """Read [[price, size], ...]; a row may be longer."""
    return {Decimal(str(row[0])): Decimal(str(row[1])) for row in rows} if isinstance(rows, list) else {}
