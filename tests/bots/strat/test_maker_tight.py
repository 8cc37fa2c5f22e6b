"""strat.maker_tight: where it quotes, when it does not, and what it takes back."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Instant, configure
from bots.maths.quoting import quotes
from bots.strat import maker_tight
from bots.strat.maker_tight import Config, Quoting
from contracts.base import Refused
from contracts.intent import WITHDRAW, BotNote, OrderIntent
from contracts.market import FeeModel, PriceBand
from contracts.reasons import STRAT_MT_INPUT_STALE, STRAT_MT_NO_EDGE, STRAT_MT_ONE_SIDED, STRAT_MT_QUOTE
from tests import world
from tests.world import MS, NOW, SECOND

FREE = FeeModel("none")
FAR = NOW + 30 * 86_400 * SECOND
CENTS = 1_000_000


@dataclass
class Scene:
    """Everything that one look reads: the fixture market, p .50, tick .01, spread .04, flat."""

    config: Config = field(default_factory=Config)
    state: Quoting = field(default_factory=Quoting)
    snapshot: object = field(
        default_factory=lambda: world.snapshot(bid_ticks=48, ask_ticks=52, volume_micros=300_000 * CENTS)
    )
    definition: object = field(default_factory=lambda: world.definition(fee=FREE, expiry_ns=FAR))
    fair: object = field(default_factory=lambda: world.fair(p_micros=500_000))
    volatility: object = field(default_factory=lambda: world.signal(signal="volatility", value=0.0, label="CALM"))
    toxicity: object = field(default_factory=world.signal)
    eligibility: object = field(default_factory=world.candidate)
    tier: object = field(default_factory=lambda: world.candidate(aspect="tier"))
    calendar: object = field(default_factory=lambda: world.candidate(aspect="calendar"))
    resolution: object = None
    own: object = None
    position: object = None
    safety: object = field(default_factory=world.safety)
    now: Instant = NOW

    def look(self):
        """Return (state, said) of one step."""
        readings = (self.definition, self.fair, self.volatility, self.toxicity, self.eligibility, self.tier)
        readings += (self.calendar, self.resolution, self.own, self.position, self.safety)
        trigger = self.fair if self.fair is not None else world.fair()
        return maker_tight.step(
            self.config, self.state, trigger, self.snapshot, *readings, world.desk(), world.FACT, self.now
        )


def prices(said):
    """Return (kind, side, price) of every intent."""
    return [(i.intent_kind, i.side, i.price_ticks) for i in said if type(i) is OrderIntent]


def note(said):
    """Return the note among the answers, or None."""
    return next((n for n in said if type(n) is BotNote), None)


def resting(side, price, **overrides):
    """Return one own order of the maker."""
    name = "b" if side > 0 else "a"
    return world.order_update(client_order_id=name, side=side, price_ticks=price, **overrides)


def long(clips):
    """Return a position that cost so many clips, bought at .50."""
    return world.position(size_lots=clips * 5_000, cost_micros=clips * 25 * CENTS)


def short(clips):
    """Return a short of so many clips, sold at .50."""
    return world.position(size_lots=-clips * 5_000, cost_micros=-clips * 25 * CENTS)


BOTH = [("QUOTE", 1, 49), ("QUOTE", -1, 51)]
TAKEN = [(WITHDRAW, 1, 49), (WITHDRAW, -1, 51)]
RESTS = world.own_orders(resting(1, 49), resting(-1, 51))


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Fair value .50, tick .01, spread .04, flat: bid .49, ask .51, STRAT_MT_QUOTE, 25 dollars of the side at risk."""
    state, said = Scene().look()
    assert prices(said) == BOTH
    assert {i.reason for i in said} == {STRAT_MT_QUOTE}
    assert [i.size_lots for i in said] == [5_102, 5_102]
    assert all(i.post_only and i.book_hash == world.HASH and i.expires_ns == NOW + 600 * SECOND for i in said)
    assert [i.edge_micros for i in said] == [10_000, 10_000]
    assert Quoting(touch=(48, 52)) == state


def test_warning():
    """Six clips long: the ask only, STRAT_MT_ONE_SIDED."""
    _, said = Scene(position=long(6)).look()
    assert [(i.side, i.reason) for i in said] == [(-1, STRAT_MT_ONE_SIDED)]


