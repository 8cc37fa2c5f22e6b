"""risk.model_drift_monitor: what drift and skill leave of a model's orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Instant
from bots.maths.psi import BINS, Window, psi_micros
from bots.risk import model_drift_monitor as monitor
from bots.risk.model_drift_monitor import Config, Drift, Skill, Track
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, ENTRY, EXIT, HEDGE, QUOTE, REJECT, RESHAPE
from contracts.policy import Baseline
from contracts.reasons import (
    RISK_MODEL_BASELINE_MISSING,
    RISK_MODEL_DRIFT,
    RISK_MODEL_DRIFT_WARN,
    RISK_MODEL_STABLE,
)
from tests import world
from tests.world import NOW, SECOND

CONFIG = Config()
MODEL = "identity-1"
EVEN = (50,) * BINS
DAY = 86_400 * SECOND


def bundle(*baselines):
    """Return a policy with these baselines; by default the even one of the world's model."""
    approved = baselines or (Baseline(MODEL, EVEN, "ann"),)
    return PolicyBundle("p", "h", (), (), (), (), (), "k", baselines=approved)


def seen(counts, skill=0.03, age_ns=0, model=MODEL):
    """Return the state with a live window of these counts, less one intent of 4 cents, and a skill."""
    counts = list(counts)
    assert counts[7] > 0, "the intent of the test falls into bin 7"
    counts[7] -= 1
    recent = b"".join(bytes((place,)) * count for place, count in enumerate(counts))
    track = Track(world.STRATEGY, model, Window(recent, tuple(counts)))
    skills = () if skill is None else (Skill(model, round(skill * 1_000_000), NOW - age_ns),)
    return Drift((track,), skills)


def voted(state, config=CONFIG, policy=None, fair=True, definition=None, **intent):
    """Return the state and the vote on an intent at 44 of a model that says 48."""
    wish = {"price_ticks": 44, "p_model_micros": 480_000} | intent
    fair = world.fair() if fair is True else fair
    policy = bundle() if policy is None else policy or None
    return monitor.decide(config, state, world.intent(**wish), definition or world.definition(), fair, policy, NOW)


def shifted(target_micros):
    """Return counts of five hundred whose index against the even baseline is the nearest from below to a target."""
    return max(
        (
            counts
            for counts in ((50 + more, *[50] * 8, 50 - more) for more in range(50))
            if _psi(counts) <= target_micros
        ),
        key=_psi,
    )


def _psi(counts):
    return psi_micros(tuple(counts), EVEN)


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """PSI .04, skill .03: APPROVE, RISK_MODEL_STABLE."""
    counts = shifted(40_000)
    _, vote = voted(seen(counts))
    assert (APPROVE, RISK_MODEL_STABLE, _psi(counts), 250_000) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    assert 35_000 < vote.seen <= 40_000


def test_warning():
    """PSI .15: RESHAPE 50 percent, RISK_MODEL_DRIFT_WARN."""
    _, vote = voted(seen(shifted(150_000)))
    assert (RESHAPE, RISK_MODEL_DRIFT_WARN, 500, 100_000) == (vote.verdict, vote.reason, vote.size_lots_max, vote.limit)
    assert 140_000 < vote.seen <= 150_000


def test_hard():
    """PSI .31: REJECT of ENTRY and QUOTE, RISK_MODEL_DRIFT; HEDGE and EXIT pass, whatever the model is worth."""
    state = seen(shifted(310_000), skill=-0.5)
    for kind in (ENTRY, QUOTE):
        _, vote = voted(state, intent_kind=kind)
        assert (REJECT, RISK_MODEL_DRIFT, 250_000) == (vote.verdict, vote.reason, vote.limit)
    for kind in (HEDGE, EXIT):
        after, vote = voted(state, intent_kind=kind)
        assert (APPROVE, RISK_MODEL_STABLE) == (vote.verdict, vote.reason)
        assert after is state


