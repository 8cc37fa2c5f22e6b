"""The queue models: what each believes of a cancel, when, and how the share is learnt."""

import pickle

import pytest

from contracts.base import Refused
from operators.queue_models import (
    DOUBT_ORDERS,
    ECHO_NS,
    MEMORY_ORDERS,
    Calibrated,
    Conservative,
    Guess,
    Line,
    Queued,
    queue_model,
)

M, T0 = 3, 1_000 * ECHO_NS
LATER = T0 + 2 * ECHO_NS


def guess(lots: int = 100, at: int = T0) -> Guess:
    """Return a line that joined behind a whole level."""
    return Guess(lots, at)


def full(line: Guess, at: int) -> int:
    """Credit pro rata at a moment; return what stands before us then."""
    line.credit(1, 1, at)
    return line.ahead


def taught(*orders: tuple[int, int, int]) -> Calibrated:
    """Return a model after orders that each joined 100 lots: (joined behind, cancelled, level at the end)."""
    model = Calibrated()
    for behind, cancelled, end in orders:
        order = Queued()
        model.joined(M, order, 100, T0)
        model.shown(M, order, 100 + behind, T0)
        model.shown(M, order, 100 + behind - cancelled, T0)
        model.shown(M, order, end, LATER)
        model.ended(M, order)
    return model


class TestNames:
    @pytest.mark.parametrize(("name", "kind"), [("conservative", Conservative), ("calibrated", Calibrated)])
    def test_a_model_has_a_name(self, name: str, kind: type) -> None:
        """It is made by it."""
        assert type(queue_model(name)) is kind

    def test_an_unknown_name_is_refused(self) -> None:
        """With what is allowed."""
        with pytest.raises(Refused, match="queue_model is 'hopeful'; allowed: conservative, calibrated"):
            queue_model("hopeful")


class TestLine:
    def test_it_is_never_longer_than_the_level(self) -> None:
        """One lot below it shortens, at its length it stays."""
        line = Line(100)
        line.shown(100, T0)
        assert (line.ahead, line.owed) == (100, 0)
        line.shown(99, T0)
        assert (line.ahead, line.owed) == (99, 1)

    @pytest.mark.parametrize(("later", "through"), [(ECHO_NS, 0), (ECHO_NS + 1, 30)])
    def test_what_left_the_level_is_owed_to_trades_for_a_second(self, later: int, through: int) -> None:
        """A trade of 100 after the level went from 100 to 70 leaves nothing; a nanosecond late it is another."""
        line = Line(100)
        line.shown(70, T0)
        assert line.met(100, T0 + later) == through


class TestGuess:
    def test_a_cancel_counts_pro_rata_once_nothing_can_explain_it(self) -> None:
        """50 of 200 lots left, we were behind 100 of them: after their second and the next one, 25 were before us."""
        line = guess()
        line.shown(200, T0)
        line.shown(150, T0)
        assert (full(line, T0), full(line, T0 + ECHO_NS)) == (100, 100)
        assert (full(line, T0 + 2 * ECHO_NS), line.credited) == (75, 25)
        assert full(line, T0 + 9 * ECHO_NS) == 75

    def test_a_long_silence_matures_everything(self) -> None:
        """Decreases of two seconds are credited together when both are old enough, as one."""
        line = guess()
        line.shown(200, T0)
        line.shown(180, T0)
        assert full(line, T0 + ECHO_NS) == 100
        line.shown(150, T0 + ECHO_NS)
        assert full(line, T0 + 3 * ECHO_NS) == 75

    def test_a_trade_explains_the_change_that_was_shown_before_it(self) -> None:
        """30 of 50 lots traded: they came off the front, and 20 lots are left to be credited: 20 * 70 / 170."""
        line = guess()
        line.shown(200, T0)
        line.shown(150, T0)
        assert (line.met(30, T0 + 400), line.ahead) == (0, 70)
        assert full(line, LATER) == 70 - 20 * 70 // 170

    def test_a_trade_explains_an_older_change_first(self) -> None:
        """20 lots of the second before and 10 of this one: a trade of 25 leaves 5 of the younger."""
        line = guess()
        line.shown(200, T0)
        line.shown(180, T0)
        full(line, T0 + ECHO_NS)
        line.shown(170, T0 + ECHO_NS)
        line.met(25, T0 + ECHO_NS)
        assert (line.old, line.young) == (0, 5)

    def test_a_change_after_its_trade_is_no_cancel(self) -> None:
        """50 lots went, 30 of them traded before: 20 * 70 / 170 are credited."""
        line = guess()
        line.shown(200, T0)
        line.met(30, T0)
        line.shown(150, T0 + 400)
        assert full(line, LATER) == 70 - 20 * 70 // 170

    @pytest.mark.parametrize(("later", "waiting"), [(2 * ECHO_NS, 0), (2 * ECHO_NS + 1, 30)])
    def test_a_trade_is_remembered_for_two_seconds(self, later: int, waiting: int) -> None:
        """A change that comes later than that is somebody else's leaving."""
        line = guess()
        line.shown(200, T0)
        line.met(30, T0)
        line.shown(170, T0 + later)
        assert line.young == waiting

    def test_what_the_level_settles_is_not_credited_again(self) -> None:
        """From 120 to 80 with 100 before us: 20 were before us for certain, 20 may have been."""
        line = guess()
        line.shown(120, T0)
        line.shown(80, T0)
        assert (line.ahead, line.young) == (80, 20)
        assert full(line, LATER) == 80 - 20 * 80 // 100

    def test_a_share_credits_a_part(self) -> None:
        """Of 25 lots pro rata a fifth."""
        line = guess()
        line.shown(200, T0)
        line.shown(150, T0)
        line.credit(1, 5, LATER)
        assert (line.ahead, line.credited) == (95, 5)


