"""The nine checks: each limit on both sides, their order, and the seven scenarios that the policy began with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import configure
from bots.maths.entry import EntryRules, Wish, judge, told
from bots.maths.sizing import CapitalRules, Funds, Price, allocate
from bots.maths.standing import View
from contracts.base import Refused
from contracts.intent import APPROVE, ENTRY, EXIT, HEDGE, NO_LIMIT, QUOTE, REJECT, RESHAPE
from contracts.reasons import (
    RISK_CAPITAL_TRIMMED,
    RISK_ENTRY_ALLOWED,
    RISK_ENTRY_BYPASS_REDUCE_ONLY,
    RISK_ENTRY_COOLDOWN,
    RISK_ENTRY_INPUT_INVALID,
    RISK_ENTRY_LOW_CONFIDENCE,
    RISK_ENTRY_MAX_EXPOSURE,
    RISK_ENTRY_MAX_POSITIONS,
    RISK_ENTRY_REGIME_RULE,
    RISK_ENTRY_SCALE_IN_ALLOWED,
    RISK_ENTRY_SCALE_IN_REFUSED,
    RISK_POLICY_UNAVAILABLE,
)

USD, SECOND = 1_000_000, 1_000_000_000
NOW = 1_000_000 * SECOND
FLAT = View(0, 0, 0, 0, 0, 0, 1_000, 0, -1, -1)
HELD = FLAT._replace(positions=1, symbol_positions=1, regime_positions=1, held_lots=100, confidence_milli=700)
RULES = EntryRules()


def ruled(view=FLAT, rules=RULES, kind=ENTRY, side=1, size=10, confidence=800_000, reduce_only=False):
    """Return (verdict, reason) of a wish."""
    return judge(rules, Wish(kind, side, size, confidence, reduce_only), view, NOW)[:2]


# ---- the seven scenarios ------------------------------------------------------------------------------------------


def test_valid_entry():
    """A confident wish on an empty book opens a position."""
    assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(confidence=750_000)


def test_low_confidence_blocks():
    """A confidence below the minimum is refused, before anything else is looked at."""
    assert (REJECT, RISK_ENTRY_LOW_CONFIDENCE) == ruled(FLAT._replace(positions=99), confidence=500_000)


def test_max_positions_block():
    """Ten open positions are all there may be."""
    assert (REJECT, RISK_ENTRY_MAX_POSITIONS) == ruled(FLAT._replace(positions=10))


def test_scale_in_allowed():
    """An existing position is added to by a more confident wish of its side."""
    assert (APPROVE, RISK_ENTRY_SCALE_IN_ALLOWED) == ruled(HELD, confidence=800_000)


def test_scale_in_blocked():
    """A wish that is hardly more confident adds nothing."""
    assert (REJECT, RISK_ENTRY_SCALE_IN_REFUSED) == ruled(HELD, confidence=730_000)


def test_max_exposure_blocks():
    """Five thousand dollars are all that may be at risk."""
    assert (REJECT, RISK_ENTRY_MAX_EXPOSURE) == ruled(FLAT._replace(total_micros=5_000 * USD))


def test_computed_size():
    """Of 4,000 dollars at confidence 0.8 and risk score 0.9: 4000 * 0.2 * 0.94 * 0.9 = 676.80 dollars."""
    funds = Funds(4_000 * USD, 800_000, 900_000, USD, (("symbol", 1_000 * USD), ("total", 5_000 * USD)))
    ruling = allocate(CapitalRules(), funds, Price(50_000 * USD * 1_000), NO_LIMIT)
    assert (RESHAPE, RISK_CAPITAL_TRIMMED, 13) == ruling[:3]
    assert 676_800_000 == dict(ruling.compared)["allocation_micros"]


# ---- both sides of every limit ------------------------------------------------------------------------------------

EDGES = [
    ("confidence", {"confidence": 699_999}, {"confidence": 700_000}, RISK_ENTRY_LOW_CONFIDENCE),
    ("traded_ns", NOW - 60 * SECOND + 1, NOW - 60 * SECOND, RISK_ENTRY_COOLDOWN),
    ("symbol_traded_ns", NOW - 300 * SECOND + 1, NOW - 300 * SECOND, RISK_ENTRY_COOLDOWN),
    ("positions", 10, 9, RISK_ENTRY_MAX_POSITIONS),
    ("total_micros", 5_000 * USD, 5_000 * USD - 1, RISK_ENTRY_MAX_EXPOSURE),
    ("symbol_micros", 1_000 * USD, 1_000 * USD - 1, RISK_ENTRY_MAX_EXPOSURE),
    ("symbol_positions", 3, 2, RISK_ENTRY_MAX_POSITIONS),
    ("regime_positions", 5, 4, RISK_ENTRY_REGIME_RULE),
]


@pytest.mark.parametrize(("field", "past", "inside", "reason"), EDGES, ids=[edge[0] for edge in EDGES])
def test_limits(field, past, inside, reason):
    """At a count, an exposure or inside a cooldown is refused; one less, and the cooldown's end, pass."""
    if isinstance(past, dict):
        assert ((REJECT, reason), (APPROVE, RISK_ENTRY_ALLOWED)) == (ruled(**past), ruled(**inside))
    else:
        assert (REJECT, reason) == ruled(FLAT._replace(**{field: past}))
        assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(FLAT._replace(**{field: inside}))


