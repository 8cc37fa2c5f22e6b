"""intel.funding_basis: the next funding, the basis, and the spread between two venues of one lane."""

from typing import Any

import pytest

from bots.book import OpenBook
from bots.intel.funding_basis import BOOK_BUDGET_NS, GRAVITY, MARK_BUDGET_NS, Config, Memory, on_mark, on_snapshot
from bots.kit import ConfirmedAt, Instant
from bots.maths.basis import Basis
from bots.maths.fundings import Watch
from bots.maths.premium import HOUR
from contracts.ids import market_name
from contracts.market import MarketDefinition, VenueMarkUpdate
from contracts.signal import SignalReport
from operators.levels import load
from tests.world import HASH, MS, NOW, SECOND, definition, image, quality, snapshot

INDEX = 60_000_000_000  # 60,000 dollars in millionths; NOW is a boundary of eight hours


def perp(venue: str = "bitget", symbol: str = "BTCUSDT", **changes: Any) -> MarketDefinition:
    """A linear perpetual with ticks of 0.1 and lots of a thousandth."""
    own: dict[str, Any] = {
        "market_id": market_name(venue, symbol), "venue_id": venue, "instrument_kind": 1, "grid_ticks": 0,
        "tick_micros": 100_000, "lot_micros": 1_000, "funding_interval_h": 8, "settle_currency": "USDT",
    }  # fmt: skip
    return definition(**own | changes)


def book_at(bid: float, ask: float, lots: int = 1_000) -> OpenBook:
    """A book of one level a side, one coin each unless told otherwise; a price of 0 is an empty side."""
    made = OpenBook()
    bids, asks = (((round(price * 10), lots),) if price else () for price in (bid, ask))
    load(made, image(bids=bids, asks=asks))
    return made


class Lane:
    """Drives the bot with the memory of a lane."""

    def __init__(self, *markets: MarketDefinition, config: Config | None = None) -> None:
        """Begin with these markets."""
        self.config, self.state, self.at = config or Config(), Memory(), int(NOW)
        self.markets = markets or (perp(),)
        self.book = book_at(59_999.9, 60_000.1)

    def mark(self, ms: int = 1_000, over: float = 0.0, place: int = 0, **changes: Any) -> tuple[SignalReport, ...]:
        """A mark so many milliseconds later, by a share over its index; returns what was said."""
        self.at += ms * MS
        given: dict[str, Any] = {
            "index": INDEX,
            "due": 0,
            "age_ns": 0,
            "quality": quality(),
            "book": self.book,
        } | changes
        made = VenueMarkUpdate(1, self.at, 0, round(INDEX * (1.0 + over)), given["index"], 0, given["due"], HASH)
        of, confirmed = self.markets[place], ConfirmedAt(self.at - given["age_ns"])
        self.state, said = on_mark(
            self.config, self.state, made, of, given["quality"], given["book"], confirmed, Instant(self.at)
        )
        return said

    def beat(self, ms: int = 1_000, place: int = 0) -> tuple[SignalReport, ...]:
        """A snapshot so many milliseconds later."""
        self.at += ms * MS
        self.state, said = on_snapshot(self.config, self.state, snapshot(), self.markets[place], Instant(self.at))
        return said

    def watch(self, place: int = 0) -> Watch:
        """What is kept of a market."""
        return self.state.lane.of(self.markets[place], self.at)

    def deviating(self, z: float) -> tuple[SignalReport, ...]:
        """The next mark, after an hour with a mean of 0 and a deviation of 0.1 %, is so many deviations off."""
        self.mark()
        known = self.watch()
        basis = Basis(0.0, 1e-6, 3_600.0)
        kept = Watch(known.symbol, 8, known.average, basis, known.index_ns, known.label, known.rate, known.ends_ns)
        self.state = Memory(self.state.lane.put(self.markets[0].market_id, kept))
        return self.mark(over=z * 0.001)


def pred(said: tuple[SignalReport, ...]) -> SignalReport:
    """The one prediction that was said."""
    (report,) = [report for report in said if report.signal == "funding_pred"]
    return report


# ---- the catalogue's rows -----------------------------------------------------------------------------------------


def test_normal_a_flat_premium() -> None:
    """Fixture normal: premium 0.01 % flat: 0.01 % predicted, 10.95 % a year, normal; and it is said once."""
    lane = Lane()
    lane.book = book_at(60_006.0, 60_006.1)
    first = pred(lane.mark())
    assert ("NORMAL", "INTEL_FUND_NORMAL", 0.0001, 8.0) == (
        first.label,
        first.reason,
        first.value,
        first.part("interval_h"),
    )
    assert (0.0001, 0.11) == (first.part("premium"), round(first.part("annualised"), 3))
    assert ([], 0.0001) == ([r for _ in range(600) for r in lane.mark()], lane.watch().rate)


def test_warning_the_basis_is_far_from_its_mean() -> None:
    """Fixture warning: a basis 3.4 deviations off is extreme."""
    said = pred(Lane().deviating(3.4))
    assert ("EXTREME", "INTEL_FUND_EXTREME", 3.4) == (said.label, said.reason, said.part("basis_z"))


