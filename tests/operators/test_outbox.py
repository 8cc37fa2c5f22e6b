"""The row of an order moves only by proof: what may be at the venue is held, and no answer but the venue's ends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.order import AuthorisedOrder
from operators import outbox
from operators.outbox import Held, Match, Move
from tests import world

NOW = 1_760_000_000_000_000_000
MS = 1_000_000


def authorised(**child: object) -> AuthorisedOrder:
    """Return an authorised order for a thousand lots."""
    return AuthorisedOrder("i1", "p1", world.STRATEGY, world.child(**child), (world.vote(),), "g")


def fresh(**child: object) -> Held:
    """Return the row of an order that has just come."""
    return outbox.held(authorised(**child), "lab", "d1", NOW - 5, NOW)


def sent(**child: object) -> Held:
    """Return the row of an order that may have left."""
    return outbox.signed(fresh(**child), NOW).row


def live() -> Held:
    """Return the row of an order that rests."""
    return outbox.heard(sent(), "RESTING", "V1", 0).row


def match(lots: int, detail: str = "") -> Match:
    """Return a match at 44."""
    return Match("T1", 44, lots, 7, "maker", detail)


def words(move: Move) -> list[str]:
    """Return what a desk hears of a move."""
    return [each.event for each in move.events]


def test_first_write_wins() -> None:
    """A known id with the same content is a repeat, with another a contradiction that says both digests."""
    row = fresh()
    assert ["NEW", "REPEAT", "CONTRADICTED"] == [
        outbox.admit(None, "d1"), outbox.admit(row, "d1"), outbox.admit(row, "d2"),
    ]  # fmt: skip
    assert "GOV_ORDER_CONTRADICTED" in outbox.contradiction(row, "d2")
    assert "d1; now d2" in outbox.contradiction(row, "d2")


def test_a_revision_follows_a_proven_end_only() -> None:
    """The second revision waits for the end of the first; one that nobody knows proves nothing."""
    first = world.child()
    second = replace(first, revision=1)
    assert "" == outbox.earlier("i1", first)
    assert outbox.client_order_id("i1", 0, 0) == outbox.earlier("i1", second)
    states = {state: outbox.may_follow(replace(fresh(), state=state)) for state in (*outbox.ENDED, *LIVING)}
    assert set(outbox.ENDED) == {state for state, may in states.items() if may}
    assert not outbox.may_follow(None)


LIVING = (outbox.PENDING, outbox.SUBMITTED, outbox.LIVE, outbox.PARTIAL, outbox.UNKNOWN)


def test_an_order_that_did_not_leave_is_refused_with_its_reason() -> None:
    """The desk hears REJECT with the code, and nothing of it is open any more."""
    move = outbox.refused(fresh(), "RISK_SCOPE_BLOCK", "why")
    assert (outbox.REJECTED, 0, "RISK_SCOPE_BLOCK") == (move.row.state, move.row.open_lots, move.row.reason)
    assert ["RISK_SCOPE_BLOCK: why"] == [each.detail for each in move.events]


def test_a_send_that_was_proven_away_is_tried_three_times() -> None:
    """Busy twice: again later; busy the third time: refused."""
    row = fresh()
    for again in range(3):
        move = outbox.retried(outbox.signed(row, NOW).row, NOW + 9)
        row = move.row
        assert (outbox.REJECTED if again == 2 else outbox.PENDING) == row.state
    assert (NOW + 9, ["REJECT"]) == (row.not_before_ns, words(move))


def test_an_ambiguous_answer_is_held_whole_and_told_once() -> None:
    """UNKNOWN keeps every lot open, raises one alert, and says nothing to the desk."""
    move = outbox.ambiguous(sent())
    assert (outbox.UNKNOWN, 1_000, "EXEC_ORDER_UNKNOWN", ()) == (
        move.row.state, move.row.open_lots, move.alert, move.events,
    )  # fmt: skip
    assert Move(move.row) == outbox.ambiguous(move.row)


@pytest.mark.parametrize("make", [sent, lambda: outbox.ambiguous(sent()).row])
def test_what_is_found_is_adopted(make: object) -> None:
    """A doubted order that rests is LIVE and told so, one that ended is told both."""
    rests = outbox.heard(make(), "RESTING", "V1", 0)
    assert (outbox.LIVE, "V1", ["ACK"]) == (rests.row.state, rests.row.venue_order_id, words(rests))
    ended = outbox.heard(make(), "CANCELLED", "V1", 0)
    assert (outbox.CANCELLED, ["ACK", "CANCELLED"]) == (ended.row.state, words(ended))
    denied = outbox.heard(make(), "REJECTED", "", 0, "no money")
    assert (outbox.REJECTED, ["no money"]) == (denied.row.state, [each.detail for each in denied.events])


def test_an_end_waits_for_the_fills_that_belong_to_it() -> None:
    """A cancelled order of which 40 were filled ends when the fills say 40, and the end is told last."""
    named = outbox.heard(live(), "CANCELLED", "V1", 40)
    assert (outbox.LIVE, []) == (named.row.state, words(named))
    done = outbox.matched(named.row, match(40))
    assert (outbox.CANCELLED, 40, ["MATCH", "CANCELLED"]) == (done.row.state, done.row.filled_lots, words(done))


def test_fills_alone_fill_an_order() -> None:
    """The venue's FILLED ends nothing; a thousand lots of fills do, and no word follows the last match."""
    named = outbox.heard(live(), "FILLED", "V1", 1_000)
    assert outbox.LIVE == named.row.state
    half = outbox.matched(named.row, match(400))
    whole = outbox.matched(half.row, match(600))
    assert (outbox.PARTIAL, outbox.FILLED, ["MATCH"]) == (half.row.state, whole.row.state, words(whole))