class TestLearning:
    def test_a_new_market_is_conservative(self) -> None:
        """No evidence, no credit."""
        model = Calibrated()
        assert model.share(M) == (0, 0)
        order = Queued()
        model.joined(M, order, 100, T0)
        model.shown(M, order, 200, T0)
        model.shown(M, order, 150, T0)
        assert model.met(M, order, 100, LATER) == 0
        assert model.met(M, order, 1, LATER) == 1

    def test_a_credit_is_proven_when_the_level_becomes_shorter_than_any_queue(self) -> None:
        """25 lots were credited; at the end 75 are displayed, so 25 of those before us did leave."""
        assert taught((100, 50, 75)).learnt == {M: (25, 25, 1)}

    def test_a_credit_is_wrong_as_far_as_nothing_proves_it(self) -> None:
        """A level of 150 proves nothing; one of 90 proves 10 of 25."""
        assert taught((100, 50, 150)).learnt == {M: (0, 25, 1)}
        assert taught((100, 50, 90)).learnt == {M: (10, 25, 1)}

    def test_trades_prove_nothing(self) -> None:
        """A trade that eats both queues leaves their distance as it was; one that ends the shorter one too."""
        for lots in (40, 75, 90):
            model, order = Calibrated(), Queued()
            model.joined(M, order, 100, T0)
            model.shown(M, order, 200, T0)
            model.shown(M, order, 150, T0)
            model.met(M, order, lots, LATER)
            model.shown(M, order, 150 - lots, LATER)
            model.ended(M, order)
            assert model.learnt == {M: (0, 25, 1)}

    def test_an_order_without_a_credit_teaches_nothing(self) -> None:
        """Nobody left, or everybody who left stood before us for certain."""
        assert taught((0, 50, 50), (100, 0, 200)).learnt == {}

    def test_the_share_grows_with_evidence(self) -> None:
        """After eight orders, all proven, it is a half; other markets know nothing of it."""
        model = taught(*[(100, 50, 75)] * DOUBT_ORDERS)
        part, whole = model.share(M)
        assert (2 * part, model.share(M + 1)) == (whole, (0, 0))

    def test_what_is_old_counts_half(self) -> None:
        """Sums are halved once, when the memory is full."""
        model = taught(*[(100, 50, 75)] * (MEMORY_ORDERS + 1))
        half = MEMORY_ORDERS // 2
        assert model.learnt == {M: (25 * (half + 1), 25 * (half + 1), half + 1)}

    def test_a_restart_forgets_nothing(self) -> None:
        """Model and order go on from a snapshot as they would have."""
        model, order = taught((100, 50, 75)), Queued()
        model.joined(M, order, 100, T0)
        model.shown(M, order, 200, T0)
        model.shown(M, order, 150, T0)
        other, twin = pickle.loads(pickle.dumps((model, order)))
        assert other.met(M, twin, 120, LATER) == model.met(M, order, 120, LATER)
        assert pickle.dumps((other, twin)) == pickle.dumps((model, order))