def test_hard():
    """Spread .01 where the maker's fee leaves less than the edge: no quote, STRAT_MT_NO_EDGE, and what rests goes."""
    narrow = world.snapshot(bid_ticks=49, ask_ticks=50, volume_micros=300_000 * CENTS)
    paid = world.definition(fee=FeeModel("binary_quadratic", 70_000, 17_500), expiry_ns=FAR)
    _, said = Scene(snapshot=narrow, definition=paid, fair=world.fair(p_micros=495_000)).look()
    assert said == (BotNote(STRAT_MT_NO_EDGE, 10),)
    _, said = Scene(snapshot=narrow, fair=world.fair(p_micros=495_000)).look()
    assert prices(said) == [("QUOTE", 1, 49), ("QUOTE", -1, 50)]  # without a fee the rule earns .005 at both touches


def test_failure():
    """FairValue 6 s old, which the engine gives as None: both sides withdrawn, STRAT_MT_INPUT_STALE."""
    state, said = Scene(fair=None, own=RESTS).look()
    assert prices(said) == TAKEN
    assert {i.reason for i in said} == {STRAT_MT_INPUT_STALE}
    assert note(said) == BotNote(STRAT_MT_INPUT_STALE, 1)
    fair = next(read for read in maker_tight.BOT.steps[0].reads if read.parameter == "fair")
    assert (fair.within_ns, fair.optional) == (5_000 * MS, True)
    assert state.noted == 1


# ---- conditions ----------------------------------------------------------------------------------------------------

CONDITIONS = {
    "no volatility": ({"volatility": None}, STRAT_MT_INPUT_STALE, 1),
    "no safety": ({"safety": None}, STRAT_MT_INPUT_STALE, 1),
    "no tier": ({"tier": None}, STRAT_MT_INPUT_STALE, 1),
    "no eligibility": ({"eligibility": None}, STRAT_MT_INPUT_STALE, 1),
    "no calendar": ({"calendar": None}, STRAT_MT_INPUT_STALE, 1),
    "volatility warming up": ({"volatility": world.signal(label="UNKNOWN")}, STRAT_MT_INPUT_STALE, 1),
    "close only": ({"safety": world.safety(kill_level="CLOSE_ONLY")}, STRAT_MT_NO_EDGE, 2),
    "ineligible": ({"eligibility": world.candidate(eligible=False)}, STRAT_MT_NO_EDGE, 3),
    "market in review": (
        {"snapshot": world.snapshot(bid_ticks=48, ask_ticks=52, volume_micros=300_000 * CENTS, status=1)},
        STRAT_MT_NO_EDGE,
        3,
    ),
    "tier B": ({"tier": world.candidate(tier="B")}, STRAT_MT_NO_EDGE, 3),
    "tier withheld": ({"tier": world.candidate(tier="")}, STRAT_MT_NO_EDGE, 3),
    "hot": ({"volatility": world.signal(label="HOT", value=0.0)}, STRAT_MT_NO_EDGE, 4),
    "elevated toxicity": ({"toxicity": world.signal(label="ELEVATED")}, STRAT_MT_NO_EDGE, 5),
    "toxicity unknown": ({"toxicity": world.signal(label="UNKNOWN")}, STRAT_MT_NO_EDGE, 5),
    "toxicity absent": ({"toxicity": None}, STRAT_MT_NO_EDGE, 5),
    "before an event": ({"calendar": world.candidate(window="PRE")}, STRAT_MT_NO_EDGE, 6),
    "during an event": ({"calendar": world.candidate(window="LIVE")}, STRAT_MT_NO_EDGE, 6),
    "calendar unknown": ({"calendar": world.candidate(window="UNKNOWN")}, STRAT_MT_NO_EDGE, 6),
    "thin day": (
        {"snapshot": world.snapshot(bid_ticks=48, ask_ticks=52, volume_micros=250_000 * CENTS - 1)},
        STRAT_MT_NO_EDGE,
        7,
    ),
    "anchors disagree": ({"fair": world.fair(p_micros=500_000, tradable=False)}, STRAT_MT_NO_EDGE, 8),
    "certain": ({"fair": world.fair(p_micros=1_000_000)}, STRAT_MT_NO_EDGE, 8),
    "closed by expiry": ({"definition": world.definition(fee=FREE, expiry_ns=int(NOW))}, STRAT_MT_NO_EDGE, 9),
    "closed by its watcher": ({"resolution": world.signal(value=0.0, label="CLOSED")}, STRAT_MT_NO_EDGE, 9),
    "perpetual": ({"definition": world.definition(fee=FREE, instrument_kind=1)}, STRAT_MT_NO_EDGE, 8),
}


