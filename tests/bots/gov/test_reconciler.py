"""gov.reconciler: every difference is a case with a cause; nothing is corrected, and silence proves nothing."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.gov.reconciler import BOT, Compared, Config, account, beat, chain, follow, settle
from bots.kit import Instant
from bots.maths.breaks import GRAVE_FAMILY, SMALL_FAMILY
from bots.maths.positions import Inventory, trade, worst_loss
from bots.maths.safety import trips
from contracts.control import IncidentReport, PolicyBundle
from contracts.market import Kind, MarketDefinition, Settlement
from contracts.order import AccountSnapshot, Fill, OrderUpdate, PositionState
from contracts.policy import DeskRole
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot
from tests import world

NOW, SECOND, CONTRACT, MICROS = int(world.NOW), world.SECOND, 100, 1_000_000
START = 10_000 * MICROS
PLAIN = world.definition()
TOKEN = world.definition(venue_id="polymarket", market_id="T1", complement_id="T2")
OTHER = world.definition(venue_id="polymarket", market_id="T2", complement_id="T1")
DOLLARS = world.definition(market_id="P1", instrument_kind=int(Kind.PERP), grid_ticks=0)
BY_ID = {one.market_id: one for one in (PLAIN, TOKEN, OTHER, DOLLARS)}


def policy(*, enabled: bool, desk_id: str = "lab") -> PolicyBundle:
    """Return a policy that names one desk."""
    role = DeskRole(desk_id, "live_primary", "live", enabled=enabled)
    return replace(world.plainest(PolicyBundle), roles=(role,))


@dataclass
class Desk:
    """One desk's own side as its other bots would say it, and the reconciler that hears it and the other sides."""

    config: Config = field(default_factory=Config)
    state: Compared = field(default_factory=Compared)
    desk_mode: str = "paper"
    bundle: PolicyBundle | None = None
    now: int = NOW
    held: dict[str, Inventory] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    orders: dict[str, OrderUpdate] = field(default_factory=dict)
    trades: int = 0
    incidents: list[IncidentReport] = field(default_factory=list)
    reports: list[SignalReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tick()

    # ---- the own side

    def hear(self, event: PositionState | OrderUpdate | Fill | Settlement, of: MarketDefinition) -> None:
        self.state = follow(self.config, self.state, event, of, Instant(self.now))

    def fill(
        self, side: int = 1, contracts: int = 100, price: int = 40, *, of: MarketDefinition = PLAIN, final: bool = True
    ) -> str:
        """Match so many contracts at a price in cents; returns the name of the trade."""
        self.trades += 1
        name, lots = f"T{self.trades}", contracts * CONTRACT
        event = world.fill(
            market_id=of.market_id, venue_id=of.venue_id, trade_id=name, side=side, price_ticks=price, size_lots=lots,
            settled=final, fee_micros=10_000,
        )  # fmt: skip
        self.hear(event, of)
        before = self.held.get(of.market_id, Inventory())
        self.held[of.market_id] = trade(before, side, price * of.tick_micros, lots, of.lot_micros)
        self.fees[of.market_id] = self.fees.get(of.market_id, 0) + 10_000
        self.hear(self.position(of), of)
        return name

    def position(self, of: MarketDefinition) -> PositionState:
        size, cost, realised = self.held[of.market_id]
        loss = worst_loss(size, cost, of.lot_micros, not of.instrument_kind)
        return world.position(
            market_id=of.market_id, size_lots=size, cost_micros=cost, realised_micros=realised, exposure_micros=loss,
            fees_micros=self.fees[of.market_id],
        )  # fmt: skip

    def order(self, name: str = "O1", state: str = "LIVE", *, of: MarketDefinition = PLAIN, venue: str = "V1") -> None:
        """Say the state of an own order of a hundred contracts at 40."""
        update = world.order_update(
            client_order_id=name, venue_order_id=venue, market_id=of.market_id, state=state, price_ticks=40,
            size_lots=100 * CONTRACT, since_ns=self.now,
        )  # fmt: skip
        self.hear(update, of)
        if update.open_lots:
            self.orders[name] = update
        else:
            self.orders.pop(name, None)

    def word(self, trade_id: str, detail: str, of: MarketDefinition = TOKEN) -> None:
        """Say what became of a match."""
        event = world.order_event(event="MATCH", trade_id=trade_id, market_id=of.market_id, detail=detail)
        self.state = settle(self.config, self.state, event, Instant(self.now))

    # ---- the other sides

    def snapshot(self, **overrides: object) -> AccountSnapshot:
        """Return the account as the own side believes it to be now."""
        positions = tuple((name, held.size_lots) for name, held in sorted(self.held.items()) if held.size_lots)
        return replace(
            AccountSnapshot(world.ACCOUNT, True, self.cash(), positions, tuple(self.orders), self.now), **overrides
        )

    def cash(self) -> int:
        """Return the cash that the own fills leave: a binary is paid for, a short one as its complement."""
        cash = START
        for name, (size, cost, realised) in self.held.items():
            of = BY_ID[name]
            bound = 0 if of.instrument_kind else worst_loss(size, cost, of.lot_micros, True)
            cash += realised - self.fees[name] - bound
        return cash

    def venue(self, said: AccountSnapshot | None = None, **overrides: object) -> None:
        """Hear the venue's account; equal to the own side save for the overrides."""
        said = said if said is not None else self.snapshot(**overrides)
        asked = (world.desk(desk_mode=self.desk_mode), world.account(), self.bundle, Instant(self.now))
        self.state = account(self.config, self.state, said, *asked)

    def chain(self, tokens: dict[str, int], cash: int | None = None, names: tuple[str, ...] = ("p0", "p1")) -> None:
        """Hear what providers show; cash as the own side has it unless it is given."""
        for name in names:
            said = replace(
                world.plainest(ChainSnapshot), provider=name, chain_id=137, head=1_000, confirm_hash="0x1",
                account=world.ACCOUNT, cash_micros=self.cash() if cash is None else cash,
                tokens=tuple(sorted(tokens.items())), at_ns=self.now,
            )  # fmt: skip
            asked = (world.desk(desk_mode=self.desk_mode), world.account(), self.bundle, Instant(self.now))
            self.state = chain(self.config, self.state, said, *asked)
            self.now += 1

    def tick(self, seconds: int = 0) -> None:
        """Let time pass, then the second strike."""
        self.now += seconds * SECOND
        before = self.state
        desk = world.desk(desk_mode=self.desk_mode)
        self.state, said = beat(self.config, before, world.tick(at_ns=self.now), desk, Instant(self.now))
        assert all(world.checked(one) == one for one in said)
        self.incidents += [one for one in said if isinstance(one, IncidentReport)]
        self.reports += [one for one in said if isinstance(one, SignalReport)]

    def minute(self, seconds: int = 61, **overrides: object) -> None:
        """See the same from the venue now and so many seconds later."""
        self.venue(**overrides)
        self.tick()
        self.tick(seconds)
        self.venue(**overrides)
        self.tick()

    @property
    def label(self) -> tuple[str, str]:
        """What it says now."""
        return self.reports[-1].label, self.reports[-1].reason

    @property
    def words(self) -> list[tuple[str, str]]:
        """Class and subject of every open case."""
        return [(one.word, one.name) for one in self.state.breaks]


class TestFixtures:
    def test_normal(self) -> None:
        """All equal: orders, positions and cash, GOV_RECON_OK and no case."""
        desk = Desk()
        desk.fill()
        desk.order()
        desk.tick(10)
        desk.venue()
        desk.tick()
        assert ("OK", "GOV_RECON_OK") == desk.label
        assert (0.0, (), []) == (desk.reports[-1].value, desk.reports[-1].refs, desk.incidents)

    def test_warning(self) -> None:
        """A fill 20 s old missing on chain: GOV_RECON_TIMING; the same at 61 s is real."""
        desk = Desk(desk_mode="live")
        desk.venue()
        name = desk.fill(of=TOKEN, final=False)
        desk.tick(20)
        desk.venue()
        desk.chain({"T1": 0, "T2": 0}, START)
        desk.tick()
        assert ("TIMING", "GOV_RECON_TIMING") == desk.label
        assert ([("SETTLEMENT", "position:T1")], []) == (desk.words, desk.incidents)
        desk.tick(41)
        desk.venue()
        desk.chain({"T1": 0, "T2": 0}, START)
        desk.tick()
        assert ("BREAK", 1) == (desk.label[0], len(desk.incidents))
        desk.word(name, "CONFIRMED")
        desk.chain({"T1": 10_000, "T2": 0})
        desk.tick()
        assert ("OK", []) == (desk.label[0], desk.words)

    def test_hard(self) -> None:
        """A disabled desk has an order: an incident at once, GOV_RECON_BREAK, of the family that stops it."""
        desk = Desk(bundle=policy(enabled=False))
        desk.venue(open_orders=("O9",))
        desk.tick()
        assert ("BREAK", "GOV_RECON_BREAK") == desk.label
        (incident,) = desk.incidents
        assert ("GOV_RECON_BREAK", "reconcile", "P1", "gov.reconciler:venue:order:O9") == (
            incident.reason,
            incident.cause_family,
            incident.severity,
            incident.incident_key,
        )
        assert trips(incident)
        assert {"ORPHAN_ORDER", "cause=this desk is disabled and must show no activity"} <= set(incident.evidence)

    def test_failure(self) -> None:
        """The account's endpoint gives no whole answer: GOV_RECON_SOURCE_MISSING after a minute, not before."""
        desk = Desk()
        for _ in range(3):
            desk.tick(20)
            desk.venue(complete=False, positions=(), open_orders=(), cash_micros=0)
        desk.tick()
        assert [] == desk.reports
        desk.tick(1)
        assert ("MISSING", "GOV_RECON_SOURCE_MISSING") == desk.label


class TestOrders:
    def test_an_order_that_the_own_books_do_not_know(self) -> None:
        """Nobody can say what it may take, so it is grave as soon as it is real."""
        desk = Desk()
        desk.minute(open_orders=("O9",))
        assert ([("ORPHAN_ORDER", "order:O9")], ["reconcile"]) == (desk.words, [i.cause_family for i in desk.incidents])
        assert "value_micros=-1" in desk.incidents[0].evidence

    def test_an_order_that_the_venue_does_not_list(self) -> None:
        """Its end or a fill was not heard; what it may still take is its value."""
        desk = Desk()
        desk.order()
        desk.tick(5)
        desk.minute(open_orders=())
        assert [("ORPHAN_ORDER", "order:O1")] == desk.words
        assert {"value_micros=40000000", "stood=-1", "ours=1", "theirs=0"} <= set(desk.incidents[0].evidence)

    @pytest.mark.parametrize(("seconds", "cases"), [(4, 0), (5, 1)])
    def test_an_order_is_expected_five_seconds_after_it_rests(self, seconds: int, cases: int) -> None:
        """A list may be as old as that."""
        desk = Desk()
        desk.order()
        desk.tick(seconds)
        desk.venue(open_orders=())
        assert cases == len(desk.words)

    @pytest.mark.parametrize(("seconds", "cases"), [(5, 0), (6, 1)])
    def test_an_order_may_be_listed_five_seconds_after_its_end(self, seconds: int, cases: int) -> None:
        """And no longer."""
        desk = Desk()
        desk.order()
        desk.order(state="CANCELLED")
        desk.tick(seconds)
        desk.venue(open_orders=("O1",))
        assert cases == len(desk.words)

    @pytest.mark.parametrize("state", ["PENDING_SUBMIT", "PENDING_CANCEL", "UNKNOWN"])
    @pytest.mark.parametrize("listed", [True, False])
    def test_an_order_in_doubt_may_be_listed_or_not(self, state: str, listed: bool) -> None:
        """Another bot waits for the venue's word on it; a list is no difference."""
        desk = Desk()
        desk.order(state="LIVE")
        desk.order(state=state)
        desk.tick(10)
        desk.minute(open_orders=("O1",) if listed else ())
        assert ([], []) == (desk.words, desk.incidents)

    def test_an_order_is_known_by_either_name(self) -> None:
        """Where a venue does not say our id, its own is compared."""
        desk = Desk()
        desk.order(venue="0xabc")
        desk.tick(10)
        desk.minute(open_orders=("0xabc",))
        assert [] == desk.words


class TestPositions:
    def test_what_nothing_explains_is_a_missing_fill(self) -> None:
        """The venue shows 20 contracts more: MISSING_FILL with what each side says and the entry that is proposed."""
        desk = Desk()
        desk.fill()
        desk.minute(positions=((world.MARKET, 120 * CONTRACT),))
        assert [("MISSING_FILL", "position:M1")] == desk.words
        (incident,) = desk.incidents
        expected = {"ours=10000", "theirs=12000", "stood=2000", "value_micros=12000000", "source=venue"}
        assert expected <= set(incident.evidence)
        assert "proposed=enter the venue's fill" in incident.evidence
        assert desk.state.ledger.books.booked[0].lots == 10_000

    def test_what_takes_a_fill_back_is_a_ghost(self) -> None:
        """The venue does not have the newest fill: GHOST_FILL, which is grave whatever it is worth."""
        desk = Desk()
        desk.fill()
        name = desk.fill(contracts=2)
        desk.minute(positions=((world.MARKET, 100 * CONTRACT),))
        assert [("GHOST_FILL", "position:M1")] == desk.words
        assert (["reconcile"], True) == (
            [i.cause_family for i in desk.incidents],
            any(name in text for text in desk.incidents[0].evidence),
        )

    def test_the_newest_fills_together_are_ghosts_too(self) -> None:
        """Two fills that the venue has not are one difference."""
        desk = Desk()
        for contracts in (100, 7, 4):
            desk.fill(contracts=contracts)
        desk.venue(positions=((world.MARKET, 100 * CONTRACT),))
        assert [("GHOST_FILL", "position:M1")] == desk.words

    def test_a_market_that_nobody_traded_cannot_be_valued(self) -> None:
        """It counts as more than any limit."""
        desk = Desk()
        desk.minute(positions=(("M9", 1),))
        assert (["reconcile"], [("MISSING_FILL", "position:M9")]) == (
            [i.cause_family for i in desk.incidents],
            desk.words,
        )

    def test_a_perpetual_is_worth_its_price(self) -> None:
        """Ten contracts at 40 cents are four dollars: a case for a person, and no reason to stop."""
        desk = Desk()
        desk.fill(of=DOLLARS)
        desk.minute(positions=(("P1", 110 * CONTRACT),))
        assert [("reconcile_small", "P2")] == [(i.cause_family, i.severity) for i in desk.incidents]
        assert "value_micros=4000000" in desk.incidents[0].evidence

    def test_after_the_end_of_a_market_it_is_settlement(self) -> None:
        """The venue has paid what the own books still hold: SETTLEMENT, which waits and does not stop the desk."""
        desk = Desk()
        desk.fill(contracts=50)
        desk.fill(contracts=50)
        desk.now = PLAIN.expiry_ns
        desk.minute(positions=((world.MARKET, 1),))
        assert ([("SETTLEMENT", "position:M1")], ["reconcile_small"]) == (
            desk.words,
            [i.cause_family for i in desk.incidents],
        )

    def test_both_outcomes_are_one_position(self) -> None:
        """YES of one book less NO of the other is what counts, whichever way a venue states it."""
        desk = Desk(desk_mode="live")
        desk.fill(of=TOKEN, contracts=30)
        desk.fill(of=OTHER, contracts=10)
        desk.venue(positions=(("T1", 20 * CONTRACT),))
        assert [] == desk.words
        desk.tick(1)
        desk.venue(positions=(("T2", -20 * CONTRACT),))
        assert [] == desk.words
        desk.tick(1)
        desk.venue(positions=(("T2", 20 * CONTRACT),))
        assert ["position:T1"] == [name for _, name in desk.words]


class TestCash:
    def test_money_that_nothing_explains(self) -> None:
        """Somebody took fifty dollars out: CASH, and the desk stops."""
        desk = Desk()
        desk.fill()
        desk.minute(cash_micros=desk.cash() - 50 * MICROS)
        assert ([("CASH", "cash")], ["reconcile"]) == (desk.words, [i.cause_family for i in desk.incidents])
        assert "stood=-50000000" in desk.incidents[0].evidence

    @pytest.mark.parametrize(("apart", "cases"), [(999_999, 0), (1_000_000, 1)])
    def test_less_than_warn_usd_is_ignored(self, apart: int, cases: int) -> None:
        """A dollar is a case, a millionth less is none."""
        desk = Desk()
        desk.venue(cash_micros=START + apart)
        assert cases == len(desk.words)

    @pytest.mark.parametrize(("apart", "family"), [(10_000_000, SMALL_FAMILY), (10_000_001, GRAVE_FAMILY)])
    def test_more_than_hard_usd_stops_the_desk(self, apart: int, family: str) -> None:
        """Ten dollars tell a person, a millionth more stops the desk."""
        desk = Desk()
        desk.minute(cash_micros=START - apart)
        assert [family] == [i.cause_family for i in desk.incidents]
        assert [family == GRAVE_FAMILY] == [trips(i) for i in desk.incidents]

    def test_a_case_that_turns_grave_is_told_again(self) -> None:
        """Five dollars are gone, then fifty: told as a small case, and again once the rise has stood for a minute."""
        desk = Desk()
        desk.minute(cash_micros=START - 5 * MICROS)
        for _ in range(62):
            assert [SMALL_FAMILY] == [i.cause_family for i in desk.incidents]
            desk.tick(1)
            desk.venue(cash_micros=START - 50 * MICROS)
        desk.tick()
        assert [SMALL_FAMILY, GRAVE_FAMILY] == [i.cause_family for i in desk.incidents]
        assert ["gov.reconciler:venue:cash"] * 2 == [i.incident_key for i in desk.incidents]
        assert -50_000_000 == desk.state.breaks[0].amount

    def test_a_rise_that_does_not_last_is_none(self) -> None:
        """What is under way on top of a small case comes and goes; the case stays what it was."""
        desk = Desk()
        for second in range(200):
            under_way = 60 if second % 40 else 0
            desk.venue(cash_micros=START - (5 + under_way) * MICROS)
            desk.tick(1)
        assert ([SMALL_FAMILY], -5_000_000) == ([i.cause_family for i in desk.incidents], desk.state.breaks[0].amount)

    def test_cash_of_tokens_is_the_chains(self) -> None:
        """A venue's collateral misses what pairs are worth: the chain has both, and agrees."""
        desk = Desk(desk_mode="live")
        desk.fill(of=TOKEN, contracts=30)
        desk.fill(side=-1, of=TOKEN, contracts=30, price=45)
        pairs = 30 * MICROS
        desk.venue(cash_micros=desk.cash() - pairs)
        desk.chain({"T1": 30 * CONTRACT, "T2": 30 * CONTRACT}, desk.cash() - pairs)
        assert [] == desk.words
        desk.tick(1)
        desk.chain({"T1": 30 * CONTRACT, "T2": 30 * CONTRACT}, desk.cash() - pairs - 5 * MICROS)
        assert [("CASH", "cash")] == desk.words

    def test_what_is_to_be_redeemed_is_no_missing_cash(self) -> None:
        """After the end of a market the books have its payout and the chain its tokens, until they are redeemed."""
        desk = Desk(desk_mode="live")
        desk.venue()
        desk.fill(of=TOKEN, contracts=100)
        paid = world.plainest(Settlement)
        desk.hear(replace(paid, market_id="T1", side=1, price_ticks=100, size_lots=10_000), TOKEN)
        before = desk.cash()
        desk.held["T1"] = trade(desk.held["T1"], -1, MICROS, 10_000, 10_000)
        desk.hear(desk.position(TOKEN), TOKEN)
        for _ in range(2):
            desk.venue(positions=(("T1", 10_000),))
            desk.chain({"T1": 10_000}, before)
            desk.tick(61)
        assert {("SETTLEMENT", "position:T1")} == set(desk.words)
        assert {"reconcile_small"} == {i.cause_family for i in desk.incidents}


class TestTwoAxes:
    def test_a_match_that_fails_is_a_ghost_at_once(self) -> None:
        """The venue's own word needs no minute; the case stays while the own books hold the fill."""
        desk = Desk(desk_mode="live")
        name = desk.fill(of=TOKEN, contracts=1, final=False)
        desk.word(name, "RETRYING")
        desk.tick(1)
        assert [] == desk.incidents
        desk.word(name, "FAILED")
        desk.tick(1)
        (incident,) = desk.incidents
        assert (GRAVE_FAMILY, "GHOST_FILL") == (incident.cause_family, incident.evidence[0])
        desk.minute(positions=())
        assert [("GHOST_FILL", f"fill:{name}|{world.child().client_order_id}")] == desk.words
        assert 1 == len(desk.incidents)

    def test_a_failed_match_that_the_venue_shows_all_the_same_is_forgotten(self) -> None:
        """Later than a fill takes to settle, the venue's positions agree with the own books: the case ends."""
        desk = Desk()
        name = desk.fill(of=TOKEN, contracts=1, final=False)
        desk.word(name, "FAILED")
        desk.tick(60)
        desk.venue()
        assert 1 == len(desk.words)
        desk.tick(1)
        desk.venue()
        assert [] == desk.words

    @pytest.mark.parametrize("detail", ["CONFIRMED", "MINED:5"])
    def test_a_final_match_explains_nothing_any_more(self, detail: str) -> None:
        """Once it is settled, a chain without it has lost it: GHOST_FILL and no settlement."""
        desk = Desk(desk_mode="live")
        name = desk.fill(of=TOKEN, final=False)
        desk.word(name, "MINED:4")
        desk.chain({"T1": 0}, START)
        assert [("SETTLEMENT", "position:T1")] == desk.words
        desk.word(name, detail)
        desk.tick(1)
        desk.chain({"T1": 0}, START)
        assert ("GHOST_FILL", "position:T1") in desk.words

    def test_only_the_fills_that_explain_it_make_its_age(self) -> None:
        """A desk that trades all the time always has fills under way: the chain lags by the newest, and is not late."""
        desk = Desk(desk_mode="live")
        desk.venue()
        for shown in range(20):
            desk.fill(of=TOKEN, contracts=10, final=False)
            desk.chain({"T1": shown * 1_000}, desk.cash() + 4_010_000)
            desk.venue()
            desk.tick(10)
        assert ([], [("SETTLEMENT", "position:T1")]) == (desk.incidents, desk.words)

    def test_a_chain_that_shows_it_early_agrees(self) -> None:
        """A fill may be on the chain before the venue calls it final."""
        desk = Desk(desk_mode="live")
        desk.fill(of=TOKEN, final=False)
        desk.chain({"T1": 10_000, "T2": 0})
        assert [] == desk.words


class TestSources:
    def test_an_incomplete_snapshot_resolves_and_clears_nothing(self) -> None:
        """It makes no case, ends none, and makes none older."""
        desk = Desk()
        desk.venue(cash_micros=START - 50 * MICROS)
        desk.tick(30)
        before = desk.state
        desk.venue(complete=False)
        assert before is desk.state
        desk.tick(31)
        desk.venue(complete=False, cash_micros=START - 50 * MICROS)
        desk.tick()
        assert ([("CASH", "cash")], []) == (desk.words, desk.incidents)

    @pytest.mark.parametrize(
        "said",
        [
            {"account": "somebody"},
            {"taken_ns": NOW - 1},
            {"taken_ns": NOW + 3_600 * SECOND},
        ],
    )
    def test_a_snapshot_of_another_account_or_time_is_not_heard(self, said: dict[str, object]) -> None:
        """Another account, one no newer than the last, and one from the future change nothing."""
        desk = Desk()
        desk.venue()
        before = desk.state
        desk.venue(cash_micros=0, **said)
        assert before is desk.state

    def test_a_snapshot_is_compared_with_the_books_of_its_time(self) -> None:
        """What was filled after it was taken is no difference, however late it is heard."""
        desk = Desk()
        desk.fill()
        old = desk.snapshot()
        desk.tick(1)
        desk.fill(contracts=50)
        desk.fill(side=-1, contracts=120)
        desk.venue(old)
        assert ([], old.taken_ns) == (desk.words, desk.state.venue_ns)

    def test_books_that_are_forgotten_compare_nothing(self) -> None:
        """After more changes than are remembered there is no common time with so old a snapshot."""
        desk = Desk()
        old = desk.snapshot()
        for _ in range(257):
            desk.now += 1
            desk.fill(contracts=1)
        desk.venue(old)
        assert ([], 0) == (desk.words, desk.state.venue_ns)

    @pytest.mark.parametrize(("extra_ns", "label"), [(0, "TIMING"), (1, "BREAK")])
    def test_a_break_older_than_settle_s_is_real(self, extra_ns: int, label: str) -> None:
        """Sixty seconds between what shows it is timing; a nanosecond more is real."""
        desk = Desk()
        desk.venue(cash_micros=0)
        desk.tick(60)
        desk.now += extra_ns
        desk.venue(cash_micros=0)
        desk.tick()
        assert label == desk.label[0]

    def test_what_comes_and_goes_is_no_break(self) -> None:
        """The part that has stood all the time counts; once a whole source agrees the case is over."""
        desk = Desk()
        for apart in (50, 3, 40):
            desk.venue(cash_micros=START - apart * MICROS)
            desk.tick(25)
        assert ["stood"] == [
            key for key, amount in {"stood": desk.state.breaks[0].amount}.items() if amount == -3_000_000
        ]
        desk.venue()
        assert [] == desk.words
        desk.tick(25)
        desk.venue(cash_micros=START - 50 * MICROS)
        desk.tick()
        assert ("TIMING", []) == (desk.label[0], desk.incidents)

    def test_the_other_side_of_zero_is_another_break(self) -> None:
        """Too much is not the too little of before."""
        desk = Desk()
        desk.venue(cash_micros=START - 50 * MICROS)
        desk.tick(61)
        desk.venue(cash_micros=START + 50 * MICROS)
        desk.tick()
        assert ("TIMING", []) == (desk.label[0], desk.incidents)

    def test_a_live_desk_on_a_chain_needs_the_chain(self) -> None:
        """The venue alone is not whole; without two providers that agree there is no chain."""
        desk = Desk(desk_mode="live")
        desk.fill(of=TOKEN)
        for _ in range(4):
            desk.venue()
            desk.chain({"T1": 10_000}, names=("p0",))
            desk.tick(20)
        assert ("MISSING", 0) == (desk.label[0], desk.state.chain_ns)
        desk.venue()
        desk.chain({"T1": 10_000})
        desk.tick()
        assert "OK" == desk.label[0]

    def test_a_paper_desk_has_no_chain(self) -> None:
        """What its venue says of the account is whole."""
        desk = Desk()
        desk.fill(of=TOKEN)
        desk.venue()
        desk.tick(1)
        assert "OK" == desk.label[0]

    def test_a_chain_of_another_account_is_not_heard(self) -> None:
        """Tokens of a wallet that is not the desk's are no difference."""
        desk = Desk(desk_mode="live")
        said = replace(world.plainest(ChainSnapshot), account="somebody", tokens=(("T1", 5),), at_ns=NOW)
        after = chain(Config(), desk.state, said, world.desk(), world.account(), None, Instant(NOW))
        assert desk.state is after

    def test_a_missing_source_hides_no_case(self) -> None:
        """A real break stays open and counted while nothing is known any more."""
        desk = Desk()
        desk.minute(cash_micros=0)
        desk.tick(61)
        assert ("MISSING", (1.0, ("gov.reconciler:venue:cash",))) == (
            desk.label[0],
            (desk.reports[-1].value, desk.reports[-1].refs),
        )


class TestSpeaking:
    def test_it_speaks_on_change_and_on_every_cycle(self) -> None:
        """Equal statements are a minute apart; a case is told once, under the same key when it comes back."""
        desk = Desk()
        desk.now -= desk.now % (60 * SECOND)
        for _ in range(120):
            desk.venue()
            desk.tick(1)
        assert 3 == len(desk.reports)
        for _ in range(2):
            for _ in range(70):
                desk.venue(cash_micros=0)
                desk.tick(1)
            desk.venue()
            desk.tick(1)
        assert ["gov.reconciler:venue:cash"] * 2 == [i.incident_key for i in desk.incidents]

    def test_an_enabled_desk_and_a_policy_without_desks_are_not_disabled(self) -> None:
        """Activity is no case where nobody forbade it; a policy that names others only forbids this one."""
        for bundle, cases in (
            (policy(enabled=True), 0),
            (world.plainest(PolicyBundle), 0),
            (policy(enabled=True, desk_id="b"), 1),
        ):
            desk = Desk(bundle=bundle)
            desk.order()
            desk.venue()
            assert cases == len(desk.words)

    def test_a_disabled_desk_may_hold_nothing(self) -> None:
        """A position that both sides know is activity all the same."""
        desk = Desk(bundle=policy(enabled=False))
        desk.fill(contracts=1)
        desk.venue()
        desk.tick()
        assert ([("MISSING_FILL", "position:M1")], 1) == (desk.words, len(desk.incidents))

    def test_at_most_64_cases_are_kept(self) -> None:
        """The oldest stay."""
        desk = Desk()
        desk.venue(open_orders=("A",))
        desk.tick(1)
        desk.venue(open_orders=("A", *(f"B{place:03}" for place in range(100))))
        assert (64, "order:A") == (len(desk.words), desk.words[0][1])

    def test_every_reason_is_declared(self) -> None:
        """Four statements, four codes."""
        assert {"GOV_RECON_OK", "GOV_RECON_TIMING", "GOV_RECON_BREAK", "GOV_RECON_SOURCE_MISSING"} == BOT.reasons


# ---- over anything that may happen ---------------------------------------------------------------------------------

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "rest", "end", "look", "late", "broken", "wait"]),
        st.integers(1, 90),
        st.sampled_from([PLAIN, TOKEN, DOLLARS]),
    ),
    max_size=40,
)


