"""exec.fill_probability_estimator: the chance that a resting order fills, never more than was ever achieved."""

from math import exp

import pytest

from bots.exec.fill_probability_estimator import BOT, Config, Queues, estimate, follow, trade
from bots.kit import Book, Instant
from bots.maths.queues import NEVER_S, Flow, Place, added, chance, hit, is_reachable, looked, rate
from contracts.intent import ApprovedIntent
from contracts.signal import SignalReport
from tests import world

NOW, SECOND = world.NOW, world.SECOND
WINDOW = 60 * SECOND


def approved(post_only: bool = True, size: int = 10, **wish: object) -> ApprovedIntent:
    """Return an approved quote to buy ten lots at 44."""
    return ApprovedIntent(world.intent(**wish), size, post_only, False)


def selling(lots_per_s: float, cancels_per_s: float = 0.0) -> Queues:
    """Return a market in which sellers and cancels take so many lots a second."""
    return Queues(Flow(lots_per_s * 60, 0.0, cancels_per_s * 60, int(NOW)))


def ask(state: Queues, wish: ApprovedIntent, book: Book, config: Config | None = None) -> SignalReport:
    """Return the report for a wish."""
    report = estimate(config or Config(), state, wish, book, NOW)[1]
    assert report is not None
    return report


class TestFixtures:
    def test_normal(self) -> None:
        """200 ahead, 20 a second, 60 s: near one, EXEC_FILL_ESTIMATED."""
        report = ask(selling(20), approved(), world.book({44: 200}, {46: 10}))
        assert report.reason == "EXEC_FILL_ESTIMATED"
        assert report.value == round(1 - exp(-1_200 / 210), 3) == 0.997
        assert (report.part("queue_ahead"), report.part("t_fill")) == (200.0, 10.0)

    def test_warning(self) -> None:
        """5000 ahead, 5 a second: .06, EXEC_FILL_UNLIKELY."""
        report = ask(selling(5), approved(), world.book({44: 5_000}, {46: 10}))
        assert (report.value, report.reason) == (0.058, "EXEC_FILL_UNLIKELY")

    def test_hard(self) -> None:
        """12 ticks behind the touch: EXEC_FILL_HOPELESS."""
        report = ask(selling(20), approved(price_ticks=32), world.book({44: 200}, {46: 10}))
        assert (report.value, report.reason) == (0.0, "EXEC_FILL_HOPELESS")
        assert report.part("t_fill") == NEVER_S

    def test_failure(self) -> None:
        """Nobody was ever seen trading: 0, EXEC_FILL_UNKNOWN."""
        report = ask(Queues(), approved(), world.book({44: 200}, {46: 10}))
        assert (report.value, report.reason) == (0.0, "EXEC_FILL_UNKNOWN")