def test_failure():
    """No baseline of the model, no policy, no fair value to name it, or an empty baseline: REJECT, BASELINE_MISSING."""
    state = seen(EVEN)
    votes = [
        voted(state, fair=world.fair(model_version="identity-2"))[1],
        voted(state, policy=False)[1],
        voted(state, fair=None)[1],
        voted(state, policy=bundle(Baseline(MODEL, (0,) * BINS, "ann")))[1],
        voted(state, policy=bundle(Baseline(MODEL, (5,) * (BINS - 1), "ann")))[1],
    ]
    assert [(REJECT, RISK_MODEL_BASELINE_MISSING)] * 5 == [(v.verdict, v.reason) for v in votes]
    after, vote = voted(state, policy=False, p_model_micros=-1)
    assert (APPROVE, RISK_MODEL_STABLE) == (vote.verdict, vote.reason), "a rule without a model is exempt"
    assert after is state


# ---- both sides of every limit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("warn", "hard", "verdict"),
    [(1, 2, APPROVE), (0, 1, RESHAPE), (-1, 0, REJECT)],
)
def test_drift_at_its_limits(warn, hard, verdict):
    """At the warning the size is halved, at the hard limit nothing is left; a millionth below, neither."""
    counts = shifted(150_000)
    psi = _psi(counts)
    config = Config(psi_warn=(psi + warn) / 1_000_000, psi_hard=(psi + hard) / 1_000_000)
    assert verdict == voted(seen(counts), config=config)[1].verdict


@pytest.mark.parametrize(
    ("skill", "verdict", "size"),
    [(0.0, APPROVE, None), (-0.000001, RESHAPE, 500), (-0.049999, RESHAPE, 500), (-0.05, REJECT, 0), (-0.2, REJECT, 0)],
)
def test_skill_at_its_limits(skill, verdict, size):
    """Skill of nothing is enough; below it half, at the hard limit nothing is left."""
    _, vote = voted(seen(EVEN, skill=skill))
    assert verdict == vote.verdict
    assert size is None or size == vote.size_lots_max
    if skill < 0:
        assert (round(skill * 1_000_000), -50_000 if verdict == REJECT else 0) == (vote.seen, vote.limit)


@pytest.mark.parametrize(("age_ns", "known"), [(DAY, True), (DAY + 1, False)])
def test_skill_is_known_for_a_day(age_ns, known):
    """A skill said longer ago than a day is unknown, and a quarter is left."""
    _, vote = voted(seen(EVEN, age_ns=age_ns))
    assert (APPROVE if known else RESHAPE) == vote.verdict
    assert known or (250, RISK_MODEL_DRIFT_WARN, 0, 0) == (vote.size_lots_max, vote.reason, vote.seen, vote.limit)


def test_unknown_skill_never_loosens():
    """Unknown skill leaves its share, or the half that drift leaves if that is less, or nothing."""
    roomy = Config(unknown_mult=900_000)
    assert 250 == voted(seen(shifted(150_000), skill=None))[1].size_lots_max
    assert 500 == voted(seen(shifted(150_000), skill=None), config=roomy)[1].size_lots_max
    assert 900 == voted(seen(EVEN, skill=None), config=roomy)[1].size_lots_max
    assert REJECT == voted(seen(shifted(310_000), skill=None))[1].verdict


@pytest.mark.parametrize(("count", "thin"), [(89, True), (90, False)])
def test_few_intents_are_thin_evidence(count, thin):
    """Ninety intents at one place are drift, eighty-nine are too few to say so; a quarter is left of those."""
    counts = [0] * BINS
    counts[7] = count
    _, vote = voted(seen(counts))
    if thin:
        assert (RESHAPE, 250, 89, 90) == (vote.verdict, vote.size_lots_max, vote.seen, vote.limit)
    else:
        assert (REJECT, RISK_MODEL_DRIFT) == (vote.verdict, vote.reason)
    assert REJECT == voted(seen(counts, skill=-0.06))[1].verdict, "negative skill needs no window"


