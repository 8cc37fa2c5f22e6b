"""A submitter sends what was authorised, once, if everything still holds; what it cannot know it holds, and tells."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from connectors import faults
from connectors.errors import BrokerError
from connectors.venue import VenueFill
from contracts.order import VenueOrderEvent
from flows.submit_setup import settled_by_person
from operators import outbox
from operators.last_gate import GATE, Limits, Quote, Scope
from tests.flows.scripted_venue import BLIND, GOOD, LOOKS, SECOND_NS, ScriptedVenue
from tests.flows.submitting import (
    FIRST,
    FREE,
    SECOND,
    THIRD,
    ListInbox,
    Rig,
    cancel_row,
    id_of,
    order_row,
)


def reason_of(rig: Rig, row: object) -> str:
    """Return why an order was refused."""
    found = rig.outbox.row(id_of(row))
    assert outbox.REJECTED == found.state
    return found.reason


def placed(rig: Rig) -> list[str]:
    """Return the ids that were handed to the venue, in order."""
    return [about for what, about in rig.venue.calls if what == "place"]


def test_orders_leave_once_and_in_order(tmp_path: Path) -> None:
    """Three orders, said twice: three sends in the order of authorisation, one ACK each, one numbered event each."""
    rig = Rig(tmp_path)
    rows = [order_row(n, rig.clock(), market) for n, market in enumerate((FIRST, SECOND, THIRD))]
    rig.give(*rows, *rows)
    rig.turns(rig.begin(), 3)
    assert [id_of(row) for row in rows] == placed(rig)
    assert [["ACK"]] * 3 == [rig.told.of(id_of(row)) for row in rows]
    assert [1, 2, 3] == sorted(rig.told.events)


def test_an_id_with_another_content_is_an_incident_and_does_not_leave(tmp_path: Path) -> None:
    """The first content is sent, the second is not, and a person is told."""
    rig = Rig(tmp_path)
    rig.give(order_row(1, rig.clock()), order_row(1, rig.clock(), size_lots=7))
    rig.turns(rig.begin())
    assert [1_000] == [each.size_lots for each in rig.venue.orders.values()]
    assert ["GOV_ORDER_CONTRADICTED"] == [each.reason for _, _, each in rig.outbox.incidents()]


@pytest.mark.parametrize("script", ["lost", "dropped", "late"])
def test_an_answer_that_never_comes(tmp_path: Path, script: str) -> None:
    """UNKNOWN: its exposure reserved, one alert, never sent again; its market waits, another does not; then found."""
    rig = Rig(tmp_path)
    rig.venue.script = [script]
    lost, same, other = (order_row(n, rig.clock(), market) for n, market in ((1, FIRST), (2, FIRST), (3, SECOND)))
    submitter = rig.begin()
    rig.turns(submitter, 1)
    rig.give(lost)
    submitter.take()
    submitter.send()
    rig.venue.down = True  # nobody answers: it stays unknown
    assert outbox.UNKNOWN == rig.state_of(lost)
    assert 4_400_000 == submitter.compare.reserved()
    rig.turns(submitter, 20, 1.0)
    assert (outbox.UNKNOWN, 1) == (rig.state_of(lost), len(placed(rig)))
    rig.venue.down = False
    rig.venue.script = []
    now = rig.clock()
    rig.give(replace_said(same, now), replace_said(other, now))
    submitter.take()
    submitter.send()
    assert "EXEC_PENDING_WAITING" == reason_of(rig, same)
    assert outbox.LIVE == rig.state_of(other)
    rig.turns(submitter, 8, 1.0)
    found = {"lost": outbox.LIVE, "late": outbox.LIVE, "dropped": outbox.REJECTED}[script]
    assert (found, 1) == (rig.state_of(lost), placed(rig).count(id_of(lost)))
    told = [each.incident_key for _, _, each in rig.outbox.incidents()]
    assert [f"flows.submit/order_unknown/{id_of(lost)}"] == told


def replace_said(row: object, now_ns: int) -> object:
    """Return an authorised order as of now."""
    return msgspec.structs.replace(row, at_ns=now_ns)


def test_a_later_fill_finds_an_order_that_was_never_answered(tmp_path: Path) -> None:
    """At a venue without a look-up, a fill that names our id resolves the order; without one a person does."""
    rig = Rig(tmp_path, venue=None)
    rig.venue = ScriptedVenue(rig.clock, BLIND, script=["lost", "dropped"])
    lost, gone = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND)
    submitter = rig.begin()
    rig.give(lost, gone)
    rig.turns(submitter, 10, 1.0)
    assert [outbox.UNKNOWN] * 2 == [rig.state_of(lost), rig.state_of(gone)]
    rig.venue.pushed.append(VenueFill("T9", "V1", id_of(lost), FIRST, 1, 44, 400, 0, "maker", rig.clock()))
    rig.turns(submitter)
    assert (outbox.PARTIAL, ["ACK", "MATCH"]) == (rig.state_of(lost), rig.told.of(id_of(lost)))
    assert 1 == settled_by_person(rig.outbox, [id_of(gone)], rig.clock())
    rig.turns(submitter)
    assert (outbox.REJECTED, ["REJECT"]) == (rig.state_of(gone), rig.told.of(id_of(gone)))
    assert 1 == rig.venue.accepted[id_of(lost)]


def test_the_market_moved_between_the_vote_and_the_submit(tmp_path: Path) -> None:
    """Skipped, with the reason, and with the vote and the quote that it read on record."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    rig.quotes.said[FIRST] = Quote(60, 62, 10, 10, rig.clock())
    rig.give(row)
    rig.turns(rig.begin())
    assert ("RISK_PRICE_DRIFT", []) == (reason_of(rig, row), placed(rig))
    ((vote, quote),) = rig.outbox.votes(id_of(row))
    assert (GATE, "REJECT", 170_000, 50_000) == (vote.gate, vote.verdict, vote.seen, vote.limit)
    assert [60, 62, 10, 10, rig.clock()] == quote


