"""exec.pending_submit_reconciler: no new order beside one of which nobody knows; a snapshot is evidence, not proof."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.exec.pending_submit_reconciler import BOT_ID, Config, Waiting, alarm, follow, hold, weigh
from contracts.control import IncidentReport
from contracts.intent import BotNote
from contracts.order import CANCEL, MERGE, PLACE, AccountSnapshot, ExecutionPlan, OrderUpdate
from tests import world

NOW, SECOND = world.NOW, world.SECOND
NAME = world.order_update().client_order_id
UPDATES = (
    "PENDING_SUBMIT",
    "LIVE",
    "PARTIAL",
    "PENDING_CANCEL",
    "FILLED",
    "CANCELLED",
    "REJECTED",
    "EXPIRED",
    "UNKNOWN",
)


def update(state: str, at: int = 0, **fields: object) -> OrderUpdate:
    """Return the order in a state since so many seconds after now."""
    return world.order_update(state=state, since_ns=NOW + at * SECOND, **fields)


def heard(*updates: OrderUpdate, state: Waiting | None = None, at: int = 0) -> Waiting:
    """Return the state after updates, all heard so many seconds after now."""
    known = state or Waiting()
    for said in updates:
        known, _ = follow(Config(), known, said, NOW + at * SECOND)
    return known


def account(at: int, *names: str, complete: bool = True, name: str = world.ACCOUNT) -> AccountSnapshot:
    """Return what the venue lists so many seconds after now."""
    return AccountSnapshot(name, complete, 0, (), names, NOW + at * SECOND)


def seen(state: Waiting, *snapshots: AccountSnapshot) -> tuple[Waiting, BotNote | None]:
    """Return the state and the last note after snapshots, each heard a second after it was taken."""
    said = None
    for snapshot in snapshots:
        state, said = weigh(Config(), state, snapshot, world.desk(), snapshot.taken_ns + SECOND)
    return state, said


def plan(*actions: str) -> ExecutionPlan:
    """Return a plan of such children."""
    return world.plan(children=tuple(world.child(action=action) for action in actions))


def is_held(state: Waiting, at: int) -> bool:
    """True when a new order does not get through so many seconds after now."""
    return not hold(Config(), state, plan(PLACE), NOW + at * SECOND).children


class TestFixtures:
    def test_normal(self) -> None:
        """A doubted order is found live after a restart: adopted, EXEC_PENDING_RESOLVED, and the hold ends."""
        state, said = seen(heard(update("UNKNOWN")), account(6, NAME))
        assert said == BotNote("EXEC_PENDING_RESOLVED", 0, 2)
        assert not is_held(state, 7)

    def test_warning(self) -> None:
        """One snapshot without it: the hold stays, EXEC_PENDING_WAITING."""
        state, said = seen(heard(update("UNKNOWN")), account(6))
        assert said == BotNote("EXEC_PENDING_WAITING", 1, 2)
        assert is_held(state, 7)

    def test_hard(self) -> None:
        """Two complete snapshots without it: lost, EXEC_PENDING_LOST; the hold waits for the venue's own word."""
        state, said = seen(heard(update("UNKNOWN")), account(6), account(11))
        assert said == BotNote("EXEC_PENDING_LOST", 2, 2)
        assert is_held(state, 12)
        assert not is_held(heard(update("REJECTED", 13), state=state, at=13), 13)

    def test_failure(self) -> None:
        """No account for two minutes: one incident, EXEC_PENDING_TIMEOUT, and the hold stays."""
        state = heard(update("UNKNOWN"))
        early = alarm(Config(), state, world.tick(), world.definition(), NOW + 119 * SECOND)
        state, said = alarm(Config(), state, world.tick(), world.definition(), NOW + 120 * SECOND)
        again = alarm(Config(), state, world.tick(), world.definition(), NOW + 121 * SECOND)
        assert (early[1], again[1]) == (None, None)
        assert isinstance(said, IncidentReport)
        assert (said.reason, said.opened_by, said.severity) == ("EXEC_PENDING_TIMEOUT", BOT_ID, "P1")
        assert said.evidence == (world.MARKET, NAME)
        assert hold(Config(), state, plan(PLACE), NOW + 121 * SECOND).reasons == ("EXEC_PENDING_TIMEOUT",)


