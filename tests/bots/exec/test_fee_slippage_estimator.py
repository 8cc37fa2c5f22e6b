"""exec.fee_slippage_estimator: what a trade costs, on this book, for this intent."""

from math import sqrt

import pytest

from bots.exec.fee_slippage_estimator import BOT, Config, Memo, judge, ladder, quote, remember
from bots.kit import Book, Instant, micro
from bots.maths.costs import PERP_SIGMA, fee_each, slippage, walk, within
from bots.maths.markouts import NEVER, PATIENCE, WAITING_MAX, Waiting, judged, noted
from contracts.intent import ApprovedIntent, BotNote
from contracts.market import FeeModel, MarketDefinition
from contracts.signal import SignalReport
from tests import world

NOW, SECOND = world.NOW, world.SECOND
WHOLE = 1_000_000  # lots of one contract
FEE = FeeModel("binary_quadratic", 70_000, 17_500, 100)


def approved(post_only: bool = False, size: int = 1_000, reduce_only: bool = False, **wish: object) -> ApprovedIntent:
    """Return an approved purchase of ten contracts at 46."""
    values = {"intent_kind": "ENTRY", "post_only": post_only, "price_ticks": 46, "p_model_micros": -1, **wish}
    return ApprovedIntent(world.intent(**values), size, post_only, reduce_only)


def definition(**overrides: object) -> MarketDefinition:
    """Return the market with makers' fees."""
    return world.definition(**{"fee": FEE, **overrides})


def ask(
    wish: ApprovedIntent,
    book: Book | None = None,
    market: MarketDefinition | None = None,
    state: Memo | None = None,
    volatility: SignalReport | None = None,
    snap: object = None,
) -> SignalReport | BotNote | None:
    """Ask for an estimate with everything else at its defaults."""
    shown = book if book is not None else world.book()
    known = market if market is not None else definition()
    fresh = snap if snap is not None else world.snapshot(provenance_hash="b" * 64)
    return quote(Config(), state or Memo(), wish, shown, known, fresh, volatility, None, NOW)


def said(answer: SignalReport | BotNote | None) -> SignalReport:
    """Return a report, which it must be."""
    assert isinstance(answer, SignalReport)
    return answer


class TestFixtures:
    def test_normal(self) -> None:
        """100 at .50 on Kalshi, rate .07: the fee is 1.75 in total, EXEC_COST_ESTIMATED."""
        book = world.book({48: 20_000}, {50: 20_000})
        report = said(ask(approved(size=10_000, price_ticks=50, edge_micros=500_000), book))
        assert report.reason == "EXEC_COST_ESTIMATED"
        assert report.part("fee") * 100 == pytest.approx(1.75, abs=1e-9)
        assert (report.part("q_exec"), report.part("slippage"), report.value) == (0.5, 0.01, 0.0275)

    def test_warning(self) -> None:
        """Twice the displayed depth: the impact model is added, EXEC_COST_BEYOND_BOOK."""
        book = world.book({44: 1_000}, {46: 1_000})
        whole = said(ask(approved(size=1_000, edge_micros=10**6), book))
        twice = said(ask(approved(size=2_000, edge_micros=10**6), book))
        assert (whole.reason, twice.reason) == ("EXEC_COST_ESTIMATED", "EXEC_COST_BEYOND_BOOK")
        assert twice.part("slippage") == pytest.approx(0.01 + sqrt(0.45 * 0.55), abs=1e-6)

    def test_hard(self) -> None:
        """Gross edge .02, cost .015: EXEC_COST_PROHIBITIVE."""
        market, book = definition(fee=FeeModel("linear_bps", 10_000)), world.book({48: 9_000}, {50: 9_000})
        report = said(ask(approved(p_model_micros=510_000), book, market))
        assert report.value == 0.015
        assert report.reason == "EXEC_COST_PROHIBITIVE"

    def test_failure(self) -> None:
        """An unknown fee model: no estimate, EXEC_COST_UNKNOWN."""
        assert ask(approved(), None, definition(fee=FeeModel())) == BotNote("EXEC_COST_UNKNOWN")


