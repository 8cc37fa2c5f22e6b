"""risk.tail_loss_simulator: what disasters leave of an order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.notional import reduces
from bots.risk import tail_loss_simulator as tail
from bots.risk.tail_loss_simulator import Config, Tail
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import RISK_TAIL_LOSS_BREACH, RISK_TAIL_OK, RISK_TAIL_TRIMMED, RISK_TAIL_UNKNOWN
from tests import world
from tests.world import NOW, SECOND

USD = 1_000_000
HOUR = 3_600 * SECOND
CONFIG = Config()
GIVEN = object()
EXPIRY = (NOW // (2 * HOUR) + 10) * 2 * HOUR


def market(name="M1", **more):
    """Return a market whose lot is one contract; each alone in its window unless told otherwise."""
    number = int(name[1:]) if name[1:].isdigit() else 0
    return world.definition(**({"market_id": name, "lot_micros": USD, "expiry_ns": EXPIRY + number * 4 * HOUR} | more))


def perp(name="P1", **more):
    """Return a perpetual on which one lot is one dollar of notional a tick."""
    return market(
        name,
        instrument_kind=1,
        grid_ticks=0,
        tick_micros=USD,
        settle_currency="USDT",
        expiry_ns=0,
        venue_id="bitget",
        **more,
    )


def cluster(label):
    """Return the cluster signal."""
    return world.signal(signal="cluster", label=label)


def vol(value=0.0001, label="NORMAL"):
    """Return the volatility signal: eight sigmas of a day at a ten-thousandth are 23.5 percent."""
    return world.signal(signal="volatility", value=value, label=label)


def snap(spread=0):
    """Return a snapshot around 50 with a spread in ticks."""
    return world.snapshot(bid_ticks=50, ask_ticks=50 + spread)


def holds(state, definition, lots, mark=500_000, label="", spread=0, volatility=None, config=CONFIG, **more):
    """Return the state after a position."""
    position = world.position(market_id=definition.market_id, size_lots=lots, mark_micros=mark, **more)
    word = cluster(label or definition.market_id)
    return tail.on_position(config, state, position, definition, snap(spread), word, volatility, None, NOW)


def rests(before, definition, side, lots, price=50, label="", volatility=None, **more):
    """Return the state after a resting order."""
    order = {"client_order_id": "o", "market_id": definition.market_id, "side": side, "size_lots": lots}
    update = world.order_update(**(order | {"price_ticks": price} | more))
    word = cluster(label or definition.market_id)
    return tail.on_order(CONFIG, before, update, definition, word, volatility, None, NOW)


def voted(
    state=None, definition=None, label="", equity=10_000, config=CONFIG, snapshot=GIVEN, account=GIVEN, volatility=None,
    signal=GIVEN, position=None, **intent,
):  # fmt: skip
    """Return the vote on buying 800 contracts at 50, which may lose 400 dollars."""
    definition = market() if definition is None else definition
    wish = {"market_id": definition.market_id, "side": 1, "price_ticks": 50, "size_lots": 800} | intent
    signal = cluster(label or definition.market_id) if signal is GIVEN else signal
    snapshot = snap() if snapshot is GIVEN else snapshot
    account = world.account(equity_micros=equity * USD, exposure_micros=1) if account is GIVEN else account
    state = Tail() if state is None else state
    return tail.decide(
        config, state, world.intent(**wish), definition, snapshot, signal, volatility, None, position, account, NOW
    )


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Worst loss 12 percent: APPROVE, RISK_TAIL_OK."""
    vote = voted(holds(Tail(), market(), 1_600), size_lots=800)
    assert (APPROVE, RISK_TAIL_OK) == (vote.verdict, vote.reason)
    assert (1_200 * USD, 2_500 * USD) == (vote.seen, vote.limit)


def test_warning():
    """Size 800 breaks the limit, 500 fits: RESHAPE 500, RISK_TAIL_TRIMMED."""
    vote = voted(holds(Tail(), market(), 4_500), size_lots=800)
    assert (RESHAPE, RISK_TAIL_TRIMMED, 500) == (vote.verdict, vote.reason, vote.size_lots_max)
    assert (2_650 * USD, 2_500 * USD) == (vote.seen, vote.limit)