def test_hard_the_mark_left_its_index() -> None:
    """Fixture hard: a mark 3 % over the index is dislocated."""
    said = pred(Lane().mark(over=0.03))
    assert ("DISLOCATED", "INTEL_FUND_DISLOCATED", 0.03) == (said.label, said.reason, said.part("basis"))


def test_failure_no_index_for_six_seconds() -> None:
    """Fixture failure: an index absent for 6 s leaves no prediction, and that is said once."""
    lane = Lane()
    lane.mark()
    missing = pred(lane.beat(6_000))
    assert ("UNKNOWN", "INTEL_FUND_INDEX_MISSING", 0.0) == (missing.label, missing.reason, missing.value)
    assert ((), ()) == (lane.beat(), lane.mark(index=0))
    assert "NORMAL" == pred(lane.mark()).label


# ---- both sides of every limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("z", "label"), [(2.99, "NORMAL"), (3.01, "EXTREME"), (-2.99, "NORMAL"), (-3.01, "EXTREME")])
def test_limit_of_the_deviation(z: float, label: str) -> None:
    """Above basis_z_warn either way is extreme."""
    lane = Lane()
    said = lane.deviating(z)
    assert label == lane.watch().label
    assert bool(said) == (label == "EXTREME")
    wide = Lane(config=Config(basis_z_warn=9.0))
    assert ((), "NORMAL") == (wide.deviating(z), wide.watch().label)


@pytest.mark.parametrize(
    ("over", "label"), [(0.02, "NORMAL"), (0.0201, "DISLOCATED"), (-0.02, "NORMAL"), (-0.0201, "DISLOCATED")]
)
def test_limit_of_the_gap(over: float, label: str) -> None:
    """At mark_gap_hard is not above it; the gap counts either way."""
    assert label == pred(Lane().mark(over=over)).label
    assert "NORMAL" == pred(Lane(config=Config(mark_gap_hard=30_000)).mark(over=over)).label


@pytest.mark.parametrize(
    ("premium", "rate", "label"), [(0.0034, 0.0029, "NORMAL"), (0.0035, 0.003, "EXTREME"), (0.01, 0.003, "EXTREME")]
)
def test_limit_of_the_rate(premium: float, rate: float, label: str) -> None:
    """The rate stops at the cap, and at the cap it is extreme; the clamp pulls by at most 0.05 % towards interest."""
    price = round(60_000.0 * (1.0 + premium), 1)
    lane = Lane()
    lane.book = book_at(price, price + 0.1)
    said = pred(lane.mark())
    assert (label, rate) == (said.label, round(said.value, 6))
    wide = Lane(config=Config(cap=20_000, clamp=0))
    wide.book = lane.book
    assert premium == round(pred(wide.mark()).value, 6)


def test_interest_pulls_within_the_clamp() -> None:
    """Without a premium the rate is the interest, as far as the clamp allows."""
    for interest, clamp, rate in ((100, 500, 0.0001), (600, 500, 0.0005), (500, 500, 0.0005), (100, 0, 0.0)):
        said = pred(Lane(config=Config(interest=interest, clamp=clamp)).mark())
        assert rate == said.value


@pytest.mark.parametrize(("ms", "missing"), [(5_000, False), (5_001, True)])
def test_limit_of_the_index(ms: int, missing: bool) -> None:
    """An index is missing when it is older than the catalogue's five seconds; marks without one are no index."""
    for silent in (True, False):
        lane = Lane()
        lane.mark()
        said = lane.beat(ms) if silent else lane.mark(ms, index=0)
        assert missing == bool(said)
    assert 5_000 * MS == MARK_BUDGET_NS


def test_a_market_that_never_had_an_index() -> None:
    """The budget runs from first sight: nothing is said within it, and then that there is none."""
    lane = Lane()
    assert () == lane.mark(index=0)
    assert () == lane.beat(5_000)
    assert "UNKNOWN" == pred(lane.beat(1)).label


@pytest.mark.parametrize(("age_ns", "weight"), [(BOOK_BUDGET_NS, True), (BOOK_BUDGET_NS + 1, False)])
def test_limit_of_the_book(age_ns: int, weight: bool) -> None:
    """A premium counts while the book was confirmed within two seconds."""
    lane = Lane()
    lane.mark(age_ns=age_ns)
    assert weight == bool(lane.watch().average.at_ns)


@pytest.mark.parametrize("changes", [{"quality": None}, {"quality": quality(state="RESYNC")}, {"book": OpenBook()}])
def test_a_book_that_cannot_be_believed_has_no_premium(changes: dict[str, Any]) -> None:
    """No quality, a withheld book and one without an image: the interest alone is predicted."""
    lane = Lane()
    lane.book = book_at(60_600.0, 60_600.1)
    assert 0.0001 == pred(lane.mark(**changes)).value
    assert 0 == lane.watch().average.at_ns