@pytest.mark.parametrize(("changed", "reason", "place"), CONDITIONS.values(), ids=CONDITIONS)
def test_condition_withdraws(changed, reason, place):
    """Each condition of the rule takes back what rests, says why once, and quotes nothing."""
    state, said = replace(Scene(own=RESTS), **changed).look()
    assert prices(said) == TAKEN
    assert note(said) == BotNote(reason, place)
    _, again = replace(Scene(own=RESTS, state=state), **changed).look()
    assert note(again) is None


ALLOWED = {
    "normal regime": {"volatility": world.signal(signal="volatility", value=0.0, label="NORMAL")},
    "after an event": {"calendar": world.candidate(window="POST")},
    "exactly the volume": {"snapshot": world.snapshot(bid_ticks=48, ask_ticks=52, volume_micros=250_000 * CENTS)},
    "tier B allowed": {"tier": world.candidate(tier="B"), "config": Config(tiers="AB")},
    "tox unknown allowed": {"toxicity": None, "config": Config(quote_when_tox_unknown=True)},
    "a second before the end": {"definition": world.definition(fee=FREE, expiry_ns=NOW + SECOND)},
}


@pytest.mark.parametrize("changed", ALLOWED.values(), ids=ALLOWED)
def test_condition_allows(changed):
    """On the other side of each limit it quotes both sides."""
    _, said = replace(Scene(), **changed).look()
    assert prices(said) == BOTH


def test_tox_high_never_allowed():
    """Quoting on unknown toxicity does not mean quoting on high toxicity."""
    _, said = Scene(toxicity=world.signal(label="HIGH"), config=Config(quote_when_tox_unknown=True)).look()
    assert note(said) == BotNote(STRAT_MT_NO_EDGE, 5)


# ---- requotes ------------------------------------------------------------------------------------------------------


def test_quiet_when_resting():
    """What rests at its target is left alone, and the next equal look computes nothing."""
    scene = Scene(own=RESTS)
    state, said = scene.look()
    assert said == ()
    assert state.until_ns == FAR - 300 * SECOND
    again, said = replace(scene, state=state).look()
    assert said == ()
    assert again is state


def test_quiet_look_ends():
    """The quiet look ends when the touch, an input, the volume or the time to the end differs."""
    scene = Scene(own=RESTS)
    settled = replace(scene, state=scene.look()[0])
    moved = replace(settled, fair=world.fair(p_micros=515_000))
    assert prices(moved.look()[1]) == [("QUOTE", 1, 51), ("QUOTE", -1, 52)]
    thin = replace(settled, snapshot=world.snapshot(bid_ticks=48, ask_ticks=52))
    assert note(thin.look()[1]) == BotNote(STRAT_MT_NO_EDGE, 7)
    late = replace(settled, now=Instant(FAR - 299 * SECOND))
    assert late.look()[1] == ()


def test_requote_threshold():
    """A target one step away is asked for; with requote_ticks 2 only one that is two steps away."""
    near, far = world.own_orders(resting(1, 48), resting(-1, 51)), world.own_orders(resting(1, 47), resting(-1, 51))
    assert prices(Scene(own=near).look()[1]) == [("QUOTE", 1, 49)]
    assert prices(Scene(own=near, config=Config(requote_ticks=2)).look()[1]) == []
    assert prices(Scene(own=far, config=Config(requote_ticks=2)).look()[1]) == [("QUOTE", 1, 49)]


def test_refused_quote_is_asked_again():
    """Own orders are read and not remembered: after a refusal the same quote is asked again."""
    state, first = Scene().look()
    _, second = Scene(state=state).look()
    assert prices(first) == prices(second) == BOTH


def test_pending_cancel_does_not_rest():
    """An order on its way out neither counts as a quote nor is withdrawn twice."""
    leaving = world.own_orders(resting(1, 49, state="PENDING_CANCEL"), resting(-1, 51))
    assert prices(Scene(own=leaving).look()[1]) == [("QUOTE", 1, 49)]
    assert prices(Scene(own=leaving, fair=None).look()[1]) == [(WITHDRAW, -1, 51)]