def test_hard():
    """The book is at 27 percent already: REJECT of what adds, RISK_TAIL_LOSS_BREACH, wherever it adds."""
    state = holds(Tail(), market(), 5_400)
    for definition in (market(), market("M2"), market("M3", venue_id="polymarket")):
        vote = voted(state, definition, size_lots=1)
        assert (REJECT, RISK_TAIL_LOSS_BREACH) == (vote.verdict, vote.reason)
        assert vote.seen >= 2_700 * USD


def test_failure():
    """One held instrument is unpriced: REJECT, RISK_TAIL_UNKNOWN; a proven reduction passes."""
    state = holds(Tail(), market("M2"), 10, mark=-1)
    vote = voted(state)
    assert (REJECT, RISK_TAIL_UNKNOWN) == (vote.verdict, vote.reason)
    reducing = voted(state, position=world.position(), side=-1, reduce_only=True)
    assert (APPROVE, RISK_TAIL_OK) == (reducing.verdict, reducing.reason)
    assert APPROVE == voted(holds(state, market("M2"), 10)).verdict
    assert APPROVE == voted(holds(state, market("M2"), 0, mark=-1)).verdict


# ---- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "verdict", "reason"),
    [
        (3_999, APPROVE, RISK_TAIL_OK),
        (4_000, APPROVE, RISK_TAIL_TRIMMED),
        (5_000, APPROVE, RISK_TAIL_TRIMMED),
        (5_001, RESHAPE, RISK_TAIL_TRIMMED),
    ],
)
def test_limits(lots, verdict, reason):
    """Four fifths of the limit is the warning, the limit may be reached, and one lot more is cut."""
    vote = voted(size_lots=lots)
    assert (verdict, reason) == (vote.verdict, vote.reason)
    assert verdict == APPROVE or vote.size_lots_max == 5_000


def test_at_the_limit_nothing_more():
    """A book at the limit takes no addition, and one lot of room is too little for a market's smallest order."""
    assert REJECT == voted(holds(Tail(), market(), 5_000), size_lots=1).verdict
    nearly = holds(Tail(), market(), 4_999)
    assert APPROVE == voted(nearly, size_lots=1).verdict
    assert (RESHAPE, 1) == (voted(nearly).verdict, voted(nearly).size_lots_max)
    assert REJECT == voted(nearly, market(min_size_lots=2)).verdict


@pytest.mark.parametrize(
    "missing",
    [
        {"account": None},
        {"account": world.account(unpriced=1)},
        {"account": world.account(equity_micros=0)},
        {"account": world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND - 1)},
        {"snapshot": None},
        {"signal": None},
        {"definition": perp()},
        {"definition": perp(), "volatility": vol(label="UNKNOWN")},
    ],
)
def test_what_is_missing_refuses(missing):
    """Account, prices, cluster and a perpetual's volatility are needed; the fresh ones at their limit pass."""
    vote = voted(**missing)
    assert (REJECT, RISK_TAIL_UNKNOWN) == (vote.verdict, vote.reason)
    at_limit = world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND)
    assert APPROVE == voted(account=at_limit).verdict
    assert APPROVE == voted(account=world.account(exposure_micros=0, updated_ns=0)).verdict


# ---- each scenario -------------------------------------------------------------------------------------------------


def test_one_cluster_resolves_against_us():
    """Markets of one cluster lose together; of another they do not."""
    state = holds(Tail(), market("M2"), 4_800, label="c")
    assert (RESHAPE, 200) == (voted(state, label="c").verdict, voted(state, label="c").size_lots_max)
    roomy = voted(state, market(venue_id="polymarket"), label="d")
    assert (APPROVE, RISK_TAIL_TRIMMED, 2_400 * USD) == (roomy.verdict, roomy.reason, roomy.seen)


