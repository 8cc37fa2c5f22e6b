"""sec.session_key_manager: one short-lived key for each plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.session_keys import Bounds, Uses, chosen
from bots.sec import session_key_manager as guard
from bots.sec.session_key_manager import Config, Register
from contracts.intent import APPROVE, REJECT
from contracts.order import CANCEL, AuthorisedOrder
from contracts.reasons import SEC_KEY_INVALID, SEC_KEY_OK, SEC_KEY_ROTATE_SOON, SEC_KEY_STATE_MISSING
from tests import world
from tests.bots.sec.policies import DAY_NS, MINUTE_NS, key, policy
from tests.world import NOW, SECOND

DEFAULT, PLAN = Config(), world.plan()


def after(uses, ref="k1"):
    """Return the state after a key was used so often."""
    return Register(Uses(((ref,), (uses,))))


def voted(*keys, uses=5, plan=PLAN, said=None, desk=None):
    """Return the vote with these keys in the register."""
    bundle = policy(keys=keys) if said is None else said
    return guard.decide(DEFAULT, after(uses), plan, bundle or None, desk or world.desk(), NOW)


def test_normal():
    """Key 10 min old, 5 uses: APPROVE, SEC_KEY_OK; seen is its place in the register."""
    vote = voted(key(venue_id="bitget", key_ref="k0"), key())
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_KEY_OK, 1, 1)


def test_warning():
    """Parent 29 days old: APPROVE flagged, SEC_KEY_ROTATE_SOON; nine tenths of any limit are near."""
    vote = voted(key(parent_issued_ns=NOW - 29 * DAY_NS))
    assert (vote.verdict, vote.reason) == (APPROVE, SEC_KEY_ROTATE_SOON)
    assert voted(key(parent_issued_ns=NOW - 27 * DAY_NS)).reason == SEC_KEY_ROTATE_SOON
    assert voted(key(parent_issued_ns=NOW - 27 * DAY_NS + MINUTE_NS)).reason == SEC_KEY_OK
    assert [voted(key(), uses=uses).reason for uses in (449, 450)] == [SEC_KEY_OK, SEC_KEY_ROTATE_SOON]
    assert voted(key(issued_ns=NOW - 54 * MINUTE_NS)).reason == SEC_KEY_ROTATE_SOON


def test_hard():
    """Fingerprint in stage and prod: REJECT, SEC_KEY_INVALID, in both."""
    pair = (key(environment="stage"), key(environment="prod", key_ref="k2", desk_mode="live", account="main"))
    vote = voted(*pair)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_KEY_INVALID, -1, 1)
    assert voted(*pair, desk=world.desk(desk_mode="live", account="main")).reason == SEC_KEY_INVALID


def test_failure():
    """Registry absent: REJECT, SEC_KEY_STATE_MISSING; empty or unsigned likewise."""
    for said in (False, policy(keys=()), policy(signed_by="", keys=())):
        vote = voted(said=said)
        assert (vote.verdict, vote.reason) == (REJECT, SEC_KEY_STATE_MISSING)


@pytest.mark.parametrize(
    ("change", "uses", "valid"),
    [
        ({"issued_ns": NOW - 3_600 * SECOND}, 0, True),
        ({"issued_ns": NOW - 3_600 * SECOND - 1}, 0, False),
        ({"issued_ns": NOW + 1}, 0, False),
        ({"parent_issued_ns": NOW - 32 * DAY_NS}, 0, True),
        ({"parent_issued_ns": NOW - 32 * DAY_NS - 1}, 0, False),
        ({}, 499, True),
        ({}, 500, False),
        ({"account": "other"}, 0, False),
        ({"venue_id": "bitget"}, 0, False),
        ({"desk_mode": "live"}, 0, False),
    ],
)
def test_both_sides_of_every_limit(change, uses, valid):
    """Session, parent with its grace, uses, and the three parts of the scope."""
    vote = voted(key(**change), uses=uses)
    assert (vote.verdict, vote.reason == SEC_KEY_INVALID) == (APPROVE if valid else REJECT, not valid)


def test_the_key_with_the_most_life_is_chosen():
    """Of two valid keys the younger session wins; the parent's rest counts when it is less; ties go by name."""
    old, young = key(key_ref="k1", issued_ns=NOW - 20 * MINUTE_NS), key(key_ref="k2")
    assert voted(old, young).seen == 1
    ending = key(key_ref="k3", issued_ns=int(NOW), parent_issued_ns=NOW - 32 * DAY_NS + MINUTE_NS)
    assert voted(ending, old).seen == 1
    assert voted(key(key_ref="k9"), key(key_ref="k2")).seen == 1


def test_uses_are_counted_when_an_order_may_leave():
    """Each authorised order counts for the key that its vote names; keys that left the register are forgotten."""
    said = policy()
    vote = voted(*said.keys)
    order = AuthorisedOrder("i", "p", world.STRATEGY, world.child(), (vote,), "")
    state = guard.watch(DEFAULT, after(7, "gone"), order, said, NOW)
    assert (state.uses.of("k1"), state.uses.of("gone")) == (1, 0)
    assert guard.watch(DEFAULT, state, order, said, NOW).uses.of("k1") == 2
    assert guard.watch(DEFAULT, state, order, None, NOW) is state
    unvoted = AuthorisedOrder("i", "p", world.STRATEGY, world.child(), (), "")
    assert guard.watch(DEFAULT, state, unvoted, said, NOW) is state


def test_stopping_waits_for_no_rotation():
    """A plan that only cancels passes without a valid key, flagged; two venues in one plan have no key."""
    cancels = world.plan(children=(world.child(action=CANCEL),))
    vote = voted(key(), uses=500, plan=cancels)
    assert (vote.verdict, vote.reason, vote.seen) == (APPROVE, SEC_KEY_ROTATE_SOON, -1)
    assert voted(plan=cancels, said=False).verdict == APPROVE
    two = world.plan(children=(world.child(), world.child(venue_id="bitget")))
    assert voted(key(), plan=two).reason == SEC_KEY_INVALID


@given(st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 40), st.integers(0, 600)), max_size=6))
def test_no_key_beyond_its_limits_is_chosen(keys):
    """Whatever the register holds, the chosen key is inside all of its limits, and none valid has more life."""
    register = tuple(
        key(
            key_ref=f"k{n}", fingerprint=str(n) * 64, issued_ns=NOW - age * SECOND, parent_issued_ns=NOW - days * DAY_NS
        )
        for n, (age, days, _) in enumerate(keys)
    )
    uses = Uses((tuple(f"k{n}" for n in range(len(keys))), tuple(count for _, _, count in keys)))
    found = chosen(register, (world.ACCOUNT, "kalshi", "paper"), uses, Bounds(), NOW)
    valid = [n for n, (age, days, count) in enumerate(keys) if age <= 3_600 and days <= 32 and count < 500]
    assert (found.place in valid) if valid else found.place == -1
    if valid:
        life = {n: min(3_600 - keys[n][0], (32 - keys[n][1]) * 86_400) for n in valid}
        assert life[found.place] == max(life.values())
