"""intel.cross_market_graph: clusters, ladders, groups, reviewed edges, violations."""

from typing import Any

import pytest

from bots.intel.cross_market_graph import Config, Memory, on_definition, on_snapshot
from bots.kit import Instant
from contracts.control import PolicyBundle
from contracts.ids import instrument_id
from contracts.intent import BotNote
from contracts.market import FeeModel, MarketDefinition
from contracts.signal import SignalReport
from tests.world import MS, NOW, definition, snapshot

FREE = FeeModel("none")


def market(name: str, title: str = "Will it?", **changes: Any) -> MarketDefinition:
    """A market of its own event, without fees."""
    own = {"market_id": name, "instrument_id": instrument_id("kalshi", name, "YES"), "event_id": f"E-{name}"}
    return definition(**own | {"series_id": "", "title": title, "fee": FREE} | changes)


def rung(name: str, level: str, **changes: Any) -> MarketDefinition:
    """A rung of a ladder of one event."""
    return market(name, f"Will Bitcoin be above {level} on May 13?", event_id="LADDER", **changes)


class Lane:
    """Drives the bot with the memory of a lane."""

    def __init__(self, *markets: MarketDefinition, config: Config | None = None, reviewed: Any = ()) -> None:
        """Define these markets."""
        self.config, self.state = config or Config(), Memory()
        self.known: dict[str, MarketDefinition] = {}
        self.clusters: dict[str, SignalReport] = {}
        self.notes: list[str] = []
        self.policy = PolicyBundle("p", "", (), (), (), (), (), "me", reviewed)
        for known in markets:
            self.define(known)

    def define(self, known: MarketDefinition) -> None:
        """A definition is said."""
        self.known[known.market_id] = known
        self.state, said = on_definition(self.config, self.state, known, self.policy, NOW)
        self._keep(known.market_id, said)

    def quote(self, name: str, bid: int, ask: int, ms: float = 0, **changes: Any) -> SignalReport | None:
        """A snapshot is said; returns what is said of relations."""
        at = Instant(NOW + int(ms * MS))
        snap = snapshot(bid_ticks=bid, ask_ticks=ask, confirmed_ns=int(at), **changes)
        self.state, said = on_snapshot(self.config, self.state, snap, self.known[name], self.clusters.get(name), at)
        return self._keep(name, said)

    def _keep(self, name: str, said: tuple[SignalReport | BotNote, ...]) -> SignalReport | None:
        found = None
        for answer in said:
            if type(answer) is BotNote:
                self.notes.append(answer.reason)
            elif answer.signal == "cluster":
                self.clusters[name] = answer
            else:
                found = answer
        return found


def test_normal_a_coherent_ladder() -> None:
    """Fixture normal: 100k bid .40, 90k ask .55: no violation."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"))
    lane.quote("B", 53, 55)
    said = lane.quote("A", 40, 42)
    assert said is not None
    assert ("INTEL_GRAPH_COHERENT", 0.0, "COHERENT") == (said.reason, said.value, said.label)


def test_warning_a_violated_implication_that_persists() -> None:
    """Fixture warning: bid_A .58, ask_B .55, fees .01: after 600 ms a violation of .02 with legs and size."""
    fee = FeeModel("linear_bps", 1_000, 0, 10_000)  # one cent, rounded up
    lane = Lane(rung("A", "100k", fee=fee), rung("B", "90k"))
    lane.quote("B", 53, 55, ask_lots=300)
    first = lane.quote("A", 58, 60, bid_lots=500)
    assert first is not None and first.reason == "INTEL_GRAPH_COHERENT"
    said = lane.quote("A", 58, 60, 600, bid_lots=500)
    assert said is not None
    assert ("INTEL_GRAPH_VIOLATION", 0.02, "IMPLIES", ("A", "B"), 3.0) == (
        said.reason,
        said.value,
        said.label,
        said.refs,
        said.part("size"),
    )


def test_hard_reviewed_edges_that_contradict() -> None:
    """Fixture hard: A implies B and B implies A with different thresholds: the second edge is refused and noted."""
    reviewed = (("IMPLIES", "A", "B"), ("IMPLIES", "B", "A"))
    lane = Lane(market("A", "Above 100?"), market("B", "Above 120?"), reviewed=reviewed)
    assert ["INTEL_GRAPH_EDGE_CONFLICT"] == lane.notes
    assert [("IMPLIES", ("A", "B"))] == [(r.kind, r.legs) for r in lane.state.graph.relations]
    equal = Lane(market("A", "Above 100?"), market("B", "Above 100?"), reviewed=reviewed)
    assert ([], 2) == (equal.notes, len(equal.state.graph.relations))


@pytest.mark.parametrize(("age_ms", "reason"), [(2_000, "INTEL_GRAPH_COHERENT"), (2_001, "INTEL_GRAPH_LEG_STALE")])
def test_failure_a_stale_leg(age_ms: int, reason: str) -> None:
    """Fixture failure: a leg that is too old (here just beyond 2 s) makes the relation unknown."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"))
    lane.quote("B", 53, 55)
    said = lane.quote("A", 40, 42, age_ms)
    assert said is not None and reason == said.reason
    if reason == "INTEL_GRAPH_LEG_STALE":
        assert ("UNKNOWN", 0.0) == (said.label, said.value)