def test_a_cluster_may_change():
    """What is held moves with its market into another cluster."""
    state = holds(Tail(), market("M2"), 4_800, label="c")
    moved = tail.relabel(CONFIG, state, cluster("d"), market("M2"), NOW)
    elsewhere = market(venue_id="polymarket")
    assert APPROVE == voted(moved, elsewhere, label="c").verdict
    assert RESHAPE == voted(moved, elsewhere, label="d").verdict
    assert tail.relabel(CONFIG, moved, cluster("d"), market("M2"), NOW) is moved


def test_one_window_resolves_against_us():
    """Markets that end within two hours lose together, whatever their cluster and venue."""
    state = holds(Tail(), market("M2"), 4_800)
    together = market("M9", expiry_ns=market("M2").expiry_ns + HOUR, venue_id="polymarket")
    assert (RESHAPE, 200) == (voted(state, together).verdict, voted(state, together).size_lots_max)


def test_one_venue_is_lost():
    """Everything at a venue is lost together, though in other clusters and windows."""
    state = holds(Tail(), market("M2"), 4_800)
    vote = voted(state, market("M5"))
    assert (RESHAPE, 200) == (vote.verdict, vote.size_lots_max)


def test_perpetuals_gap():
    """Eight sigmas of a day and three fundings: 24.4 percent of the notional, of all perpetuals together."""
    stress = tail.gap_stress(8.0, vol(), None)
    vote = voted(definition=perp(), volatility=vol(), price_ticks=100, size_lots=200)
    most = 2_500 * USD * USD // (100 * stress)
    assert (RESHAPE, most // USD) == (vote.verdict, vote.size_lots_max)
    held = holds(Tail(), perp("P2"), -50, mark=2**26, volatility=vol())
    fuller = voted(held, perp(), volatility=vol(), price_ticks=100, size_lots=200)
    assert (2_500 * USD - 50 * 2**26 * stress // USD) // (100 * stress) == fuller.size_lots_max
    unknown = holds(Tail(), perp("P2"), -50, mark=64 * USD)
    assert RISK_TAIL_UNKNOWN == voted(unknown).reason


def test_the_token_loses_its_peg():
    """A share of equity on a token is lost whatever is ordered: beyond the limit nothing may be added."""
    weak = Config(depeg=260_000)
    vote = voted(definition=market(venue_id="polymarket"), config=weak, size_lots=1)
    assert (REJECT, RISK_TAIL_LOSS_BREACH, 2_600 * USD) == (vote.verdict, vote.reason, vote.seen)
    assert REJECT == voted(definition=perp(), volatility=vol(), config=weak, size_lots=1).verdict
    assert APPROVE == voted(config=weak, size_lots=1).verdict
    at_limit = voted(definition=market(venue_id="polymarket"), config=Config(depeg=250_000), size_lots=1)
    assert (APPROVE, RISK_TAIL_TRIMMED) == (at_limit.verdict, at_limit.reason)


def test_everything_is_closed_at_five_spreads():
    """Wide books cost more to leave than any one cluster can lose: the sum over all that is held counts."""
    state = Tail()
    for number in range(2, 12):
        state = holds(state, market(f"M{number}", venue_id=f"v{number}"), 1_000, spread=9)
    assert 2_250 * USD == state.book.spread_loss
    vote = voted(state, market(venue_id="v1"), size_lots=4_000, price_ticks=40, snapshot=snap(9))
    assert (RESHAPE, 250 * 100_000 // 22_500) == (vote.verdict, vote.size_lots_max)
    closing = voted(state, market("M2", venue_id="v2"), side=-1, size_lots=1_000, snapshot=snap(9))
    assert APPROVE == closing.verdict


# ---- orders --------------------------------------------------------------------------------------------------------


def test_what_rests_counts_as_filled():
    """A resting bid uses the limit as a position does, until it ends; an acknowledgement changes nothing."""
    state = rests(Tail(), market("M2"), 1, 4_800, state="PENDING_SUBMIT")
    assert 200 == voted(state, market("M5")).size_lots_max
    assert rests(state, market("M2"), 1, 4_800, state="LIVE") is state
    assert rests(state, market("M2"), 1, 4_800, state="UNKNOWN") is state
    gone = rests(state, market("M2"), 1, 4_800, state="CANCELLED")
    assert APPROVE == voted(gone, market("M5")).verdict
    assert rests(gone, market("M2"), 1, 4_800, state="CANCELLED") is gone


def test_a_perpetual_of_unknown_volatility_may_lose_all():
    """A resting order of one counts its whole notional until the volatility is known."""
    blind = rests(Tail(), perp("P2"), 1, 10, price=100)
    known = rests(Tail(), perp("P2"), 1, 10, price=100, volatility=vol())
    assert (1_000 * USD, 10 * 100 * tail.gap_stress(8.0, vol(), None)) == (blind.holdings.total, known.holdings.total)


def test_the_other_side_takes_risk_away():
    """Past the limit, an order that closes may pass, one through zero only as far as the loss does not grow."""
    state = holds(Tail(), market(), 5_400)
    assert APPROVE == voted(state, side=-1, size_lots=5_400).verdict
    through = voted(state, side=-1, size_lots=20_000)
    assert (RESHAPE, 10_800) == (through.verdict, through.size_lots_max)


def test_a_mark_between_cents_costs_a_look_up():
    """A mark that moves inside its cent changes nothing that is kept."""
    state = holds(Tail(), market(), 100, mark=491_000)
    assert holds(state, market(), 100, mark=499_999) is state
    assert holds(state, market(), 100, mark=500_001) is not state


# ---- any book ------------------------------------------------------------------------------------------------------

POSITIONS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-4_000, 4_000), st.integers(0, USD), st.integers(0, 1)), max_size=6
)
WISH = st.tuples(st.integers(1, 6), st.sampled_from([-1, 1]), st.integers(1, 99), st.integers(1, 9_000))