def test_a_fill_finds_an_order_that_nobody_could_speak_for() -> None:
    """The match of an UNKNOWN order resolves it: acknowledged, matched, and its rest is open."""
    move = outbox.matched(outbox.ambiguous(sent()).row, match(400))
    assert (outbox.PARTIAL, 600, ["ACK", "MATCH"], "") == (
        move.row.state, move.row.open_lots, words(move), move.alert,
    )  # fmt: skip


def test_a_fill_too_many_is_an_alert() -> None:
    """More than the size, or of an order called rejected: applied as the venue says, and a person must look."""
    over = outbox.matched(live(), match(1_001))
    assert ("EXEC_ORDER_ILLEGAL_MOVE", 1_001) == (over.alert, over.row.filled_lots)
    late = outbox.matched(outbox.refused(sent(), "EXEC_PENDING_LOST").row, match(5))
    assert ("EXEC_ORDER_ILLEGAL_MOVE", ["MATCH"]) == (late.alert, words(late))


def test_settling_is_another_axis() -> None:
    """Settled or failed later moves no quantity; a failure is an alert."""
    row = outbox.matched(live(), match(400, "MATCHED")).row
    good, bad = outbox.rung(row, match(400, "CONFIRMED")), outbox.rung(row, match(400, "FAILED"))
    assert (row, row, "", "EXEC_ORDER_ILLEGAL_MOVE") == (good.row, bad.row, good.alert, bad.alert)
    assert ["CONFIRMED", "FAILED"] == [good.events[0].detail, bad.events[0].detail]


def absent(row: Held, at_ns: int, *, finds: bool = True, window_ms: int = 1_000) -> Move:
    """Return the move on an answer without the order."""
    return outbox.absent(row, finds=finds, window_ms=window_ms, now_ns=at_ns)


def test_not_found_is_no_end_while_it_could_still_be_accepted() -> None:
    """At the last moment of the window nothing is proven, however often; after it, two answers prove it."""
    row = sent()
    for _ in range(5):
        row = absent(row, NOW + 1_000 * MS).row
    assert outbox.SUBMITTED == row.state
    once = absent(row, NOW + 1_000 * MS + 1).row
    assert outbox.SUBMITTED == once.state
    assert outbox.PENDING == absent(once, NOW + 1_001 * MS).row.state


def test_absence_is_never_proven_without_a_window_or_a_look_up() -> None:
    """No look-up: UNKNOWN, with an alert. A window that nobody knows: in doubt for ever."""
    assert (outbox.UNKNOWN, "EXEC_ORDER_UNKNOWN") == (
        absent(sent(), NOW, finds=False).row.state, absent(sent(), NOW, finds=False).alert,
    )  # fmt: skip
    row = sent()
    for day in range(4):
        row = absent(row, NOW + day * 86_400_000 * MS, window_ms=0).row
    assert outbox.SUBMITTED == row.state


def test_a_signed_expiry_closes_the_window() -> None:
    """A GTD order cannot be accepted after its own end, whatever the window; another force has no such end."""
    row = sent(time_in_force="GTD", expires_ns=NOW + 50)
    row = absent(absent(row, NOW + 51, window_ms=0).row, NOW + 51, window_ms=0).row
    assert outbox.PENDING == row.state
    assert 0 == sent(time_in_force="GTC", expires_ns=NOW + 50).until_ns