def test_a_leg_that_never_spoke_is_stale_and_a_violation_is_withdrawn() -> None:
    """A violation said before is taken back when a leg goes stale."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"))
    missing = lane.quote("A", 58, 60)
    assert missing is not None and missing.label == "UNKNOWN"
    lane.quote("B", 53, 55)
    lane.quote("A", 58, 60, 1)
    broken = lane.quote("A", 58, 60, 600)
    assert broken is not None and broken.value == 0.03
    gone = lane.quote("A", 58, 60, 5_000)
    assert gone is not None and (gone.label, gone.value) == ("UNKNOWN", 0.0)


@pytest.mark.parametrize(
    ("config", "ms", "quality", "violated"),
    [
        (Config(), 500, 1_000, True),
        (Config(), 499, 1_000, False),
        (Config(persist_ms=0), 0, 1_000, True),
        (Config(min_violation=30_000), 500, 1_000, True),
        (Config(min_violation=30_001), 500, 1_000, False),
        (Config(), 500, 800, True),
        (Config(), 500, 799, False),
        (Config(q_min=0), 500, 0, True),
    ],
)
def test_limits(config: Config, ms: int, quality: int, violated: bool) -> None:
    """Size, persistence and quality count at their limits and not below."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"), config=config)
    lane.quote("B", 53, 55)
    said = lane.quote("A", 58, 60, 0, quality_milli=quality)
    if ms:
        said = lane.quote("A", 58, 60, ms, quality_milli=quality)
    assert said is not None and violated == (said.reason == "INTEL_GRAPH_VIOLATION")