@pytest.mark.parametrize(("edge", "reason"), [(20_000, "EXEC_COST_ESTIMATED"), (19_999, "EXEC_COST_PROHIBITIVE")])
def test_half_the_gross_edge_is_the_limit(edge: int, reason: str) -> None:
    """A cost of exactly half the gross edge passes; a millionth less edge does not."""
    market = definition(fee=FeeModel("none"))
    assert said(ask(approved(p_model_micros=450_000 + edge), None, market)).reason == reason
    assert said(ask(approved(reduce_only=True, p_model_micros=450_000), None, market)).reason == "EXEC_COST_ESTIMATED"


def test_without_a_model_the_net_edge_is_the_measure() -> None:
    """Gross edge is then net edge and cost together, so that a net edge below the cost is prohibitive."""
    assert said(ask(approved(edge_micros=27_500))).reason == "EXEC_COST_ESTIMATED"
    assert said(ask(approved(edge_micros=27_000))).reason == "EXEC_COST_PROHIBITIVE"


class TestQuote:
    def test_what_can_only_rest_pays_the_makers_fee_and_adverse_selection(self) -> None:
        """No walk and no spread: the estimate is made at its own limit, even without asks."""
        report = said(ask(approved(post_only=True, price_ticks=44, edge_micros=10**6), world.book({44: 10}, {})))
        assert report.label == "MAKER"
        assert report.part("maker_fee") == report.part("fee") == 0.00432
        assert (report.part("slippage"), report.part("q_exec"), report.part("adverse")) == (0.0, 0.44, 0.002)
        assert report.value == 0.00632

    def test_an_estimate_names_its_intent_its_book_and_its_end(self) -> None:
        """A reader can tell for which intent and book it was made, and until when."""
        report = said(ask(approved()))
        assert report.refs == (world.intent().intent_id, "b" * 64)
        assert report.valid_until_ns == NOW + 500_000_000
        short = quote(Config(valid_ms=1), Memo(), approved(), world.book(), definition(), None, None, None, NOW)
        assert said(short).valid_until_ns == NOW + 1_000_000
        assert said(short).refs == (world.intent().intent_id, "")

    def test_a_sale_walks_the_bids(self) -> None:
        """Slippage is the distance below mid."""
        report = said(ask(approved(side=-1, price_ticks=40, size=6_000)))
        assert report.part("q_exec") == pytest.approx((44 * 5_000 + 43 * 1_000) / 6_000 / 100, abs=1e-6)
        assert report.part("slippage") == pytest.approx(0.45 - report.part("q_exec"), abs=2e-6)

    @pytest.mark.parametrize("blind", ["definition", "dead book", "no bid", "no ask"])
    def test_without_a_book_or_a_definition_nothing_is_said(self, blind: str) -> None:
        """A guess would be traded on."""
        books = {
            "dead book": world.book(live=False),
            "no bid": world.book({}, {46: 10}),
            "no ask": world.book({44: 10}, {}),
        }
        market = None if blind == "definition" else definition()
        args = (books.get(blind, world.book()), market, None, None, None, NOW)
        assert quote(Config(), Memo(), approved(), *args) == BotNote("EXEC_COST_UNKNOWN")

    def test_a_withdrawal_costs_nothing(self) -> None:
        """It is not estimated."""
        assert ask(approved(intent_kind="WITHDRAW")) is None

    def test_the_adverse_average_is_that_of_tier_and_side(self) -> None:
        """Each tier and side has its own; the prior stands where none was learned."""
        state = Memo(adverse=(10, 20, 30, 40, 50, 60, 70, -1))
        seen = {}
        for tier in ("A", "B", "C", ""):
            for side in (1, -1):
                wish = approved(post_only=True, side=side, edge_micros=10**6)
                best = world.candidate(aspect="tier", tier=tier)
                report = quote(Config(), state, wish, world.book(), definition(), None, None, best, NOW)
                seen[tier, side] = round(said(report).part("adverse") * WHOLE)
        assert list(seen.values()) == [10, 20, 30, 40, 50, 60, 70, 2_000]
        careful = quote(
            Config(adverse_prior=micro("0.005")),
            Memo(),
            approved(post_only=True),
            world.book(),
            definition(),
            None,
            None,
            None,
            NOW,
        )
        assert said(careful).part("adverse") == 0.005

    def test_known_volatility_and_volume_replace_the_cautious_guess(self) -> None:
        """Sigma per day is 294 times the one per root second; adv is traded value over price."""
        book = world.book({44: 1_000}, {46: 1_000})
        signal = world.signal(signal="volatility", label="CALM", parts=(("price_sigma", 0.0001),))
        snap = world.snapshot(volume_micros=450_000 * 100)
        known = said(ask(approved(size=2_000), book, volatility=signal, snap=snap))
        expected = 0.01 + 0.0001 * sqrt(86_400) * sqrt(1_000 / 10_000)
        assert known.part("slippage") == pytest.approx(expected, abs=1e-6)
        unknown = world.signal(signal="volatility", label="UNKNOWN", parts=())
        assert said(ask(approved(size=2_000), book, volatility=unknown)).part("slippage") > 0.5