@pytest.mark.parametrize(
    ("change", "wish", "expected"),
    [
        ({}, {"confidence": 750_001}, RISK_ENTRY_SCALE_IN_ALLOWED),
        ({}, {"confidence": 750_000}, RISK_ENTRY_SCALE_IN_REFUSED),
        ({"scale_ins": 1}, {}, RISK_ENTRY_SCALE_IN_ALLOWED),
        ({"scale_ins": 2}, {}, RISK_ENTRY_SCALE_IN_REFUSED),
        ({}, {"side": -1}, RISK_ENTRY_SCALE_IN_REFUSED),
        ({"held_lots": -100}, {"side": -1}, RISK_ENTRY_SCALE_IN_ALLOWED),
        ({"symbol_micros": 1_000 * USD - 1}, {}, RISK_ENTRY_SCALE_IN_ALLOWED),
        ({"symbol_micros": 1_000 * USD}, {}, RISK_ENTRY_MAX_EXPOSURE),
        ({"symbol_micros": 1_000 * USD, "scale_ins": 2}, {}, RISK_ENTRY_SCALE_IN_REFUSED),
        ({"symbol_positions": 3, "regime_positions": 5}, {}, RISK_ENTRY_SCALE_IN_ALLOWED),
        ({"positions": 10}, {}, RISK_ENTRY_MAX_POSITIONS),
    ],
)
def test_existing_position(change, wish, expected):
    """Check 6 ends the checks: side, confidence, count and the market's exposure decide, 4 and 5 stand before it."""
    assert expected == ruled(HELD._replace(**change), **wish)[1]


def test_scale_in_switched_off():
    """With the switch off every addition is refused."""
    assert (REJECT, RISK_ENTRY_SCALE_IN_REFUSED) == ruled(HELD, EntryRules(allow_scale_in=False))


def test_the_order_of_the_checks():
    """Where all fail the first is named; each one lifted names the next."""
    all_bad = View(10, 3, 5, 5_000 * USD, 1_000 * USD, 0, 700, 2, NOW, NOW)
    lifts = [
        ({}, 0, RISK_ENTRY_LOW_CONFIDENCE),
        ({}, 800_000, RISK_ENTRY_COOLDOWN),
        ({"traded_ns": -1}, 800_000, RISK_ENTRY_COOLDOWN),
        ({"symbol_traded_ns": -1}, 800_000, RISK_ENTRY_MAX_POSITIONS),
        ({"positions": 0}, 800_000, RISK_ENTRY_MAX_EXPOSURE),
        ({"total_micros": 0}, 800_000, RISK_ENTRY_MAX_EXPOSURE),
        ({"symbol_micros": 0}, 800_000, RISK_ENTRY_MAX_POSITIONS),
        ({"symbol_positions": 0}, 800_000, RISK_ENTRY_REGIME_RULE),
        ({"regime_positions": 0}, 800_000, RISK_ENTRY_ALLOWED),
    ]
    view, found = all_bad, []
    for change, confidence, _ in lifts:
        view = view._replace(**change)
        found.append(ruled(view, confidence=confidence)[1])
    assert [reason for *_, reason in lifts] == found


def test_compared_numbers_stand_in_order():
    """What is compared is told in pairs of seen and limit, and the vote carries the pair that decided."""
    ruling = judge(RULES, Wish(ENTRY, 1, 10, 800_000), FLAT._replace(positions=10, traded_ns=NOW - 61 * SECOND), NOW)
    assert (
        ("confidence_milli", 800),
        ("min_confidence_milli", 700),
        ("since_global_trade_ms", 61_000),
        ("cooldown_global_ms", 60_000),
        ("positions", 10),
        ("max_positions", 10),
    ) == ruling.compared
    vote, report = told("risk.entry_policy", "ENTRY_POLICY_DECISION", "i", ruling)
    assert (10, 10, 0) == (vote.seen, vote.limit, vote.size_lots_max)
    assert (ruling.compared, vote.reason, vote.verdict) == (report.compared, report.reason, report.verdict)


# ---- kinds of intent ----------------------------------------------------------------------------------------------


def test_quotes_skip_the_first_three():
    """A quote needs no confidence and knows no cooldown; counts and exposures hold for it."""
    hot = FLAT._replace(traded_ns=NOW, symbol_traded_ns=NOW)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(hot, kind=QUOTE, confidence=0)
    assert (REJECT, RISK_ENTRY_MAX_POSITIONS) == ruled(FLAT._replace(positions=10), kind=QUOTE)
    assert (REJECT, RISK_ENTRY_SCALE_IN_REFUSED) == ruled(HELD, kind=QUOTE, confidence=700_000)


