"""Keep the logical relations between markets, their risk clusters, and any executable violation of a relation.

Says    `cluster` for every market; `relation_violation` for a market with relations: the worst one that persisted, 0
        when all cohere, UNKNOWN when a leg is stale.
Why     Markets on one question are one risk; and when their prices contradict each other, one of them is wrong.
Source  Relations, clusters and violations: bots/maths/relations.py.

A market without relations is its own cluster and costs one look-up. Semantic edges count only when a person has
reviewed them (PolicyBundle.reviewed_edges). A reviewed implication that would close a circle between unequal claims
is left out and noted. What is said of a market is said when that market itself speaks: at its definition and its
snapshots.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, Frac, Instant, Latest, Millis, On, Prob, Signal, State, fold
from bots.maths.ordered import find, put
from bots.maths.relations import Graph, Node, Quote, Relation, admit, node_of, size_hint, violation
from contracts.control import PolicyBundle
from contracts.intent import BotNote
from contracts.market import Kind, MarketDefinition, MarketSnapshot
from contracts.reasons import (
    INTEL_GRAPH_COHERENT,
    INTEL_GRAPH_EDGE_CONFLICT,
    INTEL_GRAPH_LEG_STALE,
    INTEL_GRAPH_VIOLATION,
)
from contracts.signal import SignalReport

MS, MILLION, BINARY, MODEL = 1_000_000, 1_000_000, int(Kind.BINARY), "graph-1"
LEG_BUDGET_NS = 2_000 * MS  # the catalogue's freshness of MarketSnapshot


class Config(BotConfig):
    min_violation: Prob = 5_000
    persist_ms: Millis = 500
    q_min: Frac = 800_000


class Memory(State):
    graph: Graph = Graph()


Answers = tuple[SignalReport | BotNote, ...]
Said = Annotated[Answers, Signal("cluster", "relation_violation")]


def on_definition(
    config: Config, state: Memory, definition: On[MarketDefinition], policy: Latest[PolicyBundle | None], now: Instant
) -> tuple[Memory, Said]:
    """Take a market into the graph."""
    node = node_of(definition)
    graph, conflict = state.graph, False
    if graph.node(node.market_id) != node:
        graph, conflict = admit(graph, node, policy.reviewed_edges if policy is not None else ())
    said = _cluster(graph, node.market_id)
    if conflict:
        return Memory(graph), (said, BotNote(INTEL_GRAPH_EDGE_CONFLICT))
    return Memory(graph), (said,)


def on_snapshot(
    config: Config,
    state: Memory,
    snap: On[MarketSnapshot],
    definition: Latest[MarketDefinition],
    known: Annotated[Latest[SignalReport | None], Signal("cluster")],
    now: Instant,
) -> tuple[Memory, Said]:
    """Look at every relation of a market whose quotes moved."""
    graph = state.graph
    if not graph.related:
        return state, ()
    place = find(graph.related, definition.market_id)
    if place < 0 or definition.instrument_kind != BINARY:
        return state, ()
    label, members = graph.clusters[place]
    same = known is not None and known.label == label and known.value == members
    cluster: Answers = () if same else (_cluster(graph, definition.market_id),)
    if not graph.touching[place]:
        return state, cluster
    tick, lot = definition.tick_micros, definition.lot_micros
    bid, ask = snap.bid_ticks * tick, snap.ask_ticks * tick
    quote = Quote(bid, ask, snap.bid_lots * lot, snap.ask_lots * lot, snap.quality_milli, snap.confirmed_ns)
    graph = replace(graph, quotes=put(graph.quotes, place, quote))
    worst, stale, since = 0, False, graph.since
    report = _report(0, "COHERENT", INTEL_GRAPH_COHERENT)
    for number in graph.touching[place]:
        relation = graph.relations[number]
        legs = _legs(graph, relation, now)
        stale = stale or not legs
        profit = violation(relation, legs) if legs else -MILLION
        sound = all(leg.quality_milli * 1_000 >= config.q_min for _, leg in legs)
        first = (since[number] or int(now)) if profit >= config.min_violation and sound else 0
        if first != since[number]:
            since = put(since, number, first)
        if first and now - first >= config.persist_ms * MS and profit > worst:
            worst = profit
            size = ("size", size_hint(relation, legs))
            report = _report(profit, relation.kind, INTEL_GRAPH_VIOLATION, relation.legs, (size,))
    if stale and not worst:
        report = _report(0, "UNKNOWN", INTEL_GRAPH_LEG_STALE)
    return Memory(replace(graph, since=since)), (*cluster, report)


def _legs(graph: Graph, relation: Relation, now: int) -> list[tuple[Node, Quote]]:
    """Return the relation's legs with their quotes; nothing when one has none or is older than its budget."""
    legs = []
    for name in relation.legs:
        node, quote = graph.node(name), graph.quotes[find(graph.related, name)]
        if node is None or quote is None or now - quote.confirmed_ns > LEG_BUDGET_NS:
            return []
        legs.append((node, quote))
    return legs


def _cluster(graph: Graph, market_id: str) -> SignalReport:
    label, members = graph.cluster(market_id)
    return SignalReport("cluster", float(members), label, 0.0, 1.0, 0, 0, MODEL, (), (), INTEL_GRAPH_COHERENT)


def _report(
    profit: int,
    label: str,
    reason: str,
    refs: tuple[str, ...] = (),
    parts: tuple[tuple[str, float], ...] = (),
) -> SignalReport:
    value = profit // 100 / 10_000.0
    return SignalReport("relation_violation", value, label, 0.0, 1.0, 0, 0, MODEL, parts, refs, reason)


BOT = fold(
    on_definition,
    on_snapshot,
    reasons={INTEL_GRAPH_COHERENT, INTEL_GRAPH_VIOLATION, INTEL_GRAPH_EDGE_CONFLICT, INTEL_GRAPH_LEG_STALE},
    per="desk",
)
