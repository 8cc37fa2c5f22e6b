"""risk.correlation_shock_guard: what concentration and shocks leave of an order."""

import pytest

from bots.kit import Instant
from bots.maths.correlation import Judged, Table, judged
from bots.risk import correlation_shock_guard as guard
from bots.risk.correlation_shock_guard import Config, Moving
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import RISK_CORR_CONCENTRATED, RISK_CORR_NORMAL, RISK_CORR_SHOCK, RISK_CORR_UNKNOWN
from tests import world
from tests.bots.maths.test_correlation import noise, with_rho
from tests.world import NOW, SECOND

CONFIG = Config()
MILLION = 1_000_000
GIVEN = object()


def held(name, lots=1_000, mark=500_000, exposure=5_000_000, **more):
    """Return a position of a market."""
    return world.position(market_id=name, size_lots=lots, mark_micros=mark, exposure_micros=exposure, **more)


def holding(state, *positions, config=CONFIG, now=NOW):
    """Return the state after these positions."""
    for position in positions:
        definition = world.definition(market_id=position.market_id)
        state = guard.watch(config, state, position, definition, now)
    return state


def of(table, config=CONFIG):
    """Return the state of a table of matrices."""
    return Moving((0.0,) * len(table.names), table, judged(table, config.delta, 30), 1)


def voted(state, config=CONFIG, position=None, account=GIVEN, now=NOW, **intent):
    """Return the vote on buying 800 lots of the first market at 50."""
    wish = {"market_id": "I00", "side": 1, "price_ticks": 50, "size_lots": 800} | intent
    definition = world.definition(market_id=wish["market_id"])
    account = world.account(exposure_micros=1) if account is GIVEN else account
    return guard.decide(config, state, world.intent(**wish), definition, position, account, now)


def walk(steps, mix=0.0, count=6, config=CONFIG):
    """Return the state after positions moved for so many steps, sharing `mix` of their variance."""
    streams, common, state = [noise(place + 1) for place in range(count)], noise(99), Moving()
    marks = [0.0] * count
    for number in range(steps + 1):
        shared = next(common)
        marks = [
            x + 0.01 * (mix**0.5 * shared + (1 - mix) ** 0.5 * next(own)) for x, own in zip(marks, streams, strict=True)
        ]
        now = Instant(NOW + number * config.step_s * SECOND)
        prices = [500_000 + round(x * 100_000) for x in marks]
        state = holding(state, *[held(f"I{place:02}", mark=price) for place, price in enumerate(prices)], now=now)
        state = guard.on_tick(config, state, world.tick(at_ns=int(now)), now)
    return state


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Six independent positions: n_eff 5.5, APPROVE, RISK_CORR_NORMAL."""
    rho = ((36 / 5.5 - 6) / 30) ** 0.5 / 0.8
    vote = voted(of(with_rho(rho, rho, *[100] * 6)))
    assert (APPROVE, RISK_CORR_NORMAL, 5_500_000, 4_000_000) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    simulated = voted(walk(120))
    assert (APPROVE, RISK_CORR_NORMAL) == (simulated.verdict, simulated.reason)
    assert simulated.seen > 5_000_000


def test_warning():
    """n_eff 3: RESHAPE 75 percent, RISK_CORR_CONCENTRATED."""
    rho = ((36 / 3 - 6) / 30) ** 0.5 / 0.8
    vote = voted(of(with_rho(rho, rho, *[100] * 6)))
    assert (RESHAPE, RISK_CORR_CONCENTRATED, 600, 3_000_000) == (
        vote.verdict, vote.reason, vote.size_lots_max, vote.seen,
    )  # fmt: skip


def test_hard():
    """Correlation jumps from .1 to .6 and the intent adds: REJECT, RISK_CORR_SHOCK; one that closes passes."""
    state = of(with_rho(0.6, 0.1, *[5_000_000] * 6))
    vote = voted(state, position=held("I00"))
    assert (REJECT, RISK_CORR_SHOCK, 400_000, 300_000) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    closing = voted(state, position=held("I00"), side=-1, size_lots=1_000)
    assert (APPROVE, RISK_CORR_SHOCK) == (closing.verdict, closing.reason)


def test_failure():
    """Three samples only: correlation 1 assumed, REJECT of what adds, RISK_CORR_UNKNOWN; what closes passes."""
    state = walk(3)
    vote = voted(state, position=held("I00"))
    assert (REJECT, RISK_CORR_UNKNOWN, MILLION, 2 * MILLION) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    assert (REJECT, RISK_CORR_UNKNOWN) == tuple(
        getattr(voted(state, market_id="new"), name) for name in ("verdict", "reason")
    )
    closing = voted(state, position=held("I00"), side=-1, size_lots=1_000)
    assert (APPROVE, RISK_CORR_UNKNOWN) == (closing.verdict, closing.reason)


# ---- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "verdict", "reason"),
    [
        (Judged(4, 4 * MILLION, 4 * MILLION, 0), APPROVE, RISK_CORR_NORMAL),
        (Judged(4, 4 * MILLION - 1, 4 * MILLION, 0), RESHAPE, RISK_CORR_CONCENTRATED),
        (Judged(4, 2 * MILLION, 2 * MILLION, 0), RESHAPE, RISK_CORR_CONCENTRATED),
        (Judged(4, 2 * MILLION - 1, 2 * MILLION - 1, 0), REJECT, RISK_CORR_SHOCK),
        (Judged(4, 2 * MILLION - 1, 2 * MILLION, 0), REJECT, RISK_CORR_UNKNOWN),
        (Judged(4, 4 * MILLION, 4 * MILLION, 300_000), APPROVE, RISK_CORR_NORMAL),
        (Judged(4, 4 * MILLION, 4 * MILLION, 300_001), REJECT, RISK_CORR_SHOCK),
        (Judged(3, MILLION, MILLION, 900_000), APPROVE, RISK_CORR_NORMAL),
        (Judged(0, 0, 0, 0), APPROVE, RISK_CORR_NORMAL),
    ],
)
def test_limits(known, verdict, reason):
    """The target, the least and the jump may be reached; below the fewest positions nothing is judged."""
    vote = voted(Moving((), Table(), known, 1))
    assert (verdict, reason) == (vote.verdict, vote.reason)


@pytest.mark.parametrize(
    ("account", "position"),
    [
        (None, None),
        (world.account(unpriced=1), None),
        (world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND - 1), None),
        (world.account(), held("I00", drift=True)),
    ],
)
def test_unknown_positions_refuse(account, position):
    """Without an account, with a market unpriced, with positions older than a minute or adrift, nothing is added."""
    vote = voted(Moving(), account=account, position=position)
    assert (REJECT, RISK_CORR_UNKNOWN) == (vote.verdict, vote.reason)
    reducing = voted(Moving(), account=account, position=held("I00"), side=-1, reduce_only=True)
    assert (APPROVE, RISK_CORR_NORMAL) == (reducing.verdict, reducing.reason)


def test_positions_a_minute_old_are_known():
    """Sixty seconds is the catalogue's freshness; and where nothing is held, nothing can be old."""
    assert APPROVE == voted(Moving(), account=world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND)).verdict
    assert APPROVE == voted(Moving(), account=world.account(exposure_micros=0, updated_ns=0)).verdict