def test_an_ambiguous_order_is_never_sent_again() -> None:
    """Proven absent, it is refused and its desk told; only what a dead process had in hand goes back to be asked."""
    row = absent(outbox.ambiguous(sent()).row, NOW + 5_000 * MS).row
    move = absent(row, NOW + 5_000 * MS)
    assert (outbox.REJECTED, "EXEC_PENDING_LOST", ["REJECT"]) == (move.row.state, move.row.reason, words(move))
    assert not outbox.may_repeat(replace(row, absent=9), refuses_repeats=True)


def test_a_repeat_needs_a_venue_that_refuses_it() -> None:
    """SUBMITTED by a dead process, twice not found, fewer than three sends, and the venue refuses a known id."""
    row = replace(sent(), absent=outbox.ABSENCES)
    assert outbox.may_repeat(row, refuses_repeats=True)
    assert not outbox.may_repeat(row, refuses_repeats=False)
    assert not outbox.may_repeat(replace(row, absent=1), refuses_repeats=True)
    assert not outbox.may_repeat(replace(row, tries=3), refuses_repeats=True)


def test_an_acknowledged_order_that_is_gone_twice_was_cancelled() -> None:
    """Once proves nothing; the second complete list ends it, for what its fills do not say."""
    once = outbox.gone(live())
    twice = outbox.gone(once.row)
    assert ([], outbox.LIVE) == (words(once), once.row.state)
    assert (["CANCELLED"], outbox.CANCELLED) == (words(twice), twice.row.state)


def test_an_end_that_was_no_end_is_adopted_with_an_alert() -> None:
    """An order called rejected that rests is LIVE again, and a person must look."""
    move = outbox.heard(outbox.refused(sent(), "EXEC_PENDING_LOST").row, "RESTING", "V1", 0)
    assert (outbox.LIVE, "EXEC_ORDER_ILLEGAL_MOVE") == (move.row.state, move.alert)


def test_a_person_may_end_a_doubt_and_nothing_else() -> None:
    """By the venue's id it rests, without one it never was there; an order out of doubt is left alone."""
    row = outbox.ambiguous(sent()).row
    assert outbox.LIVE == outbox.by_person(row, "V9", "me").row.state
    assert ["EXEC_PENDING_LOST: by me"] == [each.detail for each in outbox.by_person(row, "", "me").events]
    assert Move(live()) == outbox.by_person(live(), "", "me")


def test_a_cancel_ends_at_once_what_is_not_at_the_venue() -> None:
    """What waits is cancelled here; what may have left is only marked."""
    waits, left = outbox.cancelling(fresh()), outbox.cancelling(sent())
    assert (outbox.CANCELLED, ["CANCELLED"]) == (waits.row.state, words(waits))
    assert (outbox.SUBMITTED, True, []) == (left.row.state, left.row.cancelling, words(left))


MOVES = st.sampled_from(["signed", "busy", "lost", "rest", "end", "fill", "absent", "gone", "cancel"])


@given(st.lists(MOVES, max_size=14))
def test_whatever_comes_fills_are_kept_and_an_end_is_told_once(moves: list[str]) -> None:
    """Over any row of words: filled lots are the sum of matches, and at most one word of an end goes back."""
    row, filled, said = fresh(), 0, []
    for number, name in enumerate(moves):
        if row.state in outbox.ENDED and name in ("signed", "busy", "lost", "absent", "gone", "cancel", "rest"):
            continue
        if name in ("signed", "busy") and row.state != (outbox.PENDING if name == "signed" else outbox.SUBMITTED):
            continue
        if name in ("lost", "absent") and row.state not in outbox.DOUBTED:
            continue
        move = {
            "signed": lambda r: outbox.signed(r, NOW),
            "busy": lambda r: outbox.retried(r, NOW),
            "lost": outbox.ambiguous,
            "rest": lambda r: outbox.heard(r, "RESTING", "V1", 0),
            "end": lambda r, so_far=filled: outbox.heard(r, "CANCELLED", "V1", so_far) if r.sent_ns else Move(r),
            "fill": lambda r: outbox.matched(r, match(10)) if r.sent_ns else Move(r),
            "absent": lambda r, at=number: absent(r, NOW + (5_000 + at) * MS),
            "gone": outbox.gone,
            "cancel": outbox.cancelling,
        }[name](row)
        filled += 10 if name == "fill" and row.sent_ns else 0
        row, said = move.row, said + words(move)
    assert filled == row.filled_lots
    assert sum(word in ("REJECT", "CANCELLED", "EXPIRED") for word in said) <= 1
    assert said.count("MATCH") * 10 == filled
