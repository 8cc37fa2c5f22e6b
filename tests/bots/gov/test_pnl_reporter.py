"""Show that causes and equity agree when the booking is right, and what is said when it is not."""

import pytest

from bots.gov.pnl_reporter import Books, Config, Said, book
from bots.kit import Instant
from bots.maths.pnl import Ledger, Parts, filled, positioned, settled
from contracts.base import Wire
from contracts.market import Settlement
from contracts.order import Fill, PositionState
from contracts.signal import SignalReport
from tests import world
from tests.bots.gov.stream import after, envelope

CONFIG = Config()
HOUR = 3_600
TICK, LOT, CONTRACT = 10_000, 10_000, 100  # a cent; a hundredth of a contract; lots of one contract


def fill(side: int, ticks: int, contracts: int, number: int, fee: int = 0, **overrides: object) -> Fill:
    """Return a match."""
    return world.fill(
        side=side, price_ticks=ticks, size_lots=contracts * CONTRACT, fee_micros=fee, trade_id=f"t{number}",
        tick_micros=TICK, lot_micros=LOT, settled=True, **overrides,
    )  # fmt: skip


def position(
    contracts: int, realised: int, unrealised: int, mark: int, fees: int = 0, funding: int = 0
) -> PositionState:
    """Return what the desk holds, by the keeper's own booking."""
    return world.position(
        size_lots=contracts * CONTRACT, realised_micros=realised, unrealised_micros=unrealised, mark_micros=mark,
        fees_micros=fees, funding_micros=funding,
    )  # fmt: skip


def told(payloads: list[Wire], config: Config = CONFIG, state: Books = Books()) -> tuple[Books, Said]:  # noqa: B008
    """Return the state after envelopes of one second each, and what was said."""
    said: Said = ()
    for number, payload in enumerate(payloads, start=1):
        at = after(number)
        state, more = book(config, state, envelope(payload, number=number, at_ns=int(at), market_id="M1"), at)
        said += more
    return state, said


def closed(state: Books, seconds: float, config: Config = CONFIG) -> dict[tuple[str, str], SignalReport]:
    """Return the reports of the first hour by market and strategy."""
    _, said = book(config, state, envelope(world.vote(), at_ns=int(after(seconds))), after(seconds))
    return {(report.refs[1], report.refs[3]): report for report in said if report.refs[0] == "1h"}


