"""Read cases of the entry policy, one JSON object a line, into what the two guards are asked with.

docs/entry_policy.md is this format for people. A confidence or a risk score that cannot be used is not a mistake of the
file: it is what the policy refuses. Anything else that is unknown, missing or out of bounds ends everything before the
first answer. What a configuration leaves out is as in the catalogue.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bots.kit import configure
from bots.maths.entries import CERTAIN, NEVER, UNKNOWN, Holding, Ledger, Resting, Terms
from bots.maths.entry import MILLION, EntryRules
from bots.maths.sizing import CapitalRules, Price
from cli.fields import Fields, read_object, shown
from connectors.policy_settings import BOTH, SETTINGS, checked, config_of
from contracts.base import Refused
from contracts.intent import ENTRY as NEW
from contracts.intent import EXIT, HEDGE, QUOTE

KINDS = (NEW, QUOTE, HEDGE, EXIT)
BINARY, PERP = "binary", "perp"
LOT_MAX, SCALE_INS_MAX, PRICE_MAX, LEVERAGE_MAX, FRACTION_MAX = 10**12, 10**6, 10**9, 1_000, 1_000


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What a desk holds, and its money in micros; None where it is not said."""

    ledger: Ledger
    now_ns: int
    available_micros: int | None
    equity_micros: int | None
    desk_room_micros: int | None
    slice_room_micros: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; lots None: as many as can be paid for. Confidence and risk in millionths, -1 unusable."""

    market_id: str
    side: int
    kind: str
    confidence: int
    risk: int
    lots: int | None
    price: Price
    q_micros: int
    binary: bool
    leverage: float
    reduce_only: bool
    bundle_id: str
    regime: str
    p_lcb: int | None
    kelly_f: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """One line: the rules (None: the policy cannot be read), the portfolio (None likewise) and the request."""

    rules: tuple[EntryRules, CapitalRules] | None
    portfolio: Portfolio | None
    request: Request


def read_cases(file: Path) -> list[Case]:
    """Return the cases of a file; raises Refused naming the line, the field, the value and what is allowed."""
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as err:
        raise Refused(f"{file}: not UTF-8 ({err.reason} at byte {err.start})") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise Refused(f"{file}: has no case; allowed: one JSON object a line")
    return [read_case(line, f"{file}:{number}: case") for number, line in lines]


def read_case(line: str, where: str) -> Case:
    """Return the case of one line; raises Refused."""
    case = read_object(line, where)
    config, portfolio, request = case.take("config", {}), case.take("portfolio"), case.take("request")
    case.end()
    rules = read_rules(Fields(config, f"{where}.config"), where) if config is not None else None
    held = read_portfolio(Fields(portfolio, f"{where}.portfolio"), where) if portfolio is not None else None
    return Case(rules, held, read_request(Fields(request, f"{where}.request")))


# ---- config -------------------------------------------------------------------------------------------------------


def read_rules(config: Fields, where: str) -> tuple[EntryRules, CapitalRules]:
    """Return the rules of both guards; names are those of the parameters, with or without their bot, or POLICY_*."""
    values: dict[str, dict[str, object]] = {bot: {} for bot in BOTH}
    for name in config.names():
        value, targets = config.take(name), _targets(name)
        if not targets:
            bare = sorted({field for bot in BOTH for field in config_of(bot).__struct_fields__})
            raise Refused(f"{where}.config.{name} is no parameter; allowed: {', '.join((*bare, *SETTINGS))}")
        text = str(value) if isinstance(value, Decimal) else value
        for bot, parameter in targets:
            held = checked(bot, parameter, text, f"{where}.config.{name}", _allowed(name))
            if parameter in values[bot] and checked(bot, parameter, values[bot][parameter], "", "") != held:
                raise Refused(f"{where}.config.{name} is {shown(value)}; {bot}.{parameter} has another value already")
            values[bot][parameter] = text
    entry, capital = (configure(bot, config_of(bot), values[bot]) for bot in BOTH)
    assert isinstance(entry, EntryRules)  # as the two guards declare
    assert isinstance(capital, CapitalRules)
    return entry, capital


def _targets(name: str) -> list[tuple[str, str]]:
    """Return (bot, parameter) of what a name sets; nothing when it is unknown."""
    if name in SETTINGS:
        return [(bot, SETTINGS[name].parameter) for bot in SETTINGS[name].bots]
    bot, dot, parameter = name.rpartition(".")
    bots = ((bot,) if bot in BOTH else ()) if dot else BOTH
    return [(each, parameter) for each in bots if parameter in config_of(each).__struct_fields__]


def _allowed(name: str) -> str:
    """Say what a parameter may be, in the words of the setting that stands for it; empty where there is none."""
    parameter = name.rpartition(".")[2]
    return next((each.allowed for key, each in SETTINGS.items() if parameter in (key, each.parameter)), "")


# ---- portfolio ----------------------------------------------------------------------------------------------------


def read_portfolio(fields: Fields, where: str) -> Portfolio:
    """Return what is held and rests, and the money."""
    held = tuple(
        _holding(Fields(item, f"{where}.portfolio.positions[{place}]"))
        for place, item in enumerate(fields.items("positions"))
    )
    rests = tuple(
        _resting(Fields(item, f"{where}.portfolio.resting[{place}]"), str(place))
        for place, item in enumerate(fields.items("resting"))
    )
    sides: dict[str, int] = {}
    for one in held:
        if sides.setdefault(one.market_id, one.size_lots) * one.size_lots < 0:
            raise Refused(
                f"{where}.portfolio.positions holds both sides of {one.market_id!r}; allowed: what is left net"
            )
    by_market = Fields(fields.take("last_trade_ns_by_market", {}), f"{where}.portfolio.last_trade_ns_by_market")
    names = sorted(by_market.names())
    trades = (tuple(names), tuple([by_market.whole(name, None) for name in names]))
    last, now_ns = fields.whole_or_none("last_trade_ns"), fields.whole_or_none("now_ns")
    if now_ns is None and (last is not None or names):
        raise fields.refuse("now_ns", None, "a whole number, where a last trade is named")
    found = Portfolio(
        Ledger(held, rests, (), NEVER if last is None else last, trades),
        now_ns or 0,
        fields.amount("available"),
        fields.amount("equity", signed=True),
        fields.amount("desk_room", signed=True),
        fields.amount("slice_room", signed=True),
    )
    fields.end()
    return found


def _holding(fields: Fields) -> Holding:
    market_id, side, lots = fields.text("market_id"), fields.side(), fields.whole("lots", None, 1)
    notional, scale_ins = fields.amount("notional", needed=True), fields.whole("scale_ins", 0, 0, SCALE_INS_MAX)
    beaten = fields.decimal("entry_confidence", 0, 1, "a probability")
    milli = fields.whole_or_none("entry_confidence_milli", most=CERTAIN)
    if beaten is not None and milli is not None:
        raise fields.refuse("entry_confidence", beaten, "only one of entry_confidence and entry_confidence_milli")
    confidence = milli if milli is not None else CERTAIN if beaten is None else -(-beaten // 1_000)
    terms = Terms(NEW, confidence, fields.text("regime", UNKNOWN), fields.text("bundle_id", ""))
    fields.end()
    return Holding(market_id, side * lots, notional or 0, terms, scale_ins)


def _resting(fields: Fields, name: str) -> Resting:
    market_id, side, lots = fields.text("market_id"), fields.side(), fields.whole("lots", None, 1)
    notional, reduce_only = fields.amount("notional", needed=True), fields.flag("reduce_only")
    terms = Terms(NEW, CERTAIN, fields.text("regime", UNKNOWN), fields.text("bundle_id", ""))
    fields.end()
    return Resting(name, market_id, "", side, lots, notional or 0, terms, reduce_only)


# ---- request ------------------------------------------------------------------------------------------------------


def read_request(fields: Fields) -> Request:
    """Return what is asked for."""
    market_id, side, kind = fields.text("market_id"), fields.side(), fields.text("intent_kind", NEW)
    if kind not in KINDS:
        raise fields.refuse("intent_kind", kind, ", ".join(KINDS))
    price = fields.decimal("price", 0, PRICE_MAX, "a price")
    leverage = fields.decimal("leverage", 0, LEVERAGE_MAX, "a leverage")
    tick, lot = fields.whole("tick_micros", 1, 1, LOT_MAX), fields.whole("lot_micros", MILLION, 1, LOT_MAX)
    if not price or price % tick:
        raise fields.refuse(
            "price", None if price is None else str(Decimal(price) / MILLION), f"above 0, on {tick} micros"
        )
    if leverage == 0:
        raise fields.refuse("leverage", 0, "above 0")
    usual = BINARY if price < MILLION and (leverage or 0) <= MILLION else PERP
    instrument = fields.text("instrument", usual)
    if instrument not in (BINARY, PERP):
        raise fields.refuse("instrument", instrument, f"{BINARY}, {PERP}")
    binary = instrument == BINARY
    if binary and price >= MILLION:
        raise fields.refuse("price", str(Decimal(price) / MILLION), "between 0 and 1 for a binary")
    risked = MILLION - price if binary and side < 0 else price
    fee = fields.decimal("fee_per_contract", 0, PRICE_MAX, "dollars") or 0
    p_lcb = fields.decimal("p_lcb", 0, 1, "a probability")
    kelly_f = fields.decimal("kelly_f", 0, FRACTION_MAX, "a fraction")
    if p_lcb is not None and (kelly_f is not None or not binary):
        raise fields.refuse("p_lcb", str(Decimal(p_lcb) / MILLION), "for a binary, and not beside kelly_f")
    found = Request(
        market_id=market_id,
        side=side,
        kind=kind,
        confidence=fields.share("confidence"),
        risk=fields.share("risk_score"),
        lots=fields.whole_or_none("lots", least=1),
        price=Price(risked * lot, fee * lot, 0),
        q_micros=risked,
        binary=binary,
        leverage=(leverage or 0) / MILLION,
        reduce_only=fields.flag("reduce_only"),
        bundle_id=fields.text("bundle_id", ""),
        regime=fields.text("regime", UNKNOWN),
        p_lcb=p_lcb,
        kelly_f=kelly_f,
    )
    fields.end()
    return found