def test_the_deviation_waits_a_minute() -> None:
    """Until the basis has been watched for a minute it is not far from anything."""
    lane = Lane()
    for _ in range(58):
        lane.mark()
    assert "NORMAL" == lane.watch().label
    lane.mark(over=0.001)
    assert "NORMAL" == lane.watch().label
    late = Lane()
    for _ in range(62):
        late.mark()
    assert "EXTREME" == pred(late.mark(over=0.001)).label


def test_memory_is_a_parameter() -> None:
    """A shorter memory follows a new level of the basis faster."""
    means = []
    for tau in (600.0, 28_800.0):
        lane = Lane(config=Config(tau_basis_s=tau))
        for number in range(4_000):
            lane.mark(over=0.001 * (number > 2_000))
        means.append(lane.watch().basis.mean)
    assert means[0] > means[1] > 0.0


def test_impact_notional_is_a_parameter() -> None:
    """10,000 dollars take more than the best level of a thin book: the next one counts."""
    thin = OpenBook()
    load(thin, image(bids=((606_000, 10), (600_000, 10_000)), asks=((606_001, 10_000),)))
    values = []
    for notional in (100_000_000, 10_000_000_000):
        lane = Lane(config=Config(impact_notional_usd=notional, clamp=0, cap=1_000_000))
        lane.book = thin
        values.append(pred(lane.mark()).value)
    assert 0.01 == values[0] > values[1] > 0.0


# ---- intervals and spreads ----------------------------------------------------------------------------------------


def test_a_new_interval_is_said_and_begins_a_new_average() -> None:
    """What was premium before the boundary has no weight after it; the prediction holds until the interval ends."""
    lane = Lane(config=Config(clamp=0, cap=1_000_000))
    due = int(NOW) + 3_600 * SECOND
    lane.book = book_at(60_060.0, 60_060.1)
    first = pred(lane.mark(due=due))
    for _ in range(3_598):
        lane.mark(due=due)
    lane.book = book_at(60_000.0, 60_000.1)
    after = pred(lane.mark(1_000, due=due + 8 * HOUR))
    assert (0.001, due, due + 8 * HOUR) == (first.value, first.valid_until_ns, after.valid_until_ns)
    lane.mark(1_000, due=due + 8 * HOUR)
    assert lane.watch().rate < 0.0005
    assert first.confidence < 1.0


@pytest.mark.parametrize(("hours", "rate", "yearly"), [(8, 0.0001, 0.11), (4, 0.00005, 0.11), (1, 0.0000125, 0.11)])
def test_shorter_intervals_pay_less_each(hours: int, rate: float, yearly: float) -> None:
    """The rate of a shorter interval is its share of eight hours; a year is a year."""
    said = pred(Lane(perp(funding_interval_h=hours)).mark())
    assert (rate, yearly) == (round(said.value, 7), round(said.part("annualised"), 2))


def test_the_spread_between_venues() -> None:
    """Two venues of one symbol: each says its own less the other's, for eight hours, when it moved."""
    lane = Lane(perp(), perp("binance", funding_interval_h=4), perp("bitget", "ETHUSDT"))
    lane.book = book_at(60_060.0, 60_060.1)
    assert ["funding_pred"] == [report.signal for report in lane.mark(place=2)]
    assert ["funding_pred"] == [report.signal for report in lane.mark(place=0)]
    lane.book = book_at(60_000.0, 60_000.1)
    said = lane.mark(place=1)
    spread = said[1]
    assert ("funding_spread", "NORMAL", ("binance:BTCUSDT", "bitget:BTCUSDT")) == (
        spread.signal,
        spread.label,
        spread.refs,
    )
    assert (0.00005, -0.0004) == (said[0].value, round(spread.value, 6))
    other = lane.mark(place=0, book=book_at(60_060.0, 60_060.1))
    assert [("funding_spread", 0.0004)] == [(report.signal, round(report.value, 6)) for report in other]
    assert () == lane.mark(place=0, book=book_at(60_060.0, 60_060.1))


def test_a_spread_ends_when_the_other_index_does() -> None:
    """An index that is missing on either side leaves no spread; the worse of two labels is the spread's."""
    lane = Lane(perp(), perp("binance"))
    lane.mark(place=0)
    assert "DISLOCATED" == lane.mark(place=1, over=0.03)[1].label
    lane.mark(5_001, place=0)
    assert ("", 0.0) == (lane.watch(0).against, lane.watch(0).spread)
    gone = lane.beat(place=1)
    assert [("funding_pred", "UNKNOWN"), ("funding_spread", "UNKNOWN")] == [(r.signal, r.label) for r in gone]
    assert "UNKNOWN" == GRAVITY[-1]


def test_a_venue_without_its_name_before_the_symbol() -> None:
    """Symbols are compared as the venues spell them, whether or not a market's id names its venue."""
    lane = Lane(perp(), perp("binance", market_id="BTCUSDT"))
    lane.mark(place=0)
    lane.mark(place=1)
    assert "bitget:BTCUSDT" == lane.watch(1).against


def test_binaries_have_no_funding() -> None:
    """Nothing is kept of a market without funding."""
    lane = Lane(definition())
    assert ((), (), Memory()) == (lane.mark(), lane.beat(), lane.state)
