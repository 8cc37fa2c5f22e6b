"""risk.compliance_gate: what the law lets an account do, and which rules said so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.risk import compliance_gate
from bots.risk.compliance_gate import Config
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.policy import AccountStanding, LegalRule
from contracts.reasons import (
    RISK_COMPLIANCE_BLOCK,
    RISK_COMPLIANCE_LIMIT_NEAR,
    RISK_COMPLIANCE_OK,
    RISK_COMPLIANCE_POLICY_STALE,
)
from tests import world
from tests.world import NOW, SECOND

HOUR = 3_600 * SECOND
DEFAULT = Config()
HOLDER = AccountStanding(world.ACCOUNT, "DE", "VERIFIED")
CAP = LegalRule("cap", "position", "", "M1", 25_000)
EXIT = {"side": -1, "reduce_only": True, "size_lots": 500}


def bundle(*rules, standing=HOLDER, age_ns=0):
    """Return a policy with one account and these rules."""
    standings = () if standing is None else (standing,)
    issued = NOW - age_ns
    return PolicyBundle("b", "h", (), (), (), (), (), "k", issued_ns=issued, standings=standings, rules=rules)


GIVEN = bundle()


def asked(policy=GIVEN, position=None, own=None, config=DEFAULT, account=world.ACCOUNT, mode="paper", **wish):
    """Return vote and report on a bid for two thousand lots."""
    intent = world.intent(**({"size_lots": 2_000, "side": 1} | wish))
    desk = world.desk(account=account, desk_mode=mode)
    return compliance_gate.decide(config, intent, world.definition(), position, own, desk, policy, NOW)


def told(*args, **more):
    """Return what the vote says."""
    vote, _ = asked(*args, **more)
    return vote.verdict, vote.reason, vote.seen, vote.limit


def held(lots):
    """Return a position of so many lots."""
    return world.position(size_lots=lots)


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Verified account, open category: APPROVE, RISK_COMPLIANCE_OK, under a named policy."""
    vote, report = asked()
    assert (vote.verdict, vote.reason) == (APPROVE, RISK_COMPLIANCE_OK)
    assert (report.event, report.intent_id, report.gate) == ("COMPLIANCE_DECISION", world.intent().intent_id, vote.gate)
    assert (report.verdict, report.reason) == (vote.verdict, vote.reason)
    assert report.compared == (("policy:b", NOW),)


def test_warning():
    """Legal limit 25000, held 24000, asks 2000: RESHAPE 1000, RISK_COMPLIANCE_LIMIT_NEAR."""
    vote, report = asked(bundle(CAP), held(24_000))
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_COMPLIANCE_LIMIT_NEAR, 1_000)
    assert (vote.seen, vote.limit) == (26_000, 25_000)
    assert report.compared[1:] == (
        ("rule:cap", 1), ("held_lots", 24_000), ("wanted_lots", 26_000), ("limit_lots", 25_000),
    )  # fmt: skip


def test_hard():
    """Blocked region: REJECT, RISK_COMPLIANCE_BLOCK, with the rule's name."""
    vote, report = asked(bundle(LegalRule("de", "region", "kalshi", "DE")))
    assert (vote.verdict, vote.reason, vote.seen) == (REJECT, RISK_COMPLIANCE_BLOCK, 1)
    assert report.compared[1:] == (("rule:de", 1),)


def test_failure():
    """Policy 30 h old: REJECT, RISK_COMPLIANCE_POLICY_STALE; a day is allowed, no policy is not."""
    assert told(bundle(age_ns=30 * HOUR)) == (REJECT, RISK_COMPLIANCE_POLICY_STALE, 108_000, 86_400)
    assert told(bundle(age_ns=24 * HOUR))[0] == APPROVE
    assert told(bundle(age_ns=24 * HOUR + 1))[1] == RISK_COMPLIANCE_POLICY_STALE
    vote, report = asked(None)
    assert (vote.verdict, vote.reason) == (REJECT, RISK_COMPLIANCE_POLICY_STALE)
    assert report.compared == (("policy:none", 0),)
    assert told(bundle(age_ns=30 * HOUR), config=Config(max_policy_age_h=30))[0] == APPROVE


# ---- jurisdiction --------------------------------------------------------------------------------------------------

BARRED = {
    "no row": (None, "standing:missing"),
    "a row of another account": (replace(HOLDER, account="other"), "standing:missing"),
    "no region": (replace(HOLDER, region=""), "standing:region_unknown"),
    "not verified": (replace(HOLDER, status="PENDING"), "standing:not_verified"),
    "insider of the event": (replace(HOLDER, insider_of=("E1",)), "standing:insider"),
    "insider of the series": (replace(HOLDER, insider_of=("S1",)), "standing:insider"),
}