# ---- what is watched -----------------------------------------------------------------------------------------------


def test_positions_open_turn_and_close():
    """Each changes what is held at once; a fill of the same side does not judge again."""
    state = holding(Moving(), held("A"), held("B"))
    assert (2, (5_000_000, 5_000_000)) == (state.judged.held, state.table.exposures)
    more = holding(state, held("A", exposure=6_000_000))
    assert more.judged is state.judged
    assert (6_000_000, 5_000_000) == more.table.exposures
    turned = holding(more, held("A", lots=-10, exposure=7_000_000))
    assert (-7_000_000, 5_000_000) == turned.table.exposures
    closed = holding(turned, held("A", lots=0, exposure=0))
    assert (1, (0, 5_000_000)) == (closed.judged.held, closed.table.exposures)
    assert Moving() == holding(Moving(), held("A", lots=0, exposure=0))


def test_an_exposure_is_never_nothing_while_something_is_held():
    """Where nobody states an exposure, the cost stands for it; a position of no cost counts as a micro."""
    state = holding(Moving(), held("A", exposure=0, cost_micros=-300), held("B", exposure=0, cost_micros=0))
    assert (300, 1) == state.table.exposures


def test_a_mark_costs_no_judgement():
    """A new mark changes a price and nothing else; without a mark there is none."""
    state = holding(Moving(), held("A"))
    marked = holding(state, held("A", mark=600_000))
    assert marked.table is state.table
    assert marked.prices != state.prices == (0.0,)
    assert (None,) == holding(state, held("A", mark=-1)).prices


def test_one_sample_a_step():
    """Ticks inside a step, and ticks without positions, change nothing; the next step takes one sample."""
    assert guard.on_tick(CONFIG, Moving(), world.tick(), NOW) == Moving()
    start = NOW // (10 * SECOND) * 10 * SECOND
    state = guard.on_tick(CONFIG, holding(Moving(), held("A")), world.tick(at_ns=start), Instant(start))
    for second in range(1, 10):
        at = start + second * SECOND
        assert guard.on_tick(CONFIG, state, world.tick(at_ns=at), Instant(at)) is state
    at = start + 10 * SECOND
    assert (0, 1) == (
        state.table.common[0],
        guard.on_tick(CONFIG, state, world.tick(at_ns=at), Instant(at)).table.common[0],
    )


def test_what_was_closed_long_ago_is_forgotten():
    """After one fast half-life without a position its place is free."""
    state = holding(Moving(), held("A"), held("B"))
    state = holding(state, held("A", lots=0))
    for wait, names in ((290, ("A", "B")), (300, ("B",))):
        at = NOW + wait * SECOND
        assert names == guard.on_tick(CONFIG, state, world.tick(at_ns=at), Instant(at)).table.names


def test_positions_that_move_together_are_a_shock():
    """Independent walks pass; walks that share their steps refuse what adds to them, and let it be closed."""
    calm = walk(120)
    assert APPROVE == voted(calm, position=held("I00")).verdict
    shocked = walk(120, mix=0.98)
    vote = voted(shocked, position=held("I00"))
    assert (REJECT, RISK_CORR_SHOCK) == (vote.verdict, vote.reason)
    assert APPROVE == voted(shocked, position=held("I00"), side=-1, size_lots=500).verdict
