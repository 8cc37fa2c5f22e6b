"""Run the submitter: `pt submit` sends what desks have authorised and signed to one venue, for one account.

`--non-interactive`, the default where no terminal is, never asks: a value that is missing ends it at once and is named.
On a terminal a missing value is asked for before anything is opened. While it runs, nobody is asked anything.
"""

import sys
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import OK, dollars, put, put_json, put_tree, say
from cli.settings import Json, readable_file
from cli.topics import AccessFile, Bootstrap, way_in
from connectors.stopping import Stop
from contracts.base import Refused
from contracts.intent import NO_LIMIT

if TYPE_CHECKING:
    from flows.submit_setup import Asked

MILLION = 1_000_000
NEEDED = ("venue", "mode", "account", "outbox", "veto", "markets", "quotes", "signer", "key")
IDLE_TURNS = 3

VenueName = Annotated[str, typer.Option(metavar="NAME[=URL]", help="Where to: kalshi, polymarket; URL of a mock.")]
Mode = Annotated[str, typer.Option(metavar="MODE", help="paper (a mock on this machine), testnet_probe or live.")]
AccountId = Annotated[str, typer.Option(metavar="ID", help="Whose orders these are.")]
Folder = Annotated[str, typer.Option(metavar="DIR", help="Where every order is kept; in live its path says so.")]
Veto = Annotated[str, typer.Option(metavar="FILE", help="A stop while it exists; read before every order.")]
StateFile = Annotated[str, typer.Option(metavar="FILE", help="The control plane's SafetyState; needed in live.")]
Markets = Annotated[str, typer.Option(metavar="FILE", help="MarketDefinitions, a line of JSON each.")]
Quotes = Annotated[str, typer.Option(metavar="FILE", help="Quotes, as a feed of this machine appends them.")]
Socket = Annotated[str, typer.Option(metavar="SOCKET", help="Where `pt signer` listens.")]
Key = Annotated[str, typer.Option(metavar="REF", help="The signer's reference of the key of calls.")]
Wallet = Annotated[str, typer.Option(metavar="REF", help="The reference of the key of orders, if it is another.")]
DeskFiles = Annotated[list[str] | None, typer.Option(metavar="DESK=FILE", help="A desk's file of signed orders.")]
DeskParts = Annotated[list[str] | None, typer.Option(metavar="DESK=N", help="A desk's part of the outbox topic.")]
OrderKeys = Annotated[list[str] | None, typer.Option(metavar="ID=KEY", help="A public key that may sign orders.")]
Listed = Annotated[str, typer.Option(metavar="ID,ID", help="Scope; a series is also what begins a ticker.")]
CycleOrders = Annotated[int, typer.Option(metavar="N", help="Orders in a cycle of 60 s.")]
Money = Annotated[str, typer.Option(metavar="USD", help="Notional in a cycle; what all open orders may cost.")]
Part = Annotated[str, typer.Option(metavar="PART", help="Loss of a day, as part of the equity at its start.")]
Beat = Annotated[str, typer.Option(metavar="FILE", help="Written each second; DIR/heartbeat.json if left out.")]
Settle = Annotated[list[str] | None, typer.Option(metavar="ID[=VENUE_ID]", help="End a doubt by your word.")]
Close = Annotated[list[str] | None, typer.Option(metavar="KEY", help="Close an incident, and let its market go.")]
Once = Annotated[bool, typer.Option("--until-idle", help="End where nothing waits and nothing is in doubt.")]
Silent = Annotated[bool, typer.Option("--non-interactive", help="Ask nothing; name what is missing.")]