class TestLadder:
    def test_eight_costs_for_an_eligible_market(self) -> None:
        """Both sides at 10, 50, 250 and 1000 dollars; more costs more."""
        deep = world.book({44: 900_000}, {46: 300_000, 47: 900_000})
        report = ladder(Config(), world.candidate(), deep, definition(), world.snapshot(), None, NOW)
        names = [f"{side}_{usd}" for side in ("buy", "sell") for usd in (10, 50, 250, 1_000)]
        assert [name for name, _ in said(report).parts] == names
        assert said(report).part("buy_10") == said(report).value == pytest.approx(0.01 + 0.0174, abs=1e-4)
        assert said(report).part("buy_1000") >= said(report).part("buy_250")
        assert said(report).reason == "EXEC_COST_ESTIMATED"

    def test_a_shallow_market_says_so(self) -> None:
        """The largest rung lies beyond the book."""
        report = ladder(Config(), world.candidate(), world.book(), definition(), world.snapshot(), None, NOW)
        assert said(report).reason == "EXEC_COST_BEYOND_BOOK"

    def test_nothing_for_an_ineligible_market_and_a_note_for_a_blind_one(self) -> None:
        """Eligibility first, then fee model and both sides of a live book."""
        out = world.candidate(eligible=False)
        assert ladder(Config(), out, world.book(), definition(), None, None, NOW) is None
        unknown = BotNote("EXEC_COST_UNKNOWN")
        eligible = world.candidate()
        assert ladder(Config(), eligible, world.book(), None, None, None, NOW) == unknown
        assert ladder(Config(), eligible, world.book({44: 1}, {}), definition(), None, None, NOW) == unknown
        assert ladder(Config(), eligible, world.book(), definition(fee=FeeModel()), None, None, NOW) == unknown