def test_a_quote_that_closes_passes_with_what_closes():
    """What closes a position passes at every limit; what would turn it is cut off."""
    full = HELD._replace(positions=10, total_micros=9_000 * USD, symbol_micros=9_000 * USD)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(full, kind=QUOTE, side=-1, size=100)
    ruling = judge(RULES, Wish(QUOTE, -1, 101, 800_000), full, NOW)
    assert (RESHAPE, RISK_ENTRY_SCALE_IN_REFUSED, 100) == ruling[:3]


@pytest.mark.parametrize("kind", [HEDGE, EXIT])
def test_hedges_and_exits_pass(kind):
    """No check holds for them."""
    assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(FLAT._replace(positions=99, traded_ns=NOW), kind=kind, confidence=0)


def test_an_unknown_kind_is_an_entry():
    """What calls itself something new is held to all nine."""
    assert (REJECT, RISK_ENTRY_LOW_CONFIDENCE) == ruled(kind="SCALP", confidence=0)


@pytest.mark.parametrize(
    ("size", "side", "verdict"), [(100, -1, APPROVE), (101, -1, REJECT), (1, 1, REJECT), (0, -1, REJECT)]
)
def test_reduce_only_is_held_against_the_position(size, side, verdict):
    """A claim to reduce passes up to the position's size, whatever the checks would say, and a false one is refused."""
    reason = RISK_ENTRY_BYPASS_REDUCE_ONLY if verdict == APPROVE else RISK_ENTRY_INPUT_INVALID
    blocked = HELD._replace(positions=99, traded_ns=NOW, total_micros=10**12)
    assert (verdict, reason) == ruled(blocked, kind=EXIT, side=side, size=size, reduce_only=True, confidence=-1)


def test_without_a_portfolio():
    """Entries, quotes and hedges are refused; exits are not."""
    refused = (REJECT, RISK_POLICY_UNAVAILABLE)
    assert [refused] * 3 == [ruled(None, kind=kind) for kind in (ENTRY, QUOTE, HEDGE)]
    assert (APPROVE, RISK_ENTRY_ALLOWED) == ruled(None, kind=EXIT)
    assert (APPROVE, RISK_ENTRY_BYPASS_REDUCE_ONLY) == ruled(None, reduce_only=True)


@pytest.mark.parametrize(("confidence", "ok"), [(-1, False), (1_000_001, False), (1_000_000, True), (0, True)])
@pytest.mark.parametrize("kind", [ENTRY, QUOTE])
def test_unusable_confidence(confidence, ok, kind):
    """Outside 0 to 1 is no confidence."""
    assert ok == (ruled(kind=kind, confidence=confidence)[1] != RISK_ENTRY_INPUT_INVALID)


def test_bounds():
    """Written values are checked: probabilities up to one, counts from zero, money with six places."""
    assert EntryRules(min_confidence=650_000) == configure("risk.entry_policy", EntryRules, {"min_confidence": "0.65"})
    for name, bad in (
        ("min_confidence", "1.1"),
        ("max_total", -1),
        ("max_exposure_total_usd", "NaN"),
        ("conf_delta", -1),
    ):
        with pytest.raises(Refused, match=name):
            configure("risk.entry_policy", EntryRules, {name: bad})


# ---- properties ---------------------------------------------------------------------------------------------------

VIEWS = st.builds(
    View,
    *(st.integers(0, 12),) * 3,
    st.integers(0, 6_000 * USD),
    st.integers(0, 1_200 * USD),
    st.integers(-3, 3),
    st.integers(0, 1_000),
    st.integers(0, 3),
    *(st.integers(NOW - 400 * SECOND, NOW),) * 2,
)


@given(VIEWS, st.sampled_from((ENTRY, QUOTE)), st.sampled_from((1, -1)), st.integers(1, 5), st.integers(0, 1_000_000))
def test_nothing_at_a_limit_is_allowed(view, kind, side, size, confidence):
    """Whatever adds and is approved stands below every limit; a reshape leaves only what closes."""
    ruling = judge(RULES, Wish(kind, side, size, confidence), view, NOW)
    closing = max(0, -side * view.held_lots)
    if ruling.verdict == RESHAPE:
        assert 0 < ruling.lots_max == closing < size
    elif ruling.verdict == APPROVE and not (kind == QUOTE and size <= closing):
        assert view.positions < 10
        assert max(view.total_micros - 4_000 * USD, view.symbol_micros) < 1_000 * USD
        assert kind == QUOTE or confidence >= 700_000
        assert not view.held_lots or (view.held_lots * side > 0 and view.scale_ins < 2)