def submit(
    venue: VenueName = "",
    mode: Mode = "",
    account: AccountId = "",
    outbox: Folder = "",
    veto: Veto = "",
    state: StateFile = "",
    markets: Markets = "",
    quotes: Quotes = "",
    signer: Socket = "",
    key: Key = "",
    wallet: Wallet = "",
    orders: DeskFiles = None,
    topic: DeskParts = None,
    order_key: OrderKeys = None,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    market_ids: Listed = "",
    event_tickers: Listed = "",
    series_tickers: Listed = "",
    max_orders: CycleOrders = 5,
    max_notional: Money = "2000",
    max_open: Money = "",
    daily_loss: Part = "0.10",
    heartbeat: Beat = "",
    settle: Settle = None,
    close_incident: Close = None,
    until_idle: Once = False,
    non_interactive: Silent = False,
    as_json: Json = False,
) -> int:
    """Send authorised orders, each at most once, and nothing after a stop."""
    from flows.submit_setup import Asked, checked
    from operators.last_gate import Limits, Scope

    values = (venue, mode, account, outbox, veto, markets, quotes, signer, key)
    said = answered(dict(zip(NEEDED, values, strict=True)), ask=sys.stdin.isatty() and not non_interactive)
    lists = (frozenset(filter(None, text.split(","))) for text in (market_ids, event_tickers, series_tickers))
    limits = Limits(
        cycle_orders=max_orders,
        cycle_micros=decimal("--max-notional", max_notional, MILLION),
        daily_loss_milli=decimal("--daily-loss", daily_loss, 1_000, 1),
        reserve_micros=decimal("--max-open", max_open, MILLION) if max_open else NO_LIMIT,
    )
    asked = Asked(
        **said, wallet=wallet, state=state, heartbeat=heartbeat, scope=Scope(*lists),
        limits=limits, desk_files=pairs("--orders", orders),
        desk_parts=tuple((desk, whole("--topic", number)) for desk, number in pairs("--topic", topic)),
        order_keys=dict(pairs("--order-key", order_key)), access=way_in(bootstrap, access) if topic else None,
    )  # fmt: skip
    readable_file("--markets", Path(checked(asked).markets))
    return run(asked, settle or [], close_incident or [], until_idle=until_idle, as_json=as_json)


def run(asked: "Asked", settle: list[str], close: list[str], *, until_idle: bool, as_json: bool) -> int:
    """Open everything, say what is about to run, and go round until a signal, or until nothing waits."""
    from flows.submit import Submitter
    from flows.submit_setup import idle, opened, settled_by_person

    with Stop() as stop, opened(asked) as parts:
        banner(asked)
        settled_by_person(parts.outbox, settle, time.time_ns())
        for name in close:
            if not parts.outbox.close_incident(name):
                raise Refused(f"--close-incident {name}: no open incident has this key")
        submitter, calm = Submitter(parts), 0
        with stop.gently():
            submitter.start()
            while not stop() and calm < IDLE_TURNS:
                busy = submitter.turn()
                calm = calm + 1 if until_idle and not busy and submitter.reconciled and idle(parts) else 0
                if not busy:
                    parts.sleep(0.005)
        answer = submitter.watch.report(parts.clock(), submitter.cancels.level, reconciled=submitter.reconciled)
        if as_json:
            put_json(answer)
        else:
            put(f"submit: {answer['status']}")
            put_tree(answer)
        if stop():
            raise stop.reason()
    return OK


def banner(asked: "Asked") -> None:
    """Say mode, scope, store and caps before anything is sent."""
    scope, limits = asked.scope, asked.limits
    lists = (("markets", scope.markets), ("events", scope.events), ("series", scope.series))
    listed = "; ".join(f"{name} {', '.join(sorted(names))}" for name, names in lists if names)
    say(f"submit: mode {asked.mode.upper()}, venue {asked.venue}, account {asked.account}")
    say(f"submit: scope {listed or 'every market of ' + asked.markets}")
    say(f"submit: store {asked.outbox}, veto {asked.veto}, state {asked.state or 'none'}")
    caps = f"{limits.cycle_orders} orders and ${dollars(limits.cycle_micros)} in {limits.cycle_s} s"
    say(f"submit: caps {caps}, {limits.daily_loss_milli / 10:g} % of the day's first equity")


def answered(values: dict[str, str], *, ask: bool) -> dict[str, str]:
    """Return the needed values, asking a person for what is missing; raises Refused naming it where nobody is asked."""
    for name, value in values.items():
        if not value and not ask:
            raise Refused(f"--{name} is missing")
        values[name] = value or str(typer.prompt(f"--{name}", err=True))
    return values


def pairs(option: str, texts: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Return the parts of `NAME=VALUE`; raises Refused for what is none, or a name that comes twice."""
    found = [text.partition("=") for text in texts or ()]
    for name, equals, value in found:
        if not (name and equals and value):
            raise Refused(f"{option} {name}{equals}{value}; allowed: NAME=VALUE")
    if len({name for name, _, _ in found}) != len(found):
        raise Refused(f"{option}: a name is given twice")
    return tuple((name, value) for name, _, value in found)


def whole(option: str, text: str) -> int:
    """Return a whole number, 0 or more; raises Refused."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(f"{option} {text!r}; allowed: a whole number, 0 or more")
    return int(text)


def decimal(option: str, text: str, scale: int, most: int = MILLION * MILLION) -> int:
    """Return a decimal above 0, scaled to a whole number, exactly; raises Refused."""
    try:
        found = Decimal(text) * scale
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found <= 0 or found > most * scale or found != int(found):
        raise Refused(f"{option} {text!r}; allowed: a decimal above 0, to {most:,}, in steps of 1/{scale:,}")
    return int(found)
