"""bots.maths.policies: how old a policy may be, and what its rows say of desks, accounts and markets."""

import pytest
from msgspec.structs import replace

from bots.maths.policies import (
    age_s,
    agree,
    bars,
    first_breach,
    forbids,
    is_current,
    position_limit,
    roles_of,
    within,
)
from contracts.control import PolicyBundle
from contracts.policy import AccountStanding, DeskRole, LegalRule
from tests import world
from tests.world import NOW, SECOND

HOUR = 3_600 * SECOND
LIVE = DeskRole("bot1", "live_primary", "live", ("kalshi",), (), (), 100_000_000, True, True, "live", True)
OFF = DeskRole("bot2", "disabled", "paper")
PAPER = DeskRole("bot3", "paper_only", "paper", ("kalshi",), enabled=True, account_mode="paper_only")
PROBE = DeskRole("bot4", "testnet_probe", "testnet_probe", ("kalshi",), enabled=True, account_mode="probe")
HOLDER = AccountStanding("paper", "US-NY", "VERIFIED")
MARKET = world.definition(event_id="KXE-26", series_id="KXS")


def bundle(issued_ns=int(NOW), roles=()):
    """Return a policy with these roles."""
    return PolicyBundle("b", "h", (), (), (), (), (), "k", issued_ns=issued_ns, roles=tuple(roles))


@pytest.mark.parametrize(
    ("age_ns", "current"),
    [(0, True), (24 * HOUR, True), (24 * HOUR + 1, False), (-1_500_000_000, True), (-1_500_000_001, False)],
)
def test_age(age_ns, current):
    """A policy is current for a day, and from the future only by as much as clocks may differ."""
    assert current == is_current(bundle(NOW - age_ns), 24, NOW)
    assert age_ns // SECOND == age_s(bundle(NOW - age_ns), NOW)


def test_a_policy_that_was_never_issued_is_not_current():
    """Without a time of issue there is no age; without a policy it is counted from the beginning of time."""
    assert not is_current(bundle(0), 876_000, NOW)
    assert NOW // SECOND == age_s(None, NOW)


def test_roles_by_desk():
    """A desk has its row, or none, or too many."""
    policy = bundle(roles=(LIVE, PAPER, PAPER))
    assert [(LIVE,), (PAPER, PAPER), ()] == [roles_of(policy, name) for name in ("bot1", "bot3", "bot9")]


AGREEING = {
    "live": LIVE,
    "disabled": OFF,
    "paper": PAPER,
    "probe": PROBE,
    "shadow of a live account": replace(LIVE, desk_mode="shadow"),
    "shadow on paper": replace(PAPER, desk_mode="shadow"),
    "paper, reconciled all the same": replace(PAPER, reconciled=True),
    "probe in the action scope": replace(PROBE, in_action_scope=True),
}
CONTRADICTED = {
    "disabled, account map live": replace(OFF, account_mode="live"),
    "disabled, still reconciled": replace(OFF, reconciled=True),
    "disabled, still in the action scope": replace(OFF, in_action_scope=True),
    "live, account map paper": replace(LIVE, account_mode="paper_only"),
    "live, account map disabled": replace(LIVE, account_mode="disabled"),
    "live, not reconciled": replace(LIVE, reconciled=False),
    "paper, account map live": replace(PAPER, account_mode="live"),
    "paper, account map disabled": replace(PAPER, account_mode="disabled"),
    "probe, account map live": replace(PROBE, account_mode="live"),
    "shadow, account map probe": replace(LIVE, desk_mode="shadow", account_mode="probe"),
    "enabled, role disabled": replace(PAPER, role="disabled"),
    "a mode that is none": replace(LIVE, desk_mode="testnet"),
    "no mode": replace(LIVE, desk_mode=""),
}


@pytest.mark.parametrize("role", AGREEING.values(), ids=AGREEING)
def test_documents_that_agree(role):
    """Mode and account mode match by the table, and what is off is off everywhere."""
    assert agree(role)


@pytest.mark.parametrize("role", CONTRADICTED.values(), ids=CONTRADICTED)
def test_documents_that_contradict_each_other(role):
    """One document that says something else is enough."""
    assert not agree(role)