def test_unknown_order_blocks_its_side():
    """Beside an order whose fate is unknown nothing new is asked for on that side."""
    lost = world.own_orders(resting(1, 40, state="UNKNOWN"))
    assert prices(Scene(own=lost).look()[1]) == [("QUOTE", -1, 51)]


def test_foreign_orders_are_not_its_own():
    """Another strategy's order in the market is neither compared nor withdrawn."""
    other = world.own_orders(resting(1, 49, strategy="strat.maker_wide"))
    assert prices(Scene(own=other).look()[1]) == BOTH
    assert prices(Scene(own=other, fair=None).look()[1]) == []


def test_one_side_is_withdrawn():
    """At q_max long the resting bid is taken back while the ask goes on."""
    _, said = Scene(own=world.own_orders(resting(1, 49)), position=long(6)).look()
    assert prices(said) == [(WITHDRAW, 1, 49), ("QUOTE", -1, 51)]
    assert {i.reason for i in said} == {STRAT_MT_ONE_SIDED}


def test_inventory_sizes():
    """The adding side shrinks by |q|/q_max, the reducing side keeps the clip, and q_max - 1 still adds."""
    _, said = Scene(position=long(3)).look()
    assert [i.size_lots for i in said] == [12_500_000 // 4_900, 5_102]
    _, said = Scene(position=short(3)).look()
    assert [i.size_lots for i in said] == [5_102, 12_500_000 // 4_900]
    _, said = Scene(position=long(5)).look()
    assert len(prices(said)) == 2
    _, said = Scene(position=short(6)).look()
    assert [(i.side, i.reason) for i in said] == [(1, STRAT_MT_ONE_SIDED)]


def test_below_minimum_is_not_quoted():
    """A side that would be below the venue's minimum is left out."""
    _, said = Scene(definition=world.definition(fee=FREE, expiry_ns=FAR, min_size_lots=5_103)).look()
    assert said == (BotNote(STRAT_MT_NO_EDGE, 10),)


def test_intent_ids_come_from_the_cause():
    """Two looks at the same cause give the same ids; legs differ."""
    first, second = Scene().look()[1], Scene().look()[1]
    assert [i.intent_id for i in first] == [i.intent_id for i in second]
    assert len({i.intent_id for i in first}) == 2
    assert [i.leg for i in first] == ["bid", "ask"]


def test_horizon_shortens():
    """Volatility counts over what is left of the market's life only, so the spread narrows towards the end."""
    wild = world.signal(signal="volatility", value=0.05, label="NORMAL")
    wide = world.snapshot(bid_ticks=30, ask_ticks=70, volume_micros=300_000 * CENTS)
    long_ = Scene(volatility=wild, snapshot=wide, config=Config(gamma=2.0)).look()[1]
    near = Scene(volatility=wild, snapshot=wide, config=Config(gamma=2.0), resolution=world.signal(value=1.0)).look()[1]
    gap = [said[1].price_ticks - said[0].price_ticks for said in (long_, near)]
    assert gap[0] > gap[1]


# ---- the tick ------------------------------------------------------------------------------------------------------


def tick(own, book_at, quality=None):
    """Return what a second's boundary brings."""
    quality = world.quality() if quality is None else quality
    said = maker_tight.on_tick(Config(), Quoting(), world.tick(), own, quality, book_at, world.desk(), world.FACT, NOW)
    return said[1]


def test_silence_withdraws():
    """A feed silent for more than 5 s takes back what rests, although no snapshot comes; at 5 s it stays."""
    assert tick(RESTS, NOW - 5_000 * MS) == ()
    assert prices(tick(RESTS, NOW - 5_000 * MS - 1)) == TAKEN
    assert prices(tick(RESTS, NOW, world.quality(state="RESYNC"))) == TAKEN
    assert tick(None, 0) == ()


# ---- properties ----------------------------------------------------------------------------------------------------

BANDS = {
    100: (),
    1_000: (PriceBand(1, 99, 1), PriceBand(100, 900, 10), PriceBand(901, 999, 1)),
}
SIGMA = st.floats(0.0, 0.2)


@st.composite
def scenes(draw):
    """Return a look at any two-sided book of a grid, with any inventory, volatility and fee."""
    grid = draw(st.sampled_from(list(BANDS)))
    bid = draw(st.integers(1, grid - 2))
    ask = draw(st.integers(bid + 1, grid - 1))
    size = draw(st.integers(-30_000, 30_000))
    lot = 10_000 * 100
    cost = size * draw(st.integers(1, 99)) * lot // 10_000
    fee = FeeModel("binary_quadratic", 70_000, draw(st.sampled_from((-5_000, 0, 17_500))))
    return Scene(
        snapshot=world.snapshot(bid_ticks=bid, ask_ticks=ask, volume_micros=300_000 * CENTS),
        definition=world.definition(
            fee=fee, expiry_ns=FAR, grid_ticks=grid, tick_micros=1_000_000 // grid, price_bands=BANDS[grid]
        ),
        fair=world.fair(p_micros=draw(st.integers(1, 999_999))),
        volatility=world.signal(signal="volatility", value=draw(SIGMA), label="NORMAL"),
        position=world.position(size_lots=size, cost_micros=cost) if size else None,
        config=Config(gamma=draw(st.floats(0.01, 5.0)), k=draw(st.floats(1.0, 100.0))),
    )


@given(scenes())
def test_quotes_are_safe(scene):
    """Never across the other touch, never outside (0, grid), bid below ask, on the grid, with the edge, in its size."""
    _, said = scene.look()
    quoted = {i.side: i for i in said if type(i) is OrderIntent}
    grid, fee = scene.definition.grid_ticks, maker_tight.maker_fee_micros(scene.definition.fee, scene.fair.p_micros)
    for side, intent in quoted.items():
        price = intent.price_ticks
        assert 0 < price < grid
        assert price < scene.snapshot.ask_ticks if side > 0 else price > scene.snapshot.bid_ticks
        assert price % scene.definition.step_ticks(price) == 0
        assert side * (scene.fair.p_micros - price * scene.definition.tick_micros) >= 4_000 + fee
        assert intent.edge_micros >= 4_000
        risked = price if side > 0 else grid - price
        assert intent.size_lots * risked * scene.definition.tick_micros * 10_000 <= 25 * CENTS * 1_000_000
    if len(quoted) == 2:
        assert quoted[1].price_ticks < quoted[-1].price_ticks
    assert world.checked(said[0]) == said[0] if said else True


@given(st.integers(1_000, 999_000), SIGMA, st.integers(1, 300), st.floats(-6, 6), st.floats(0, 6), st.floats(0.01, 5.0))
def test_skew_is_monotone(p, sigma, seconds, clips, more, gamma):
    """More inventory never raises a quote: a maker that holds more bids lower and offers lower."""
    low, high = quotes(p, 1_000, sigma, seconds, clips, gamma, 50.0)
    lower, higher = quotes(p, 1_000, sigma, seconds, clips + more, gamma, 50.0)
    assert lower <= low < high
    assert higher <= high


# ---- configuration -------------------------------------------------------------------------------------------------


def test_parameters_are_the_catalogues():
    """Every parameter of the row has its default; bounds refuse what makes no sense."""
    assert configure("strat.maker_tight", Config, {"clip_usd": 25, "edge_min": "0.004"}) == Config()
    for bad in ({"gamma": 0}, {"k": -1}, {"tiers": "D"}, {"edge_min": 2}):
        with pytest.raises(Refused):
            configure("strat.maker_tight", Config, bad)


# ---- what one fact triggers ----------------------------------------------------------------------------------------


def test_a_snapshot_that_moved_waits_for_its_fair_value():
    """The snapshot comes before the fair value that follows from it: quoting on it would use the old value."""
    scene = Scene()
    readings = (world.definition(), world.fair(), *(None,) * 6, None, None, world.safety())
    moved, said = maker_tight.step(
        scene.config, scene.state, scene.snapshot, scene.snapshot, *readings, world.desk(), world.FACT, scene.now
    )
    assert () == said
    assert (scene.snapshot.bid_ticks, scene.snapshot.ask_ticks) == moved.touch
    _, again = maker_tight.step(
        scene.config, moved, scene.snapshot, scene.snapshot, *readings, world.desk(), world.FACT, scene.now
    )
    assert again != ()


def test_intents_of_one_fact_have_ids_of_their_own():
    """A second of the clock concerns every market and comes as tick, snapshot and value: no id is made twice."""
    first = Scene().look()[1]
    other = Scene(definition=world.definition(market_id="M2")).look()[1]
    ids = [intent.intent_id for intent in (*first, *other)]
    assert 4 == len(ids) == len(set(ids))