def play(desk: Desk, moves: list[tuple[str, int, MarketDefinition]], lost: int = 0) -> None:
    """Let a desk live: trade, rest, be looked at now or late, wait; `lost` is cash that the venue does not have."""
    old = desk.snapshot()
    for what, number, of in moves:
        desk.tick(1)
        if what in ("buy", "sell"):
            desk.fill(1 if what == "buy" else -1, number, min(number, 99), of=of)
        elif what == "rest":
            desk.order(f"O{number}", of=of, venue=f"V{number}")
        elif what == "end" and f"O{number}" in desk.orders:
            desk.order(f"O{number}", "CANCELLED", of=of, venue=f"V{number}")
        elif what == "wait":
            desk.tick(number)
        elif what == "late":
            desk.venue(replace(old, cash_micros=old.cash_micros - lost))
        elif what == "broken":
            desk.venue(complete=False, cash_micros=number, open_orders=(), positions=())
        else:
            desk.venue(cash_micros=desk.cash() - lost)
        old = desk.snapshot()


@given(MOVES)
def test_books_that_agree_have_no_case(moves: list[tuple[str, int, MarketDefinition]]) -> None:
    """Whatever is traded and whenever the venue is heard, also late or in part: no difference, no incident."""
    desk = Desk()
    play(desk, moves)
    desk.venue()
    desk.tick()
    assert ([], [], "OK") == (desk.words, desk.incidents, desk.label[0])


@given(MOVES, st.integers(11 * MICROS, 500 * MICROS))
def test_what_is_really_gone_is_found_once(moves: list[tuple[str, int, MarketDefinition]], lost: int) -> None:
    """Money that the venue does not have is one case of its size, whatever else happens, told once."""
    desk = Desk()
    desk.venue(cash_micros=desk.cash() - lost)
    play(desk, moves, lost)
    desk.tick(61)
    desk.venue(cash_micros=desk.cash() - lost)
    desk.tick()
    assert [("gov.reconciler:venue:cash", "reconcile")] == [(i.incident_key, i.cause_family) for i in desk.incidents]
    assert (-lost, START + sum(one.cash_micros for one in desk.state.ledger.books.booked)) == (
        desk.state.breaks[0].amount,
        desk.cash(),
    )