def ten_fills() -> list[Wire]:
    """Return ten matches of 10 contracts, bought at 44 and sold at 46 in turn, mark 45, a cent of fee each."""
    said: list[Wire] = [world.snapshot(bid_ticks=44, ask_ticks=46)]
    for number in range(10):
        side, ticks = (1, 44) if number % 2 == 0 else (-1, 46)
        held, pairs = (10, number // 2) if side > 0 else (0, number // 2 + 1)
        said.append(fill(side, ticks, 10, number, fee=10_000))
        said.append(position(held, pairs * 200_000, held * 10_000, 450_000, fees=10_000 * (number + 1)))
    return said


# ---- the four fixtures ---------------------------------------------------------------------------------------------


def test_normal_ten_fills_whose_causes_sum_to_the_change_of_equity() -> None:
    """Ten times ten contracts at half the spread, less fees: causes and equity agree, and every figure has its ids."""
    state, said = told(ten_fills())
    assert said == ()
    reports = closed(state, HOUR)
    total = reports["M1", ""]
    assert (total.label, total.reason, total.value) == ("REPORTED", "GOV_PNL_REPORTED", 900_000.0)
    assert dict(total.parts) == {
        "spread_capture": 1_000_000.0, "inventory_move": 0.0, "fees": -100_000.0, "rebates": 0.0, "funding": 0.0,
        "settlement": 0.0, "realised": 1_000_000.0, "unrealised": 0.0, "difference": 0.0,
    }  # fmt: skip
    assert reports["M1", world.STRATEGY].value == 900_000.0
    assert total.refs[:4] == ("1h", "M1", "kalshi", "")
    assert total.refs[4:7] == ("lab/1:1.0+0/3.0", "lab/1:21.0+0/3.0", "21")
    assert len(total.refs[7]) == 64


def test_warning_an_unpaid_rebate_makes_the_window_an_estimate() -> None:
    """A rebate counts when it accrues; until it is paid the figure says that it is estimated."""
    accrued = fill(1, 45, 10, 1, fee=-20_000)
    unpaid = world.fill(**{name: getattr(accrued, name) for name in accrued.__struct_fields__} | {"settled": False})
    held = position(10, 0, 0, 450_000, fees=-20_000)
    report = closed(told([unpaid, held])[0], HOUR)["M1", ""]
    assert (report.label, report.reason, report.part("rebates")) == ("ESTIMATED", "GOV_PNL_ESTIMATED", 20_000.0)
    report = closed(told([unpaid, held, accrued])[0], HOUR)["M1", ""]
    assert (report.label, report.part("rebates"), report.part("difference")) == ("REPORTED", 20_000.0, 0.0)


def test_hard_a_fee_that_was_counted_twice_breaks_the_identity() -> None:
    """Half a dollar between causes and equity is said as what it is; a cent is inside the tolerance."""
    for extra, label in ((500_000, "BROKEN"), (10_001, "BROKEN"), (10_000, "REPORTED")):
        said = [fill(1, 45, 10, 1, fee=500_000), position(10, 0, 0, 450_000, fees=500_000 + extra)]
        report = closed(told(said)[0], HOUR)["M1", ""]
        assert (report.label, report.part("difference")) == (label, float(extra))
    assert report.reason == "GOV_PNL_REPORTED"


@pytest.mark.parametrize(
    "said",
    [
        [fill(1, 45, 10, 1), position(10, 0, 0, -1)],
        [fill(1, 45, 10, 1), position(20, 0, 0, 450_000)],
        [position(10, 0, 0, 450_000)],
    ],
    ids=["mark missing", "match missing", "all matches missing"],
)
def test_failure_a_gap_withholds_the_window(said: list[Wire]) -> None:
    """Without a mark, or with more held than was matched, no number is given."""
    report = closed(told(said)[0], HOUR)["M1", ""]
    assert (report.label, report.reason, report.parts, report.value) == ("WITHHELD", "GOV_PNL_INPUT_MISSING", (), 0.0)


# ---- windows -------------------------------------------------------------------------------------------------------


def test_each_window_closes_at_its_own_end_and_begins_from_there() -> None:
    """Hours, days and weeks are aligned to UTC; a second window reports only what it added."""
    state, _ = told(ten_fills())
    nothing = envelope(world.vote(), at_ns=int(after(HOUR)))
    state, said = book(CONFIG, state, nothing, after(HOUR))
    assert {report.refs[0] for report in said} == {"1h"}
    assert closed(state, 2 * HOUR) == {}
    _, said = book(CONFIG, state, nothing, after(24 * HOUR))
    assert {report.refs[0]: report.value for report in said if not report.refs[3]} == {"1d": 900_000.0}
    ends = {window.name: Instant(window.end_ns) for window in state.windows}
    assert [end % (HOUR * world.SECOND) for end in ends.values()] == [0, 0, 0]


def test_the_envelope_that_ends_a_window_belongs_to_the_next() -> None:
    """A match after the hour is not in the hour."""
    state, _ = told([fill(1, 45, 10, 1), position(10, 0, 0, 450_000)])
    late = envelope(fill(1, 40, 10, 2), at_ns=int(after(HOUR)))
    _, said = book(CONFIG, state, late, after(HOUR))
    assert [report.part("spread_capture") for report in said if not report.refs[3]] == [0.0]


# ---- booking -------------------------------------------------------------------------------------------------------


def keeper(held: int, cost: int, mark: int, realised: int) -> PositionState:
    """Return a position as an average-cost keeper would state it."""
    return position(held, realised, held * mark - cost, mark)


def test_a_move_of_the_mark_is_the_inventorys() -> None:
    """Bought below the mid, held while the mark rises, sold above: three causes, one sum."""
    ledger = Ledger(mid_half=90)
    ledger = positioned(filled(ledger, fill(1, 44, 10, 1)), keeper(10, 4_400_000, 450_000, 0))
    ledger = positioned(ledger, keeper(10, 4_400_000, 480_000, 0))
    ledger = positioned(filled(ledger, fill(-1, 49, 10, 2)), keeper(0, 0, 480_000, 500_000))
    made = dict(ledger.parts.named)
    assert (made["spread_capture"], made["inventory_move"]) == (100_000 + 100_000, 300_000)
    assert ledger.parts.total_micros == 500_000 == ledger.equity_micros


def test_a_short_gains_when_the_mark_falls() -> None:
    """Signs hold on the other side too."""
    ledger = positioned(filled(Ledger(), fill(-1, 50, 10, 1)), position(-10, 0, 0, 500_000))
    ledger = positioned(ledger, position(-10, 0, 1_000_000, 400_000))
    assert ledger.parts == Parts(inventory_move=1_000_000 * 1_000_000)
    assert ledger.equity_micros == 1_000_000


def test_a_settlement_pays_every_strategy_by_what_it_holds() -> None:
    """Resolution moves each strategy from the mark to the outcome, and closes it."""
    ledger = filled(filled(Ledger(), fill(1, 40, 10, 1)), fill(1, 40, 30, 2, strategy="strat.other"))
    ledger = positioned(ledger, position(40, 0, 0, 400_000))
    paid = Settlement("M1", 1, 100, TICK, 40 * CONTRACT, LOT, 50_000, "settlement", True, "EXEC_SETTLED")
    ledger = positioned(settled(ledger, paid), position(0, 24_000_000, 0, -1, fees=50_000))
    shares = {leg.strategy: leg.parts.settlement // 1_000_000 for leg in ledger.legs if leg.parts.settlement}
    assert shares == {world.STRATEGY: 6_000_000, "strat.other": 18_000_000}
    assert ledger.parts.total_micros == 23_950_000 == ledger.equity_micros
    assert ledger.is_blind is False


def test_funding_is_the_markets_own() -> None:
    """Funding is paid on the whole position, so no strategy is charged for it here."""
    ledger = positioned(filled(Ledger(), fill(1, 45, 10, 1)), position(10, 0, 0, 450_000, funding=-7_000))
    assert dict(ledger.parts.named)["funding"] == -7_000
    assert [leg.strategy for leg in ledger.legs if leg.parts.funding] == [""]
    assert ledger.parts.total_micros == ledger.equity_micros


def test_the_sum_does_not_depend_on_the_mark_at_a_fill() -> None:
    """What spread capture gains by another mid, the inventory's move loses."""
    sums = set()
    for mid_half in (0, 80, 90, 97):
        ledger = positioned(filled(Ledger(mid_half=mid_half), fill(1, 44, 10, 1)), keeper(10, 4_400_000, 470_000, 0))
        sums.add(ledger.parts.total_micros)
    assert sums == {300_000}


@pytest.mark.parametrize(
    ("windows", "good"),
    [("1h", True), ("1h,1d,7d", True), ("0h", False), ("1m", False), ("", False), ("1h,", False), ("1h,1w", False)],
)
def test_windows_are_hours_and_days(windows: str, good: bool) -> None:
    """The parameter refuses what it cannot mean."""
    from bots.kit import configure
    from contracts.base import Refused

    if good:
        assert configure("gov.pnl_reporter", Config, {"windows": windows}) == Config(windows=windows)
    else:
        with pytest.raises(Refused, match=r"gov\.pnl_reporter\.windows"):
            configure("gov.pnl_reporter", Config, {"windows": windows})