class TestHold:
    def test_only_new_orders_are_taken_out(self) -> None:
        """Cancels and what goes to a chain pass; the plan is hashed anew and says why."""
        before = plan(CANCEL, PLACE, MERGE)
        after = hold(Config(), heard(update("UNKNOWN")), before, NOW)
        assert after.children == (before.children[0], before.children[2])
        assert after.reasons == ("EXEC_PENDING_WAITING",)
        assert after.plan_hash not in ("", before.plan_hash)

    def test_a_plan_of_cancels_is_as_it_was(self) -> None:
        """What takes an order back is never touched."""
        before = plan(CANCEL)
        assert hold(Config(), heard(update("UNKNOWN")), before, NOW) is before

    def test_nothing_is_held_where_nothing_is_in_doubt(self) -> None:
        """An ordinary market costs one look."""
        before = plan(PLACE)
        assert hold(Config(), Waiting(), before, NOW) is before

    @pytest.mark.parametrize(("at", "held"), [(4, False), (5, True)])
    def test_what_was_just_sent_is_no_doubt_until_settle_s(self, at: int, held: bool) -> None:
        """The other side of a quote goes out beside an order that was sent a moment ago."""
        assert is_held(heard(update("PENDING_SUBMIT")), at) is held

    @pytest.mark.parametrize("between", ["PENDING_CANCEL", "PENDING_SUBMIT"])
    def test_a_cancel_on_its_way_ends_no_doubt(self, between: str) -> None:
        """A cancel of a doubted order hides its state and not the doubt."""
        assert is_held(heard(update("UNKNOWN"), update(between)), 0)

    @pytest.mark.parametrize("end", ["LIVE", "PARTIAL", "FILLED", "CANCELLED", "REJECTED", "EXPIRED"])
    def test_the_venues_word_ends_it(self, end: str) -> None:
        """Whatever the venue says of the order, it is known then: EXEC_PENDING_RESOLVED."""
        state, said = follow(Config(), heard(update("UNKNOWN")), update(end), NOW)
        assert said == BotNote("EXEC_PENDING_RESOLVED")
        assert state == Waiting()

    def test_an_ordinary_answer_is_not_spoken_of(self) -> None:
        """An order that is answered in time was never in doubt."""
        assert follow(Config(), heard(update("PENDING_SUBMIT")), update("LIVE"), NOW + SECOND) == (Waiting(), None)

    def test_what_was_never_sent_from_here_is_not_waited_for(self) -> None:
        """A cancel of an order that had its answer is no doubt."""
        assert heard(update("PENDING_CANCEL"), update("LIVE")) == Waiting()


class TestEvidence:
    @pytest.mark.parametrize(("at", "counts"), [(4, False), (5, True)])
    def test_a_snapshot_counts_from_settle_s_after_the_submission(self, at: int, counts: bool) -> None:
        """Earlier the venue may not have entered it yet."""
        state, said = seen(heard(update("UNKNOWN")), account(at))
        assert (said is not None, state.doubts[0].absent) == (counts, int(counts))

    def test_the_submission_counts_and_not_the_doubt(self) -> None:
        """An order becomes UNKNOWN after three seconds; five seconds after it was sent a snapshot is evidence."""
        state = heard(update("PENDING_SUBMIT"), update("UNKNOWN", 3))
        assert seen(state, account(5))[1] == BotNote("EXEC_PENDING_WAITING", 1, 2)

    def test_the_same_snapshot_counts_once(self) -> None:
        """A repeat, or an older one that comes late, is no second proof."""
        state, said = seen(heard(update("UNKNOWN")), account(6), account(6), account(5))
        assert (said, state.doubts[0].absent) == (None, 1)

    def test_an_incomplete_snapshot_resolves_nothing(self) -> None:
        """Neither finds nor counts, whatever it lists: EXEC_PENDING_WAITING."""
        state, said = seen(heard(update("UNKNOWN")), account(6), account(11, NAME, complete=False))
        assert (said, state.doubts[0].absent) == (BotNote("EXEC_PENDING_WAITING", 1, 2), 1)

    def test_another_account_says_nothing_of_it(self) -> None:
        """Orders of a desk rest in its own account."""
        assert seen(heard(update("UNKNOWN")), account(6, NAME, name="other"))[1] is None

    def test_found_in_between_begins_anew(self) -> None:
        """Only absences in a row count; what rested and is gone is in doubt again."""
        state, said = seen(heard(update("UNKNOWN")), account(6), account(11, NAME), account(16))
        assert said == BotNote("EXEC_PENDING_WAITING", 1, 2)
        assert is_held(state, 17)

    def test_the_gravest_of_several_is_said(self) -> None:
        """One found and one absent: the absent one is spoken of, and holds."""
        other = update("UNKNOWN", client_order_id="other")
        state, said = seen(heard(update("UNKNOWN"), other), account(6, NAME))
        assert said == BotNote("EXEC_PENDING_WAITING", 1, 2)
        assert is_held(state, 7)

    def test_nothing_waits_nothing_is_said(self) -> None:
        """A snapshot is not looked at where all orders have their answers."""
        assert seen(Waiting(), account(6)) == (Waiting(), None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*UPDATES, "seen", "absent", "incomplete"]), max_size=12))
def test_while_the_last_word_is_unknown_and_no_snapshot_found_it_nothing_new_leaves(words: list[str]) -> None:
    """Whatever came before, an order that is UNKNOWN and was not found since its doubt began is a hold."""
    state, is_doubted, is_found = Waiting(), False, False
    for at, word in enumerate(words, start=1):
        if word in UPDATES:
            state = heard(update(word), state=state, at=at)
            if word == "UNKNOWN":
                is_doubted, is_found = True, False
            elif word not in ("PENDING_CANCEL", "PENDING_SUBMIT"):
                is_doubted = is_found = False
        else:
            names = (NAME,) if word == "seen" else ()
            state, _ = seen(state, account(10 * at, *names, complete=word != "incomplete"))
            is_found = is_found if word == "incomplete" else word == "seen" and is_doubted
        if is_doubted and not is_found:
            assert is_held(state, at)