@pytest.mark.parametrize("age_ms", [501, None])
def test_without_a_quote_younger_than_half_a_second_nothing_leaves(tmp_path: Path, age_ms: int | None) -> None:
    """An old quote and none at all are the same: blind, and refused."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    rig.quotes.said[FIRST] = None if age_ms is None else Quote(44, 46, 9, 9, rig.clock() - age_ms * 1_000_000)
    rig.give(row)
    rig.turns(rig.begin(), 1)
    assert ("RISK_REVALIDATION_BLIND", []) == (reason_of(rig, row), placed(rig))
    assert 1 == len(rig.outbox.votes(id_of(row)))


@pytest.mark.parametrize("lists", [Scope(markets=frozenset({SECOND})), Scope(series=frozenset({"KXSNOW"}))])
def test_scope_at_submit_alone(tmp_path: Path, lists: Scope) -> None:
    """Whatever candidate and intent let through: an order outside the submitter's own lists is stopped here."""
    rig = Rig(tmp_path, scope=lists)
    row = order_row(1, rig.clock())
    rig.give(row)
    rig.turns(rig.begin())
    assert ("RISK_SCOPE_BLOCK", []) == (reason_of(rig, row), placed(rig))
    elsewhere = order_row(3, rig.clock(), venue_id="polymarket")
    rig.give(elsewhere)
    rig.turns(rig.begin())
    assert ("RISK_SCOPE_BLOCK", []) == (reason_of(rig, elsewhere), placed(rig))
    unknown = order_row(2, rig.clock(), "NOBODY-KNOWS")
    rig.give(unknown)
    rig.turns(rig.begin())
    assert ("RISK_SCOPE_BLOCK", []) == (reason_of(rig, unknown), placed(rig))


def test_scope_in_live_needs_a_list(tmp_path: Path) -> None:
    """An empty scope matches nothing in live; the event's series lets through."""
    rig = Rig(tmp_path, mode="live")
    row = order_row(1, rig.clock())
    rig.give(row)
    rig.turns(rig.begin())
    assert "RISK_SCOPE_BLOCK" == reason_of(rig, row)
    listed = Rig(tmp_path / "b", mode="live", scope=Scope(series=frozenset({"KXRAIN"})))
    listed.folder.mkdir()
    listed.give(row)
    listed.turns(listed.begin())
    assert outbox.LIVE == listed.state_of(row)


