"""risk.entry_policy: what the guard remembers of a desk, and what it says of an intent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.entries import Holding, Ledger, Resting, Terms
from bots.risk import entry_policy
from bots.risk.entry_policy import BOT, Config, Entered
from contracts.intent import APPROVE, ENTRY, EXIT, QUOTE, REJECT
from contracts.market import FeeModel
from contracts.order import AuthorisedOrder
from contracts.reasons import (
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
from tests import world
from tests.world import NOW, SECOND, STRATEGY

USD = 1_000_000
CONFIG = Config()
FREE = world.definition(fee=FeeModel("none", 0, 0, 0))
GIVEN = object()


def regime(label="CALM"):
    """Return the volatility signal."""
    return world.signal(signal="volatility", label=label, value=1e-4)


def said(state=None, account=GIVEN, position=None, label="CALM", config=CONFIG, now=NOW, **intent):
    """Return the vote and the report on an ENTRY at confidence 0.8."""
    account = world.account(updated_ns=now) if account is GIVEN else account
    wish = world.intent(**({"intent_kind": ENTRY, "confidence_milli": 800} | intent))
    return entry_policy.decide(config, state or Entered(), wish, position, account, regime(label), now)


def voted(state=None, **more):
    """Return (verdict, reason)."""
    vote, _ = said(state, **more)
    return vote.verdict, vote.reason


def holding(*markets, micros=USD, label="CALM", **more):
    """Return a state with positions."""
    terms = Terms(ENTRY, more.pop("milli", 700), label)
    return Entered(Ledger(tuple(Holding(name, 100, micros, terms, **more) for name in markets)))


def entered(state, name="c1", market="M1", now=NOW, config=CONFIG, intent_id="i1", updates=("LIVE",), lots=0, **intent):
    """Return the state after an approved intent, its order and what came of it, filled to `lots`."""
    wish = world.intent(
        **({"intent_id": intent_id, "intent_kind": ENTRY, "confidence_milli": 800, "market_id": market} | intent)
    )
    state = entry_policy.note(config, state, world.approved(intent=wish), regime(), now)
    child = world.child(client_order_id=name, market_id=market)
    events = [AuthorisedOrder(intent_id, "p", STRATEGY, child, (), "")]
    for update in updates:
        done = lots if update in ("PARTIAL", "FILLED") else 0
        events.append(world.order_update(client_order_id=name, market_id=market, state=update, filled_lots=done))
    if lots:
        cost = 44 * lots * 100
        events.append(world.position(market_id=market, size_lots=lots, cost_micros=cost))
    for event in events:
        state = entry_policy.watch(config, state, event, FREE, now)
    return state


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Confidence .8, flat book: APPROVE, RISK_ENTRY_ALLOWED."""
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted()


def test_warning():
    """Long from .70, same side at .76, 1 scale-in: APPROVE, RISK_ENTRY_SCALE_IN_ALLOWED."""
    assert (APPROVE, RISK_ENTRY_SCALE_IN_ALLOWED) == voted(holding("M1", scale_ins=1), confidence_milli=760)


def test_hard():
    """Confidence .65: REJECT, RISK_ENTRY_LOW_CONFIDENCE, with both numbers."""
    vote, report = said(confidence_milli=650)
    assert (REJECT, RISK_ENTRY_LOW_CONFIDENCE, 650, 700) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    assert ("ENTRY_POLICY_DECISION", vote.reason) == (report.event, report.reason)
    assert (("confidence_milli", 650), ("min_confidence_milli", 700)) == report.compared


def test_failure():
    """No account, an old one with something at risk, or a position that drifts: REJECT, RISK_POLICY_UNAVAILABLE."""
    old = world.account(updated_ns=NOW - 61 * SECOND, exposure_micros=1)
    found = [voted(account=None), voted(account=old), voted(position=world.position(drift=True))]
    assert [(REJECT, RISK_POLICY_UNAVAILABLE)] * 3 == found
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(account=None, intent_kind=EXIT)


# ---- what it remembers ---------------------------------------------------------------------------------------------


def test_cooldowns_run_from_acceptance_in_journal_time():
    """An accepted entry stops entries everywhere for a minute and in its market for five; a rejected one stops none."""
    sent = entered(Entered(), updates=("PENDING_SUBMIT",))
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(sent, market_id="M2")
    refused = entered(Entered(), updates=("REJECTED",))
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(refused)
    live = entered(Entered(), updates=("PENDING_SUBMIT", "LIVE"))
    edge = NOW + 60 * SECOND
    assert (REJECT, RISK_ENTRY_COOLDOWN) == voted(live, market_id="M2", now=edge - 1)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(live, market_id="M2", now=edge)
    assert (REJECT, RISK_ENTRY_COOLDOWN) == voted(live, now=NOW + 300 * SECOND - 1)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(live, now=NOW + 300 * SECOND)


def test_quotes_start_no_cooldown():
    """A maker's acceptance stops nobody, and a cooldown stops no maker."""
    quoting = entered(Entered(), intent_kind=QUOTE)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(quoting, market_id="M2")
    live = entered(Entered())
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(live, intent_kind=QUOTE, market_id="M2", confidence_milli=100)