class TestMarkouts:
    def test_a_makers_fill_is_judged_by_mid_half_a_minute_later(self) -> None:
        """A purchase at mid .45 and mid .43 then: two cents against us, a tenth of the way from the prior."""
        state = remember(Config(), Memo(), world.fill(), world.snapshot(), world.candidate(aspect="tier"), NOW)
        assert state.next_due == NOW + 30 * SECOND
        later = world.snapshot(bid_ticks=42, ask_ticks=44)
        before = judge(Config(), state, later, definition(), Instant(NOW + 30 * SECOND - 1))
        assert before is state
        after = judge(Config(), state, later, definition(), Instant(NOW + 30 * SECOND))
        assert after.adverse[0] == 2_000 + (20_000 - 2_000) // 10
        assert (after.waiting, after.next_due) == ((), NEVER)

    def test_a_takers_fill_and_one_without_a_snapshot_are_not_judged(self) -> None:
        """Only resting orders are selected against."""
        state = Memo()
        assert remember(Config(), state, world.fill(liquidity="taker"), world.snapshot(), None, NOW) is state
        assert remember(Config(), state, world.fill(), None, None, NOW) is state

    def test_the_span_is_configuration(self) -> None:
        """markout_s moves the moment of judgement."""
        assert (
            remember(Config(markout_s=5), Memo(), world.fill(), world.snapshot(), None, NOW).next_due
            == NOW + 5 * SECOND
        )

    def test_another_market_judges_nothing_and_a_silent_one_is_dropped(self) -> None:
        """A fill waits for its own market's mid, but not for ever."""
        fill = Waiting("M2", 0, 1, 450_000, int(NOW))
        averages, waiting, soon = judged((-1,) * 8, (fill,), "M1", 430_000, int(NOW), 2_000, SECOND)
        assert (averages, waiting, soon) == ((-1,) * 8, (fill,), NOW + SECOND)
        assert judged((-1,) * 8, (fill,), "M1", 430_000, int(NOW) + PATIENCE * SECOND, 2_000, SECOND)[1] == ()

    def test_an_average_below_zero_counts_as_none(self) -> None:
        """Others who trade badly with us are no promise."""
        fill = Waiting("M1", 3, -1, 450_000, int(NOW))
        assert judged((-1,) * 8, (fill,), "M1", 300_000, int(NOW), 0, SECOND)[0][3] == 0

    def test_the_fills_that_wait_are_limited(self) -> None:
        """The oldest is forgotten."""
        waiting: tuple[Waiting, ...] = ()
        for number in range(WAITING_MAX + 1):
            waiting = noted(waiting, Waiting("M1", number, 1, 0, 0))
        assert [fill.place for fill in waiting] == list(range(1, WAITING_MAX + 1))


class TestArithmetic:
    def test_walk(self) -> None:
        """Best level first, as far as the book goes."""
        assert walk(world.book(), 1, 5_000) == (5_000, 46 * 4_000 + 47 * 1_000)
        assert walk(world.book(), -1, 50_000) == (12_000, 44 * 5_000 + 43 * 4_000 + 42 * 3_000)
        assert walk(world.book({}, {}), 1, 10) == walk(world.book({}, {}), -1, 10) == (0, 0)

    @pytest.mark.parametrize(
        ("side", "limit", "lots"),
        [(1, 45, 0), (1, 46, 4_000), (1, 47, 8_000), (-1, 45, 0), (-1, 44, 5_000), (-1, 1, 9_000)],
    )
    def test_within(self, side: int, limit: int, lots: int) -> None:
        """Only what stands at the limit or better, at most the size."""
        assert within(world.book(), side, limit, 9_000) == lots
        assert within(world.book({}, {}), side, limit, 9_000) == 0

    def test_fee_each_is_rounded_up(self) -> None:
        """A rebate is rounded towards zero."""
        assert fee_each(definition(), False, 440_000, 200) == 17_250
        assert fee_each(definition(fee=FeeModel("linear_bps", 0, -100)), True, 333_333, 100) == -33

    def test_a_perpetuals_impact_is_not_bounded_by_one(self) -> None:
        """Its price is not a probability."""
        perp = definition(grid_ticks=0, instrument_kind=1, tick_micros=1_000_000)
        slip, beyond = slippage(world.book({44: 10}, {46: 10}), 1, 20, perp, None, None)
        assert (slip, beyond) == (1_000_000 + round(45 * PERP_SIGMA * 1_000_000), True)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {"EXEC_COST_ESTIMATED", "EXEC_COST_BEYOND_BOOK", "EXEC_COST_PROHIBITIVE", "EXEC_COST_UNKNOWN"}