class TestLimits:
    def test_a_tenth_is_still_likely(self) -> None:
        """The warning begins below a chance of 0.1."""
        book = world.book({44: 990}, {46: 10})
        assert ask(selling(1_000 * 0.1054 / 60), approved(), book).reason == "EXEC_FILL_ESTIMATED"
        assert ask(selling(1_000 * 0.1053 / 60), approved(), book).reason == "EXEC_FILL_UNLIKELY"

    @pytest.mark.parametrize(("distance", "reachable"), [(9, True), (10, False)])
    def test_reach_ends_where_a_thousandth_of_the_rate_is_left(self, distance: int, reachable: bool) -> None:
        """Nine ticks at 0.7 a tick are within reach, ten are not."""
        assert is_reachable(distance, 0.7) == reachable
        assert (chance(1.0, distance, 0.7, 10, 60)[0] > 0) == reachable
        report = ask(selling(20), approved(price_ticks=44 - distance), world.book({44: 200}, {46: 10}))
        assert (report.reason != "EXEC_FILL_HOPELESS") == reachable

    def test_k_d_is_configuration(self) -> None:
        """A market whose depth moves as one block reaches farther."""
        wide = ask(selling(20), approved(price_ticks=32), world.book({44: 200}, {46: 10}), Config(k_d=0.1))
        assert wide.value == round(1 - exp(-20 * exp(-1.2) * 60 / 10), 3)

    def test_the_horizon_is_configuration(self) -> None:
        """A shorter horizon fills less at the same rate, and says so; a horizon of nothing knows nothing."""
        book = world.book({44: 1_000}, {46: 10})
        assert chance(5.0, 0, 0.7, 1_010, 60)[0] > chance(5.0, 0, 0.7, 1_010, 30)[0]
        assert ask(selling(5), approved(), book, Config(horizon_s=30)).horizon_ms == 30_000
        assert ask(selling(5), approved(), book, Config(horizon_s=0)).reason == "EXEC_FILL_UNKNOWN"

    def test_the_chance_is_bounded_by_what_orders_achieved(self) -> None:
        """Hit rate 0.3 at the touch and a margin of 0.2 allow 0.5, whatever the formula says."""
        state = Queues(Flow(1_200.0, 0.0, 0.0, int(NOW)), (), (300_000, -1, -1, -1))
        book = world.book({44: 200}, {46: 10})
        assert ask(state, approved(), book).value == 0.5
        assert ask(state, approved(), book, Config(hit_margin=100_000)).value == 0.4
        assert ask(state, approved(price_ticks=43), book).value > 0.5

    def test_a_book_that_is_not_live_promises_nothing(self) -> None:
        """It reads as unknown."""
        assert ask(selling(20), approved(), world.book({44: 200}, {46: 10}, live=False)).reason == "EXEC_FILL_UNKNOWN"


class TestPrice:
    def test_a_taker_is_asked_where_it_would_join(self) -> None:
        """At the best price of its side, never beyond its limit."""
        book = world.book({44: 200, 43: 90}, {46: 70, 47: 60})
        assert ask(selling(20), approved(post_only=False, price_ticks=46), book).part("queue_ahead") == 200
        assert ask(selling(20), approved(post_only=False, price_ticks=43), book).part("queue_ahead") == 90
        buying = Queues(Flow(0.0, 1_200.0, 0.0, int(NOW)))
        assert ask(buying, approved(post_only=False, side=-1, price_ticks=40), book).part("queue_ahead") == 70
        assert ask(buying, approved(side=-1, price_ticks=47), book).part("queue_ahead") == 60

    def test_inside_the_spread_nobody_is_ahead(self) -> None:
        """A price without a level has no queue."""
        assert ask(selling(20), approved(price_ticks=45), world.book({44: 200}, {46: 10})).part("queue_ahead") == 0

    def test_off_the_grid_nobody_is_ahead(self) -> None:
        """A price outside the book is no index of it."""
        assert ask(selling(20), approved(price_ticks=0), world.book({44: 200}, {46: 10})).value == 0.0

    def test_our_own_place_is_known_better_than_the_level(self) -> None:
        """An order that already rests there tells how many are really ahead."""
        state = Queues(Flow(1_200.0, 0.0, 0.0, int(NOW)), (Place("a", 1, 44, 70, 200, 0, 0, 0),))
        assert ask(state, approved(), world.book({44: 200}, {46: 10})).part("queue_ahead") == 70

    def test_a_withdrawal_has_no_chance_to_estimate(self) -> None:
        """Nothing is said of it."""
        state = selling(20)
        assert estimate(Config(), state, approved(intent_kind="WITHDRAW"), world.book(), NOW) == (state, None)