def test_scale_ins_are_counted_and_the_last_entry_is_to_beat():
    """Entry at 0.70, additions at 0.76 and 0.82; a third is refused, and each must beat the one before it."""
    calm = Config(cooldown_global_s=0, cooldown_symbol_s=0)
    state = entered(Entered(), updates=("FILLED",), lots=1_000, confidence_milli=700, config=calm)
    for number, milli in ((2, 760), (3, 820)):
        below = voted(state, confidence_milli=milli - 10, config=calm)
        assert (REJECT, RISK_ENTRY_SCALE_IN_REFUSED) == below
        assert (APPROVE, RISK_ENTRY_SCALE_IN_ALLOWED) == voted(state, confidence_milli=milli, config=calm)
        state = entered(
            state,
            f"c{number}",
            intent_id=f"i{number}",
            confidence_milli=milli,
            updates=("FILLED",),
            lots=1_000,
            config=calm,
        )
        (held,) = state.ledger.holdings
        assert (number - 1, milli) == (held.scale_ins, held.terms.confidence_milli)
    assert (REJECT, RISK_ENTRY_SCALE_IN_REFUSED) == voted(state, confidence_milli=1_000, config=calm)


def test_resting_entries_count():
    """An order that rests is a position and an exposure, from its authorisation on."""
    resting = tuple(Resting(str(n), f"R{n}", "s", 1, 10, USD, Terms(ENTRY, 800, "HOT")) for n in range(10))
    assert (REJECT, RISK_ENTRY_MAX_POSITIONS) == voted(Entered(Ledger((), resting)))
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(Entered(Ledger((), resting[:9])))
    heavy = Entered(Ledger((), (Resting("o", "M1", "s", 1, 10, 1_000 * USD),)))
    assert (REJECT, RISK_ENTRY_MAX_EXPOSURE) == voted(heavy)


def test_exposure_and_positions():
    """Five thousand dollars end it, also where the account alone knows of them; so do three of a market."""
    assert (REJECT, RISK_ENTRY_MAX_EXPOSURE) == voted(holding("A", "B", micros=2_500 * USD))
    assert (REJECT, RISK_ENTRY_MAX_EXPOSURE) == voted(account=world.account(exposure_micros=5_000 * USD))
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(account=world.account(exposure_micros=5_000 * USD - 1))
    three = tuple(Resting(str(n), "M1", "s", 1, 10, USD) for n in range(3))
    assert (REJECT, RISK_ENTRY_MAX_POSITIONS) == voted(Entered(Ledger((), three)))


@pytest.mark.parametrize(("label", "other"), [("CALM", "HOT"), ("UNKNOWN", "CALM")])
def test_regimes(label, other):
    """Five positions of a regime are enough of it; another regime has its own count, and so has the unknown one."""
    five = holding(*"ABCDE", label=label)
    assert (REJECT, RISK_ENTRY_REGIME_RULE) == voted(five, label=label)
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(five, label=other)


def test_no_signal_is_the_unknown_regime():
    """Without a volatility the market belongs to the bucket of the unknown."""
    five = holding(*"ABCDE", label="UNKNOWN")
    wish = world.intent(intent_kind=ENTRY, confidence_milli=800)
    vote, _ = entry_policy.decide(CONFIG, five, wish, None, world.account(), None, NOW)
    assert RISK_ENTRY_REGIME_RULE == vote.reason


def test_legs_of_a_bundle_count_once():
    """Nine positions and a leg leave room for the other leg, and for nothing else."""
    leg = Resting("o", "L1", "s", 1, 10, USD, Terms(ENTRY, 800, "HOT", "b"))
    nine = holding(*"ABCDEFGHI", label="HOT").ledger.holdings
    state = Entered(Ledger(nine, (leg,)))
    assert (APPROVE, RISK_ENTRY_ALLOWED) == voted(state, bundle_id="b")
    assert (REJECT, RISK_ENTRY_MAX_POSITIONS) == voted(state, bundle_id="c")


def test_reduce_only():
    """A proven exit passes every check; a claim that the position does not bear out is refused."""
    state = holding("M1", *"ABCDEFGHIJ", micros=1_000 * USD)
    out = {"side": -1, "reduce_only": True, "intent_kind": EXIT}
    assert (APPROVE, RISK_ENTRY_BYPASS_REDUCE_ONLY) == voted(state, size_lots=100, **out)
    assert (REJECT, RISK_ENTRY_INPUT_INVALID) == voted(state, size_lots=101, **out)
    assert (APPROVE, RISK_ENTRY_BYPASS_REDUCE_ONLY) == voted(state, size_lots=100, account=None, **out)


def test_unusable_confidence():
    """More than certain is no confidence."""
    assert (REJECT, RISK_ENTRY_INPUT_INVALID) == voted(confidence_milli=1_001)


def test_nothing_new_is_nothing_to_remember():
    """An event that changes nothing returns the state itself."""
    state = entered(Entered(), updates=("LIVE",))
    again = world.order_update(client_order_id="c1", state="LIVE")
    assert state is entry_policy.watch(CONFIG, state, again, FREE, NOW)


def test_every_reason_is_declared():
    """The nine checks' codes, the unlisted outcomes and the two beside them: eleven."""
    assert 11 == len(BOT.reasons)


@given(st.integers(0, 1_000), st.sampled_from((1, -1)), st.sampled_from((ENTRY, QUOTE, EXIT)), st.integers(0, 12))
def test_a_vote_and_its_report_agree(milli, side, kind, positions):
    """Whatever is asked, the report carries the vote's words and the pair that decided stands last in it."""
    state = holding(*(f"H{n}" for n in range(positions)))
    vote, report = said(state, confidence_milli=milli, side=side, intent_kind=kind)
    assert (vote.verdict, vote.reason, vote.gate) == (report.verdict, report.reason, report.gate)
    assert tuple(number for _, number in report.compared[-2:]) in ((vote.seen, vote.limit), ())
    assert vote.reason in BOT.reasons