def test_caps_of_a_cycle_are_read_again(tmp_path: Path) -> None:
    """Five orders of a window leave, the sixth does not; too large is skipped, and a smaller one after it leaves."""
    rig = Rig(tmp_path, limits=replace(FREE, cycle_orders=5))
    rows = [order_row(n, rig.clock(), (FIRST, SECOND)[n % 2]) for n in range(6)]
    rig.give(*rows)
    rig.turns(rig.begin())
    assert (5, "RISK_MAX_ORDERS_PER_CYCLE_GUARD") == (len(placed(rig)), reason_of(rig, rows[5]))
    small = Rig(tmp_path / "b", limits=replace(FREE, cycle_micros=10_000_000))
    small.folder.mkdir()
    three = [order_row(n, small.clock(), size_lots=lots) for n, lots in enumerate((1_500, 1_000, 700))]
    small.give(*three)
    small.turns(small.begin())
    assert "RISK_MAX_NOTIONAL_PER_CYCLE_GUARD" == reason_of(small, three[1])
    assert [id_of(three[0]), id_of(three[2])] == placed(small)


def test_caps_are_kept_over_a_restart(tmp_path: Path) -> None:
    """What left before a crash counts after it."""
    rig = Rig(tmp_path, limits=replace(FREE, cycle_orders=1))
    first, second = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND)
    rig.give(first)
    rig.turns(rig.begin())
    rig.give(second)
    rig.turns(rig.begin())
    assert "RISK_MAX_ORDERS_PER_CYCLE_GUARD" == reason_of(rig, second)


def test_the_loss_of_the_day_stops_entries_and_lets_exits_go(tmp_path: Path) -> None:
    """A tenth of the first equity lost: entries refused, a proven exit leaves, a claimed one does not."""
    rig = Rig(tmp_path)
    rig.venue.cash_micros, rig.venue.positions = 0, {FIRST: 1_000}
    submitter = rig.begin()
    assert 0 == submitter.watch.profit()
    rig.quotes.said[FIRST] = Quote(39, 41, 900, 900, rig.clock())
    entry = order_row(1, rig.clock(), SECOND)
    leaves = order_row(2, rig.clock(), side=-1, price_ticks=41, reduce_only=True)
    claims = order_row(3, rig.clock(), side=-1, price_ticks=41, reduce_only=True, size_lots=1_001)
    rig.give(entry, leaves, claims)
    rig.turns(submitter, 1)
    assert ["RISK_DAILY_LOSS_GUARD"] * 2 == [reason_of(rig, entry), reason_of(rig, claims)]
    assert [id_of(leaves)] == placed(rig)


def test_desks_that_share_an_account_never_meet(tmp_path: Path) -> None:
    """The ask of one desk that would meet the resting bid of another is refused; one tick away it leaves."""
    rig = Rig(tmp_path)
    other = ListInbox(desk_id="bot2")
    bid = order_row(1, rig.clock())
    submitter = rig.begin()
    submitter.parts.inboxes = [rig.inbox, other]
    rig.give(bid)
    rig.turns(submitter, 1)
    meets = order_row(2, rig.clock(), side=-1, price_ticks=44)
    misses = order_row(3, rig.clock(), side=-1, price_ticks=45)
    other.rows += [meets, misses]
    rig.turns(submitter, 1)
    assert ("RISK_SELF_TRADE", outbox.LIVE) == (reason_of(rig, meets), rig.state_of(misses))


def test_a_revision_waits_for_the_proven_end_of_the_one_before(tmp_path: Path) -> None:
    """While the first rests the second is refused; after its end the next one leaves."""
    rig = Rig(tmp_path)
    first, early = order_row(1, rig.clock()), order_row(1, rig.clock(), revision=1, price_ticks=43)
    submitter = rig.begin()
    rig.give(first, early)
    rig.turns(submitter, 1)
    assert "EXEC_PENDING_WAITING" == reason_of(rig, early)
    rig.give(cancel_row(first))
    rig.turns(submitter, 2)
    late = order_row(1, rig.clock(), revision=2, price_ticks=43)
    rig.give(late)
    rig.turns(submitter, 1)
    assert (outbox.CANCELLED, outbox.LIVE) == (rig.state_of(first), rig.state_of(late))