class TestQueues:
    def test_an_order_takes_its_place_when_it_is_live(self) -> None:
        """Behind what is displayed then, as far behind the touch as it is."""
        book = world.book({44: 500, 43: 80}, {46: 10})
        order = world.order_update(price_ticks=43)
        state = follow(Config(), Queues(), order, book, NOW)
        assert state.places == (Place(order.client_order_id, 1, 43, 80, 80, 0, int(NOW), 1),)
        assert follow(Config(), state, order, book, NOW) is state
        pending = world.order_update(state="PENDING_SUBMIT")
        assert follow(Config(), Queues(), pending, book, NOW) == Queues()

    def test_trades_and_cancels_shorten_the_queue(self) -> None:
        """Trades at the price in full, cancels by their share."""
        order = world.order_update()
        state = follow(Config(), Queues(), order, world.book({44: 100}, {46: 10}), NOW)
        sold = world.trade_print(price_ticks=44, size_lots=20, aggressor=-1)
        state = trade(Config(), state, sold, NOW)
        assert (state.places[0].ahead, state.places[0].traded) == (80, 20)
        state, _ = estimate(Config(), state, approved(), world.book({44: 70}, {46: 10}), NOW)
        assert state.places[0] == Place(order.client_order_id, 1, 44, 72 - 2, 70, 0, int(NOW), 0)
        assert state.flow == Flow(20.0, 0.0, 10.0, int(NOW))

    def test_other_trades_do_not(self) -> None:
        """Another price, or a buyer at our bid's price, says nothing of our queue."""
        state = follow(Config(), Queues(), world.order_update(), world.book({44: 100}, {46: 10}), NOW)
        for other in ({"price_ticks": 43, "aggressor": -1}, {"price_ticks": 44, "aggressor": 1}):
            assert trade(Config(), state, world.trade_print(**other), NOW).places == state.places

    def test_a_look_without_a_change_keeps_the_place(self) -> None:
        """The same value is kept, so that nothing is rebuilt."""
        place = Place("a", 1, 44, 70, 200, 0, 0, 0)
        assert looked(place, 200) == (place, 0)
        assert looked(place, 200)[0] is place
        assert looked(place, 300)[0].ahead == 70
        assert looked(hit(place, 90), 110)[0].ahead == 0

    def test_flow_fades_by_the_window_and_an_unknown_aggressor_counts_half(self) -> None:
        """Lots count e times less after one window."""
        flow = added(Flow(), 10.0, 0.0, 0.0, int(NOW), WINDOW)
        assert rate(flow, 1, int(NOW), WINDOW) == pytest.approx(10 / 60)
        assert rate(flow, 1, NOW + WINDOW, WINDOW) == pytest.approx(10 / 60 / exp(1))
        assert added(flow, 0.0, 4.0, 0.0, NOW + WINDOW, WINDOW).sold == pytest.approx(10 / exp(1))
        assert added(flow, 1.0, 0.0, 0.0, int(NOW), 0) == Flow(1.0, 0.0, 0.0, int(NOW))
        unknown = trade(Config(), Queues(), world.trade_print(aggressor=0, size_lots=8), NOW)
        assert (unknown.flow.sold, unknown.flow.bought) == (4.0, 4.0)

    def test_what_a_place_was_worth_is_learned_when_it_ends(self) -> None:
        """A fill counts at once, a cancel only after a whole horizon; the second weighs a tenth."""
        book, order = world.book({44: 100}, {46: 10}), world.order_update()
        placed = follow(Config(), Queues(), order, book, NOW)
        filled = world.order_update(state="FILLED", filled_lots=order.size_lots)
        learned = follow(Config(), placed, filled, book, NOW)
        assert (learned.hits, learned.places) == ((1_000_000, -1, -1, -1), ())
        again = Queues(placed.flow, placed.places, learned.hits)
        gone = world.order_update(state="CANCELLED")
        assert follow(Config(), again, gone, book, Instant(NOW + WINDOW - 1)).hits == (1_000_000, -1, -1, -1)
        assert follow(Config(), again, gone, book, Instant(NOW + WINDOW)).hits == (900_000, -1, -1, -1)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {"EXEC_FILL_ESTIMATED", "EXEC_FILL_UNLIKELY", "EXEC_FILL_HOPELESS", "EXEC_FILL_UNKNOWN"}