BREACHES = {
    "inside": (LIVE, "live", 0),
    "no row": (None, "live", 1),
    "disabled": (OFF, "paper", 1),
    "another mode": (PAPER, "live", 2),
    "another venue": (replace(LIVE, venues=("bitget",)), "live", 3),
    "no venue at all": (replace(LIVE, venues=()), "live", 3),
    "another symbol": (replace(LIVE, symbols=("M2",)), "live", 4),
    "its symbol": (replace(LIVE, symbols=("M2", "M1")), "live", 0),
    "another strategy": (replace(LIVE, strategies=("strat.other",)), "live", 5),
    "its strategy": (replace(LIVE, strategies=(world.STRATEGY,)), "live", 0),
    "live without a live role": (replace(LIVE, role="paper_only"), "live", 6),
    "live out of the action scope": (replace(LIVE, in_action_scope=False), "live", 7),
    "live without money": (replace(LIVE, max_notional_micros=0), "live", 8),
    "paper without money": (PAPER, "paper", 0),
    "probe out of the action scope": (PROBE, "testnet_probe", 0),
}


@pytest.mark.parametrize(("role", "mode", "breach"), BREACHES.values(), ids=BREACHES)
def test_the_first_breach(role, mode, breach):
    """Each condition has its number, and the first that is broken is named."""
    assert breach == first_breach(role, mode, world.definition(), world.STRATEGY)


def test_a_symbol_is_known_by_both_spellings():
    """A market that is named with its venue is meant by its bare symbol, too."""
    twin = world.definition(market_id="kalshi:BTC")
    for symbol in ("BTC", "kalshi:BTC"):
        assert 0 == first_breach(replace(LIVE, symbols=(symbol,)), "live", twin, world.STRATEGY)
    assert 4 == first_breach(replace(LIVE, symbols=("bitget:BTC",)), "live", twin, world.STRATEGY)


@pytest.mark.parametrize(
    ("region", "other", "inside"),
    [
        ("US", "US", True),
        ("us-ny", "US", True),
        ("US", "US-NY", True),
        ("US-NY", "US-CA", False),
        ("USX", "US", False),
        ("DE", "US", False),
    ],
)
def test_regions(region, other, inside):
    """A part lies in its whole; a whole may lie in its part, since nobody knows where in it."""
    assert inside == within(region, other)


@pytest.mark.parametrize(
    ("standing", "barred"),
    [
        (HOLDER, ()),
        (None, ("standing:missing",)),
        (replace(HOLDER, region=""), ("standing:region_unknown",)),
        (replace(HOLDER, region=" ", status="PENDING"), ("standing:region_unknown", "standing:not_verified")),
        (replace(HOLDER, status="verified"), ("standing:not_verified",)),
        (replace(HOLDER, insider_of=("KXE-26",)), ("standing:insider",)),
        (replace(HOLDER, insider_of=("KXS",)), ("standing:insider",)),
        (replace(HOLDER, insider_of=("KXE",)), ("standing:insider",)),
        (replace(HOLDER, insider_of=("KX", "M1")), ()),
    ],
)
def test_standing(standing, barred):
    """No row, no region, no verification, and knowing more than the market each forbid everything."""
    assert barred == bars(standing, MARKET)


def rule(kind, subject, venue="", **more):
    """Return a rule."""
    return LegalRule("r", kind, venue, subject, **more)


@pytest.mark.parametrize(
    ("one", "forbidden"),
    [
        (rule("region", "US"), True),
        (rule("region", "DE"), False),
        (rule("region", "US", "kalshi"), True),
        (rule("region", "US", "polymarket"), False),
        (rule("category", "KXS"), True),
        (rule("category", "KXE-26"), True),
        (rule("category", "KXE"), True),
        (rule("category", "KX"), False),
        (rule("category", ""), False),
        (rule("market", "M1"), True),
        (rule("market", "M2"), False),
        (rule("position", "M1", limit_lots=0), False),
        (rule("moon phase", "full"), True),
        (rule("moon phase", "full", "polymarket"), False),
    ],
)
def test_rules(one, forbidden):
    """A rule holds at its venue, for its region, category or market; one that nobody understands forbids."""
    assert forbidden == forbids(one, HOLDER, MARKET)


def test_the_tightest_limit_of_a_position_counts():
    """Limits of other markets and venues are not this market's."""
    tight, loose = rule("position", "M1", limit_lots=5), rule("position", "M1", "kalshi", limit_lots=9)
    others = rule("position", "M2", limit_lots=1), rule("position", "M1", "bitget", limit_lots=1), rule("market", "M1")
    assert tight == position_limit((loose, tight, *others), MARKET)
    assert position_limit(others, MARKET) is None