def test_cancels_are_blocked_by_nothing(tmp_path: Path) -> None:
    """With the kill switch engaged, the clock lost, no quote, no scope: a cancel leaves, and its order is gone."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(row)
    rig.turns(submitter, 1)
    rig.veto.write_text("market:ELSEWHERE")
    rig.environ["BOT_DISABLE_TRADING"] = "1"
    rig.venue.cancel_all_works = False
    submitter.watch.clock_known = False
    rig.give(cancel_row(row), cancel_row(row))
    rig.turns(submitter, 2)
    assert (outbox.CANCELLED, ["ACK", "CANCELLED"]) == (rig.state_of(row), rig.told.of(id_of(row)))
    assert [] == rig.outbox.wanted()


def test_a_cancel_of_a_doubted_order_waits_until_it_is_found(tmp_path: Path) -> None:
    """It cannot be named to the venue before; once found it is taken back, and one that waits here never leaves."""
    rig = Rig(tmp_path)
    rig.venue.script = ["lost"]
    row, waits = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND, delay_ms=5_000)
    submitter = rig.begin()
    rig.give(row, waits)
    rig.turns(submitter, 1)
    rig.give(cancel_row(row, 800), cancel_row(waits, 801))
    rig.turns(submitter, 6, 1.0)
    assert [outbox.CANCELLED] * 2 == [rig.state_of(row), rig.state_of(waits)]
    assert [id_of(row)] == placed(rig)
    rig.give(cancel_row(order_row(77, rig.clock()), 802))
    rig.turns(submitter, 1)
    assert ["CANCEL_REJECT"] == rig.told.of(id_of(order_row(77, 0)))


def test_busy_is_tried_again_and_no_is_no(tmp_path: Path) -> None:
    """A proven refusal for now is asked and sent again when the venue says; one for good is told in its words."""
    rig = Rig(tmp_path)
    rig.venue.script = ["busy", "no"]
    busy, no = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND)
    submitter = rig.begin()
    rig.give(busy, no)
    rig.turns(submitter, 1)
    assert (outbox.PENDING, "EXEC_VENUE_REJECT") == (rig.state_of(busy), reason_of(rig, no))
    rig.turns(submitter, 1, 0.5)
    rig.turns(submitter, 1)
    assert (outbox.LIVE, [id_of(busy), id_of(no), id_of(busy)]) == (rig.state_of(busy), placed(rig))
    assert "insufficient_balance" in next(
        each.said.detail for each in rig.told.events.values() if each.said.client_order_id == id_of(no)
    )


def test_fills_are_recorded_once_and_settle_on_their_own_axis(tmp_path: Path) -> None:
    """MATCHED, said three times, then CONFIRMED: one match, one settlement; FAILED holds the market for a person."""
    rig = Rig(tmp_path)
    row, other = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND)
    submitter = rig.begin()
    rig.give(row, other)
    rig.turns(submitter, 1)
    rig.venue.fill("V1", 400, settled=False)
    rig.venue.fill("V2", 400, settled=False)
    rig.turns(submitter, 6, 1.0)
    rig.venue.trades = [
        _with(rig.venue.trades[0], settled=True), _with(rig.venue.trades[1], failed=True),
    ]  # fmt: skip
    rig.turns(submitter, 4, 1.0)
    details = [each.said.detail for each in rig.told.events.values() if each.said.event == "MATCH"]
    assert ["CONFIRMED", "FAILED", "MATCHED", "MATCHED"] == sorted(details)
    assert [(400, True, False), (400, False, True)] == [
        (each.size_lots, each.settled, each.failed) for each in rig.outbox.fills()
    ]
    assert (400, {SECOND}) == (rig.outbox.row(id_of(row)).filled_lots, set(submitter.compare.on_hold))
    (key,) = [each.incident_key for market, _, each in rig.outbox.incidents() if market]
    assert rig.outbox.close_incident(key)
    assert not rig.outbox.close_incident(key)
    assert frozenset() == rig.outbox.on_hold()


def _with(fill: VenueFill, **over: object) -> VenueFill:
    import dataclasses

    return dataclasses.replace(fill, **over)


def test_what_is_not_ours_is_an_incident_that_holds_its_market(tmp_path: Path) -> None:
    """An order and a fill that no desk authorised: one incident each, and no new exposure beside them."""
    rig = Rig(tmp_path)
    submitter = rig.begin()
    rig.venue._accept(order_row(5, rig.clock(), SECOND).payload.child)
    rig.venue.fill("V1", 10)
    rig.turns(submitter, 4, 1.0)
    row = order_row(1, rig.clock(), SECOND)
    rig.give(row)
    rig.turns(submitter, 1)
    assert {"order_strange", "fill_strange"} == {each.cause_family for _, _, each in rig.outbox.incidents()}
    assert "EXEC_PENDING_WAITING" == reason_of(rig, row)


def test_a_list_that_is_not_whole_proves_nothing(tmp_path: Path) -> None:
    """An acknowledged order that an incomplete list lacks stays; two whole ones without it, and no look-up, end it."""
    rig = Rig(tmp_path)
    rig.venue = ScriptedVenue(rig.clock, BLIND)
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(row)
    rig.turns(submitter, 1)
    rig.clock.sleep(1.0)
    rig.venue.orders["V1"] = _order(rig, "V1", "CANCELLED")
    rig.venue.whole = False
    rig.turns(submitter, 6, 1.0)
    assert outbox.LIVE == rig.state_of(row)
    rig.venue.whole = True
    rig.turns(submitter, 6, 1.0)
    assert (outbox.CANCELLED, ["ACK", "CANCELLED"]) == (rig.state_of(row), rig.told.of(id_of(row)))


def _order(rig: Rig, key: str, state: str) -> object:
    import dataclasses

    return dataclasses.replace(rig.venue.orders[key], state=state)


def test_the_user_channel_makes_us_look_at_once(tmp_path: Path) -> None:
    """Its word of a cancel is not taken alone: the venue is asked, and its answer counts."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(row)
    rig.turns(submitter, 3, 1.0)
    said = VenueOrderEvent(id_of(row), "V1", FIRST, "CANCELLED", 1, 44, 1_000, "", "", 0, 0, "")
    rig.venue.pushed = [said]
    rig.turns(submitter, 1)
    assert outbox.LIVE == rig.state_of(row)
    rig.venue.orders["V1"] = _order(rig, "V1", "CANCELLED")
    rig.venue.pushed = [said]
    rig.turns(submitter, 1)
    assert outbox.CANCELLED == rig.state_of(row)


