"""Book profit and loss by strategy, market and venue, and hold its causes against the change of equity.

Says    pnl at the end of each window: one report per market with all causes, realised and unrealised apart, and one per
        strategy in it. REPORTED when the causes sum to the change of equity; ESTIMATED while a rebate is unpaid; BROKEN
        when they do not sum; WITHHELD, without numbers, when a mark or a match is missing.
Why     A profit that nobody can take apart may be an error of booking; a difference is more honest than a total.
Source  bots/library.toml; formulas in bots/maths/pnl.py.

refs of a report: window, market, venue, strategy, then the first and the last envelope that the figures came from, how
many they were, and the hash of all their ids. Amounts are whole micros.
"""

from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct, structs

from bots.kit import BotConfig, Instant, On, Signal, State, Usd, fold
from bots.maths.ordered import find, put
from bots.maths.pnl import Ledger, Numbers, Parts, taken
from bots.maths.reported import payload_of
from contracts.base import Wire
from contracts.envelope import ReportEnvelope
from contracts.reasons import (
    GOV_PNL_ESTIMATED,
    GOV_PNL_IDENTITY_BROKEN,
    GOV_PNL_INPUT_MISSING,
    GOV_PNL_REPORTED,
)
from contracts.signal import SignalReport

HOUR_NS = 3_600_000_000_000
HOURS = {"h": 1, "d": 24}
READ = frozenset({"Fill", "Settlement", "PositionState", "MarketSnapshot"})
REASONS = {
    "REPORTED": GOV_PNL_REPORTED,
    "ESTIMATED": GOV_PNL_ESTIMATED,
    "BROKEN": GOV_PNL_IDENTITY_BROKEN,
    "WITHHELD": GOV_PNL_INPUT_MISSING,
}


class Config(BotConfig):
    """How far causes and equity may differ, and the windows: hours or days, aligned to UTC."""

    tol_usd: Usd = 10_000
    windows: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[hd](,[1-9][0-9]{0,3}[hd]){0,7}$")] = "1h,1d,7d"


class Window(Struct, frozen=True, gc=False):
    """One running window: its name and end, the ledgers at its start, and the envelopes it rests on."""

    name: str
    end_ns: int
    markets: tuple[str, ...]
    ledgers: tuple[Ledger, ...]
    first: str = ""
    last: str = ""
    count: int = 0
    digest: str = ""


class Books(State):
    """A ledger per market, by the venue's id, and the running windows."""

    markets: tuple[str, ...] = ()
    ledgers: tuple[Ledger, ...] = ()
    windows: tuple[Window, ...] = ()


Said = tuple[Annotated[SignalReport, Signal("pnl")], ...]


def book(config: Config, state: Books, envelope: On[ReportEnvelope], now: Instant) -> tuple[Books, Said]:
    """Close the windows that are over, then book what the envelope says."""
    windows = state.windows or tuple(_opened(name, state, now) for name in config.windows.split(","))
    over = [window for window in windows if now >= window.end_ns]
    said = tuple(report for window in over for report in _reports(config, state, window))
    if over:
        windows = tuple(_opened(window.name, state, now) if window in over else window for window in windows)
    if windows is not state.windows:
        state = structs.replace(state, windows=windows)
    payload = payload_of(envelope) if envelope.payload_kind in READ else None
    return (state if payload is None else _booked(state, envelope, payload)), said


def _opened(name: str, state: Books, now: int) -> Window:
    length = int(name[:-1]) * HOURS[name[-1]] * HOUR_NS
    return Window(name, now - now % length + length, state.markets, state.ledgers)


def _booked(state: Books, envelope: ReportEnvelope, payload: Wire) -> Books:
    place = find(state.markets, envelope.market_id)
    before = state.ledgers[place] if place >= 0 else Ledger()
    ledger = taken(before, payload)
    if ledger is before:
        return state
    markets = state.markets if place >= 0 else put(state.markets, place, envelope.market_id)
    windows = tuple(_rested(window, envelope.envelope_id) for window in state.windows)
    return Books(markets, put(state.ledgers, place, ledger), windows)


def _rested(window: Window, envelope_id: str) -> Window:
    digest = sha256(f"{window.digest}{envelope_id}".encode()).hexdigest()
    return structs.replace(
        window, first=window.first or envelope_id, last=envelope_id, count=window.count + 1, digest=digest
    )


def _reports(config: Config, state: Books, window: Window) -> Said:
    """Report every market of a window in which something was held or made, then its strategies."""
    said: list[SignalReport] = []
    for market, ledger in zip(state.markets, state.ledgers, strict=True):
        place = find(window.markets, market)
        before = window.ledgers[place] if place >= 0 else Ledger()
        made, earned = ledger.parts.plus(before.parts, -1), ledger.equity_micros - before.equity_micros
        if ledger.is_blind:
            said.append(_report(window, market, ledger.venue_id, "", "WITHHELD", Parts()))
        elif ledger.held or made != Parts() or earned:
            label = "ESTIMATED" if ledger.unsettled else "REPORTED"
            label = "BROKEN" if abs(made.total_micros - earned) > config.tol_usd else label
            said.append(_report(window, market, ledger.venue_id, "", label, made, ledger.since(before)))
            known = {leg.strategy: leg.parts for leg in before.legs}
            for leg in ledger.legs:
                own = leg.parts.plus(known.get(leg.strategy, Parts()), -1)
                if leg.strategy and own != Parts():
                    said.append(_report(window, market, ledger.venue_id, leg.strategy, label, own))
    return tuple(said)


def _report(
    window: Window, market: str, venue: str, strategy: str, label: str, made: Parts, more: Numbers = ()
) -> SignalReport:
    causes = () if label == "WITHHELD" else made.named
    parts = tuple((name, float(number)) for name, number in (*causes, *more))
    refs = (window.name, market, venue, strategy, window.first, window.last, str(window.count), window.digest)
    total = float(made.total_micros)
    return SignalReport("pnl", total, label, 0.0, 1.0, 0, 0, "1", parts, refs, REASONS[label])


BOT = fold(book, reasons=set(REASONS.values()), per="desk")