@pytest.mark.parametrize("mode", ["paper", "shadow", "live"])
@pytest.mark.parametrize(("standing", "name"), BARRED.values(), ids=BARRED)
def test_jurisdiction_is_never_assumed(standing, name, mode):
    """An account that is unknown, nowhere, unverified or knows too much trades in no mode, and exits in none."""
    for wish in ({}, EXIT | {"position": held(1_000)}):
        vote, report = asked(bundle(standing=standing), mode=mode, **wish)
        assert (vote.verdict, vote.reason) == (REJECT, RISK_COMPLIANCE_BLOCK)
        assert report.compared[1:] == ((name, 1),)


@pytest.mark.parametrize(
    ("kind", "subject"), [("region", "DE"), ("category", "S1"), ("category", "E1"), ("market", "M1"), ("riddle", "?")]
)
def test_the_law_binds_exits_unless_it_lets_them_close(kind, subject):
    """A block holds for a proven reduction too; one that is marked close_only lets it pass, and it alone."""
    block = LegalRule("r", kind, "", subject)
    for rule, verdict in ((block, REJECT), (replace(block, close_only=True), APPROVE)):
        assert told(bundle(rule), held(1_000), **EXIT)[0] == verdict
        assert told(bundle(rule), None, **EXIT)[0] == REJECT
        assert told(bundle(rule))[:2] == (REJECT, RISK_COMPLIANCE_BLOCK)


def test_every_rule_that_fires_is_named():
    """Standing and rules are all listed, in their order, and counted."""
    rules = LegalRule("a", "market", "", "M1"), LegalRule("b", "region", "", "US"), LegalRule("c", "category", "", "S1")
    vote, report = asked(bundle(*rules, standing=replace(HOLDER, status="")))
    assert [name for name, _ in report.compared[1:]] == ["standing:not_verified", "rule:a", "rule:c"]
    assert vote.seen == 3


# ---- limits of positions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_lots", "expected"),
    [
        (20_500, (APPROVE, RISK_COMPLIANCE_OK, 22_500, 25_000)),
        (20_501, (APPROVE, RISK_COMPLIANCE_LIMIT_NEAR, 22_501, 25_000)),
        (23_000, (APPROVE, RISK_COMPLIANCE_LIMIT_NEAR, 25_000, 25_000)),
        (23_001, (RESHAPE, RISK_COMPLIANCE_LIMIT_NEAR, 25_001, 25_000)),
        (24_999, (RESHAPE, RISK_COMPLIANCE_LIMIT_NEAR, 26_999, 25_000)),
        (25_000, (REJECT, RISK_COMPLIANCE_BLOCK, 27_000, 25_000)),
    ],
)
def test_both_sides_of_every_limit(held_lots, expected):
    """From nine tenths on it warns, the limit itself may be reached, and at the limit nothing is added."""
    assert told(bundle(CAP), held(held_lots)) == expected


def test_the_side_counts():
    """Who sells out of a long moves away from the limit; a short has the same limit."""
    assert told(bundle(CAP), held(24_000), side=-1)[:2] == (APPROVE, RISK_COMPLIANCE_OK)
    vote, _ = asked(bundle(CAP), held(-24_000), side=-1)
    assert (vote.verdict, vote.size_lots_max) == (RESHAPE, 1_000)
    assert told(bundle(CAP), held(30_000), **EXIT)[0] == APPROVE


def test_what_rests_on_the_same_side_counts_as_held():
    """Own bids that are open are bought already, as far as the law is concerned; asks are not."""
    own = world.own_orders(
        world.order_update(client_order_id="a", size_lots=24_000, filled_lots=0),
        world.order_update(client_order_id="b", size_lots=500, side=-1),
        world.order_update(client_order_id="c", size_lots=500, state="CANCELLED"),
    )
    vote, _ = asked(bundle(CAP), own=own)
    assert (vote.verdict, vote.size_lots_max) == (RESHAPE, 1_000)


def test_the_share_that_warns_is_a_parameter():
    """With no share it warns from the first lot on, with all of it only at the limit."""
    assert told(bundle(CAP), config=Config(limit_warn_frac=0))[1] == RISK_COMPLIANCE_LIMIT_NEAR
    assert told(bundle(CAP), held(23_000), config=Config(limit_warn_frac=1_000_000))[1] == RISK_COMPLIANCE_OK


@given(st.integers(-60_000, 60_000), st.integers(0, 30_000), st.integers(1, 60_000), st.sampled_from([1, -1]))
def test_no_order_passes_the_legal_limit(lots, resting, size, side):
    """Whatever is held and rests, what is let through stays inside the limit, on its side."""
    own = world.own_orders(world.order_update(size_lots=resting, side=side))
    vote, _ = asked(bundle(CAP), held(lots), own, side=side, size_lots=size)
    if vote.verdict != REJECT:
        assert side * lots + resting + min(size, vote.size_lots_max) <= CAP.limit_lots