def test_the_dead_mans_switch_is_renewed_well_inside_and_not_without_a_clock(tmp_path: Path) -> None:
    """Ten seconds' time-out: never four seconds without a renewal; with the clock lost, none, and no new exposure."""
    rig = Rig(tmp_path)
    rig.venue.can = _can(rig, dead_man_s=10.0)
    submitter = rig.begin()
    rig.turns(submitter, 60, 0.5)
    at = rig.venue.renewed
    assert max(b - a for a, b in pairwise(at)) <= 4 * SECOND_NS
    rig.venue.error_ns = 2 * SECOND_NS
    rig.turns(submitter, 30, 0.5)
    before = len(rig.venue.renewed)
    row = order_row(1, rig.clock())
    rig.give(row)
    rig.turns(submitter, 60, 0.5)
    assert (before, "RISK_SAFETY_UNKNOWN") == (len(rig.venue.renewed), reason_of(rig, row))
    assert "clock_submit" in {each.cause_family for _, _, each in rig.outbox.incidents()}


def test_without_an_outbox_nothing_is_renewed_or_sent(tmp_path: Path) -> None:
    """An outbox that cannot be written ends the loop: the venue's switch runs out, and nothing leaves."""
    from connectors.outbox import OutboxError

    rig = Rig(tmp_path)
    rig.venue.can = _can(rig, dead_man_s=10.0)
    submitter = rig.begin()
    rig.turns(submitter, 1)
    rig.give(order_row(1, rig.clock()))
    rig.outbox._base.execute("PRAGMA query_only=ON")
    renewed = len(rig.venue.renewed)
    rig.clock.sleep(4.0)
    with pytest.raises(OutboxError):
        submitter.turn()
    assert (renewed, []) == (len(rig.venue.renewed), placed(rig))


def _can(rig: Rig, **over: object) -> object:
    import dataclasses

    return dataclasses.replace(rig.venue.can, **over)


