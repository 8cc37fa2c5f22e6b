"""Ask the entry policy and the capital allocator about cases from a file, as the two guards would answer them."""

from pathlib import Path
from typing import Annotated

import typer

from bots.maths.capital import Room, caps, room
from bots.maths.entries import Ledger
from bots.maths.entry import EntryRules, Numbers, Ruling, Wish, judge, leaving, milli
from bots.maths.notional import loss
from bots.maths.sizing import CapitalRules, Funds, allocate, binary_fraction, kelly_micros, leverage_of
from bots.maths.standing import View, look
from cli import settings
from cli.output import OK, put_line
from cli.policy_cases import Case, Portfolio, Request, read_cases
from contracts.intent import APPROVE, NO_LIMIT, QUOTE, REJECT, RESHAPE
from contracts.reasons import RISK_CAPITAL_UNKNOWN, RISK_ENTRY_INPUT_INVALID

policy = typer.Typer(no_args_is_help=True, help="What the policies of a desk would say.")


@policy.callback()
def _policy() -> None:
    """Ask the policies of a desk what they would say."""


@policy.command("entry")
def entry(
    cases: Annotated[Path, typer.Option("--cases", metavar="FILE", help="One case a line: docs/entry_policy.md.")],
    as_json: settings.Json = False,
) -> int:
    """Judge and size requests against portfolios: one JSON line per case, in order; `--json` changes nothing here."""
    del as_json
    for case in read_cases(settings.readable_file("--cases", cases)):
        put_line(answer(case))
    return OK


def answer(case: Case) -> dict[str, object]:
    """Return what a case comes to: reason, verdict, lots, notional in micros, and the numbers compared by name."""
    ruling, lots = decided(case)
    return {
        "reason": ruling.reason,
        "verdict": ruling.verdict,
        "lots": lots,
        "notional_micros": loss(case.request.price.unit, lots),
        "compared": dict(ruling.compared),
    }


def decided(case: Case) -> tuple[Ruling, int]:
    """Return the ruling of both guards together, and the lots that may be sent."""
    request, portfolio = case.request, case.portfolio
    ledger = portfolio.ledger if portfolio is not None else Ledger()
    found = room(ledger, request.market_id, request.side, request.price.unit, request.kind == QUOTE)
    view = _view(request, portfolio) if portfolio is not None else None
    size = request.lots
    if size is None:
        held = -request.side * view.held_lots if view is not None else 0
        size = max(1, held) if request.reduce_only else NO_LIMIT
    wish = Wish(request.kind, request.side, size, request.confidence, request.reduce_only)
    if request.reduce_only:
        ruling = leaving(wish, view)
        return ruling, size if ruling.verdict == APPROVE else 0
    entry_rules, capital_rules = case.rules if case.rules is not None else (None, None)
    if view is not None and entry_rules is not None and size > found.free and min(request.confidence, request.risk) < 0:
        numbers = (("confidence_milli", milli(request.confidence)), ("risk_milli", milli(request.risk)))
        return Ruling(REJECT, RISK_ENTRY_INPUT_INVALID, 0, numbers), 0
    now_ns = portfolio.now_ns if portfolio is not None else 0
    ruling = judge(entry_rules or EntryRules(), wish, view if entry_rules is not None else None, now_ns)
    if ruling.verdict == REJECT:
        return ruling, 0
    size = min(size, ruling.lots_max)
    if size <= found.free:
        return ruling, size
    money = None
    if capital_rules is not None and portfolio is not None:
        money = funds(capital_rules, portfolio, request, found)
    if money is None or capital_rules is None:
        return Ruling(REJECT, RISK_CAPITAL_UNKNOWN, 0, ruling.compared), 0
    return together(ruling, allocate(capital_rules, money, request.price, size), size, request.lots is not None)


def together(ruling: Ruling, sized: Ruling, size: int, asked: bool) -> tuple[Ruling, int]:
    """Return both rulings as one: the allocator's reason counts where it changes something that was asked for."""
    compared = ruling.compared + tuple([pair for pair in sized.compared if asked or pair[0] != "asked_micros"])
    if sized.verdict == REJECT or (sized.verdict == RESHAPE and asked):
        return sized._replace(compared=compared), min(size, sized.lots_max)
    return ruling._replace(compared=compared), min(size, sized.lots_max)


def funds(rules: CapitalRules, portfolio: Portfolio, request: Request, found: Room) -> Funds | None:
    """Return what a request may draw on; None where the money that it needs is not said."""
    equity, available = portfolio.equity_micros, portfolio.available_micros
    if available is None and equity is not None:
        available = max(0, equity - found.total)
    if available is None:
        return None
    limits = caps(rules, found)
    if portfolio.desk_room_micros is not None:
        limits += (("desk_room_micros", portfolio.desk_room_micros),)
    ceilings: Numbers = ()
    if portfolio.slice_room_micros is not None:
        ceilings = (("slice_room_micros", portfolio.slice_room_micros),)
    fraction = request.kelly_f if request.p_lcb is None else binary_fraction(request.q_micros, request.p_lcb)
    if fraction is not None:
        if equity is None:
            return None
        ceilings += (("kelly_micros", kelly_micros(rules, fraction, equity)),)
    leverage = leverage_of(rules, request.binary, request.leverage)
    return Funds(available, request.confidence, request.risk, leverage, limits, ceilings, found.free, found.spared)


def _view(request: Request, portfolio: Portfolio) -> View:
    quotes = request.kind == QUOTE
    return look(portfolio.ledger, request.market_id, request.side, quotes, request.bundle_id, request.regime)