# ---- what is kept --------------------------------------------------------------------------------------------------


def report(value=0.03, label="SKILLED", model=MODEL, horizon_ms=0):
    """Return what the calibration monitor said."""
    return world.signal(signal="calibration", value=value, label=label, model_version=model, horizon_ms=horizon_ms)


def test_skill_is_taken_from_the_calibration_over_all_horizons():
    """The newest report of a model counts; one of a single horizon does not, and UNKNOWN takes it back."""
    state = monitor.on_skill(CONFIG, Drift(), report(), NOW)
    state = monitor.on_skill(CONFIG, state, report(-0.01, "NO_SKILL", "other"), NOW)
    assert (Skill(MODEL, 30_000, NOW), Skill("other", -10_000, NOW)) == state.skills
    assert monitor.on_skill(CONFIG, state, report(horizon_ms=3_600_000), NOW) is state
    later = Instant(NOW + SECOND)
    assert Skill(MODEL, -20_000, later) == monitor.on_skill(CONFIG, state, report(-0.02), later).skills[-1]
    assert (Skill("other", -10_000, NOW),) == monitor.on_skill(CONFIG, state, report(0.0, "UNKNOWN"), NOW).skills


def test_each_strategy_and_model_has_its_window():
    """Intents of another strategy or of a new model leave a window alone."""
    state, _ = voted(Drift())
    state, _ = voted(state, strategy="strat.other")
    policy = bundle(Baseline(MODEL, EVEN, "ann"), Baseline("new", EVEN, "ann"))
    state, _ = voted(state, policy=policy, fair=world.fair(model_version="new"))
    state, _ = voted(state)
    sizes = {(track.strategy, track.model_version): sum(track.window.counts) for track in state.tracks}
    assert {(world.STRATEGY, MODEL): 2, ("strat.other", MODEL): 1, (world.STRATEGY, "new"): 1} == sizes


def test_a_new_baseline_is_compared_at_once():
    """A window that does not change is judged again when another baseline is approved."""
    config = Config(window_n=1)
    state, _ = voted(Drift(), config=config)
    first = state.tracks[0].psi
    state, _ = voted(state, config=config)
    assert first == state.tracks[0].psi
    state, _ = voted(state, config=config, policy=bundle(Baseline(MODEL, (1,) * 9 + (900,), "ann")))
    assert psi_micros(state.tracks[0].window.counts, (1,) * 9 + (900,)) == state.tracks[0].psi != first


def test_a_perpetual_counts_its_edge_as_a_share():
    """A model that says 2 percent above the price of a perpetual stands in the bin of two points."""
    perp = world.definition(instrument_kind=1, grid_ticks=0, tick_micros=1_000_000)
    state, _ = voted(Drift(), definition=perp, price_ticks=1_000, p_model_micros=1_020_000_000)
    assert 1 == state.tracks[0].window.counts[7]
    state, _ = voted(Drift(), definition=perp, price_ticks=0, p_model_micros=5)
    assert 1 == state.tracks[0].window.counts[9], "a price of nothing is no division by it"


@given(st.lists(st.integers(1, 99), min_size=1, max_size=40), st.integers(1, 12))
def test_the_kept_index_is_the_one_computed_anew(prices, window_n):
    """However intents come, the index kept is that of the window's counts, and no vote enlarges."""
    state, config = Drift(), Config(window_n=window_n)
    for price in prices:
        state, vote = voted(state, config=config, price_ticks=price)
        track = state.tracks[0]
        assert psi_micros(track.window.counts, EVEN) == track.psi
        assert vote.verdict == REJECT or vote.verdict == APPROVE or vote.size_lots_max <= world.TEN_CONTRACTS
    assert min(len(prices), window_n) == sum(state.tracks[0].window.counts)