def test_nothing_new_leaves_before_the_old_is_asked_about(tmp_path: Path) -> None:
    """Begun again while the venue does not answer, it waits; when it answers, the old comes first."""
    rig = Rig(tmp_path)
    rig.venue.script = ["lost"]
    old, new = order_row(1, rig.clock()), order_row(2, rig.clock(), SECOND)
    rig.give(old)
    rig.turns(rig.begin(), 1)
    rig.venue.down = True
    rig.give(new)
    submitter = rig.begin()
    rig.turns(submitter, 3, 0.1)
    assert ([id_of(old)], outbox.PENDING) == (placed(rig), rig.state_of(new))
    rig.venue.down = False
    rig.turns(submitter, 3, 0.5)
    assert [outbox.LIVE] * 2 == [rig.state_of(old), rig.state_of(new)]


def test_a_broker_that_is_away_stops_nothing_else(tmp_path: Path) -> None:
    """No new orders come; what was given before leaves, is compared, and can be cancelled."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(row)
    submitter.take()

    class Away(ListInbox):
        def take(self, most: int) -> object:
            raise BrokerError("no broker")

        def place(self) -> str:
            return rig.inbox.place()

    submitter.parts.inboxes = [Away()]
    rig.turns(submitter, 2)
    assert (outbox.LIVE, True) == (rig.state_of(row), submitter.counts.errors > 0)


def test_events_wait_while_they_cannot_be_given_back(tmp_path: Path) -> None:
    """The disk of the desk's side is full: the loop goes on, and each event goes back once there is room."""
    rig = Rig(tmp_path)
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    full = OSError(28, "no space")

    def refuse(events: object) -> None:
        raise full

    submitter.parts.deliver = refuse
    rig.give(row)
    rig.turns(submitter, 2)
    assert ([], outbox.LIVE) == (rig.told.of(id_of(row)), rig.state_of(row))
    submitter.parts.deliver = rig.told
    rig.turns(submitter, 1)
    assert ["ACK"] == rig.told.of(id_of(row))


def test_the_heartbeat_says_what_is(tmp_path: Path) -> None:
    """Time, status, money, exposure, positions, doubts and errors, a file written whole each second."""
    rig = Rig(tmp_path, more={"heartbeat": tmp_path / "beat.json"})
    rig.venue.positions = {SECOND: 5}
    rig.venue.script = ["dropped"]
    row = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(row)
    rig.turns(submitter, 1)
    beat = msgspec.json.decode((tmp_path / "beat.json").read_bytes())
    assert ("DOUBTED", 10_000_000_000, 4_400_000) == (beat["status"], beat["bankroll_micros"], beat["exposure_micros"])
    assert ({SECOND: 5}, [id_of(row)]) == (beat["open_positions"], beat["doubted_orders"])
    assert (1, rig.clock()) == (beat["counts"]["ambiguous"], beat["at_ns"])


def test_the_limits_are_those_of_the_catalogue() -> None:
    """Five orders and 2,000 dollars a minute, a tenth of the day's equity, a quote of 500 ms."""
    limits = Limits()
    assert (5, 2_000_000_000, 60, 100, 500) == (
        limits.cycle_orders, limits.cycle_micros, limits.cycle_s, limits.daily_loss_milli, limits.price.quote_age_ms,
    )  # fmt: skip


@pytest.mark.parametrize(("can", "sends"), [(LOOKS, 1), (GOOD, 2)])
def test_what_a_dead_process_sent_may_still_arrive(tmp_path: Path, can: object, sends: int) -> None:
    """On its way for 2.7 of 3 seconds: sent again only where the venue refuses a known id, and it stands there once."""
    rig = Rig(tmp_path)
    rig.venue = ScriptedVenue(rig.clock, can, script=["late"])
    row = order_row(1, rig.clock())
    rig.give(row)
    submitter = rig.begin()
    with faults.armed({"F9": (1, _die)}), pytest.raises(KeyboardInterrupt):
        submitter.turn()
    assert outbox.SUBMITTED == rig.state_of(row)
    rig.turns(rig.begin(), 16, 0.5)
    assert (outbox.LIVE, sends, 1) == (rig.state_of(row), len(placed(rig)), rig.venue.accepted[id_of(row)])


def _die() -> None:
    raise KeyboardInterrupt