def losses(state):
    """Return the loss of every scenario, by name, summed the long way from the groups."""
    sums = {"spread": state.book.spread_loss}
    for group in state.holdings.groups:
        for name in (f"c {group.cluster}", f"v {group.venue}", f"w {group.window}", f"w {group.window - 1}"):
            sums[name] = sums.get(name, 0) + group.loss
    return sums


@given(POSITIONS, WISH)
def test_no_scenario_is_made_worse_beyond_the_limit(positions, wish):
    """What passes, resting, takes no scenario past the limit, and raises none in a book that is past it."""
    state, number, (place, side, price, size) = Tail(), 0, wish
    for number, lots, mark, rest in positions:
        definition, label = market(f"M{number}"), f"c{number % 3}"
        if rest:
            state = rests(state, definition, 1 if lots > 0 else -1, abs(lots), max(1, mark // 10_001), label=label)
        else:
            state = holds(state, definition, lots, mark, label=label, spread=2)
    definition, label, limit = market(f"M{place}"), f"c{place % 3}", 2_500 * USD
    vote = voted(state, definition, label=label, side=side, price_ticks=price, size_lots=size, snapshot=snap(2))
    if vote.verdict == REJECT:
        return
    before = losses(state)
    lots = min(size, vote.size_lots_max)
    after = losses(rests(state, definition, side, lots, price, label=label, client_order_id="new"))
    assert 0 < lots <= size
    for name, loss in after.items():
        assert loss <= max(limit, before.get(name, 0)), name
    if max(before.values(), default=0) > limit:
        assert all(loss <= before.get(name, 0) for name, loss in after.items())


@given(WISH, st.integers(-3_000, 3_000))
def test_a_proven_reduction_always_passes(wish, lots):
    """Whatever is unknown or lost, what only reduces is let through."""
    _, side, price, size = wish
    position = world.position(size_lots=lots)
    intent = {"side": side, "price_ticks": price, "size_lots": size, "reduce_only": True}
    if reduces(world.intent(**intent), position):
        assert APPROVE == voted(account=None, position=position, **intent).verdict