def test_an_interrupted_violation_begins_again() -> None:
    """Persistence counts from the last time that the relation became violated."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"))
    lane.quote("B", 53, 55)
    lane.quote("A", 58, 60, 0)
    lane.quote("A", 50, 60, 300)
    lane.quote("A", 58, 60, 400)
    said = lane.quote("A", 58, 60, 800)
    assert said is not None and said.reason == "INTEL_GRAPH_COHERENT"


def test_complements_are_exclusive_and_exhaustive() -> None:
    """Bids of YES and NO above 1, or asks below 1, are violations."""
    yes = market("Y", event_id="", complement_id="N")
    no = market("N", event_id="", complement_id="Y", outcome="NO")
    lane = Lane(yes, no, config=Config(persist_ms=0))
    lane.quote("N", 55, 60)
    said = lane.quote("Y", 50, 52)
    assert said is not None and ("EXCLUSIVE", 0.05) == (said.label, said.value)
    lane.quote("N", 40, 45)
    said = lane.quote("Y", 48, 50)
    assert said is not None and ("EXHAUSTIVE", 0.05) == (said.label, said.value)


def test_a_neg_risk_event_is_exclusive_and_exhaustive_only_if_reviewed() -> None:
    """Three outcomes bid at 0.40 each exceed 1; asks below 1 count only where a person has said so."""
    outcomes = [market(name, event_id="E", neg_risk=True) for name in "ABC"]
    lane = Lane(*outcomes, config=Config(persist_ms=0))
    for name in "ABC":
        said = lane.quote(name, 40, 41)
    assert said is not None and ("EXCLUSIVE", 0.2, ("A", "B", "C")) == (said.label, said.value, said.refs)
    for name in "ABC":
        said = lane.quote(name, 20, 25)
    assert said is not None and said.label == "COHERENT"
    known = Lane(*outcomes, config=Config(persist_ms=0), reviewed=(("EXHAUSTIVE", "E", ""),))
    for name in "ABC":
        said = known.quote(name, 20, 25)
    assert said is not None and ("EXHAUSTIVE", 0.25) == (said.label, said.value)


def test_a_reviewed_equivalence_counts_in_both_directions() -> None:
    """Whichever side is dear, selling it and buying the other pays."""
    lane = Lane(market("A"), market("B"), config=Config(persist_ms=0), reviewed=(("EQUIVALENT", "A", "B"),))
    lane.quote("A", 40, 42)
    said = lane.quote("B", 45, 47)
    assert said is not None and ("EQUIVALENT", 0.03) == (said.label, said.value)


def test_dates_of_one_claim_are_chained() -> None:
    """By May implies by June implies by July: neighbours only."""
    claims = [
        market(name, f"Will it pass by {month} 1?", series_id="S", expiry_ns=NOW + place)
        for place, (name, month) in enumerate((("M", "May"), ("J", "June"), ("L", "July")), 1)
    ]
    lane = Lane(*claims)
    assert {("M", "J"), ("J", "L")} == {r.legs for r in lane.state.graph.relations}


def test_a_ladder_below_is_chained_the_other_way() -> None:
    """Below 90 implies below 100."""
    lane = Lane(
        market("A", "Below 100?", event_id="E"),
        market("B", "Below 90?", event_id="E"),
        market("C", "Below 80?", event_id="E"),
    )
    assert {("C", "B"), ("B", "A")} == {r.legs for r in lane.state.graph.relations}


def test_a_lone_market_is_its_own_cluster_and_says_nothing_more() -> None:
    """A market without relations names itself, with one member, and its snapshots cost a look-up."""
    lane = Lane(market("A"))
    own = lane.clusters["A"]
    assert (instrument_id("kalshi", "A", "YES"), 1.0) == (own.label, own.value)
    before = lane.state
    assert None is lane.quote("A", 40, 42)
    assert before is lane.state
    lane.define(rung("X", "1"))
    lane.define(rung("Y", "2"))
    before = lane.state
    assert None is lane.quote("A", 40, 42)
    assert before is lane.state


def test_clusters_join_and_the_elder_hears_of_it() -> None:
    """The component's smallest instrument id names it; who was there before hears of it at its next snapshot."""
    lane = Lane(market("A", event_id="E"), market("B", event_id="F"), market("C", event_id="E"))
    label = min(instrument_id("kalshi", name, "YES") for name in "AC")
    assert (label, 2.0) == (lane.clusters["C"].label, lane.clusters["C"].value)
    assert 1.0 == lane.clusters["A"].value
    lane.quote("A", 40, 42)
    assert (label, 2.0) == (lane.clusters["A"].label, lane.clusters["A"].value)
    lane.define(market("A", event_id="G"))
    assert 2.0 == lane.clusters["A"].value


def test_the_same_definition_changes_nothing() -> None:
    """A new version with the same claim keeps quotes, relations and times."""
    lane = Lane(rung("A", "100k"), rung("B", "90k"))
    lane.quote("B", 53, 55)
    before = lane.state.graph
    lane.define(rung("B", "90k", version=2, status=1))
    assert before is lane.state.graph
