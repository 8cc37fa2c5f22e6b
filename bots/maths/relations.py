"""Hold what markets have to do with each other: clusters, logical relations, and what it pays when one is violated.

    IMPLIES(A, B)  v = bid_A - ask_B - f          EXCLUSIVE   v = sum(bid_i) - 1 - f
    EQUIVALENT     the better of both directions  EXHAUSTIVE  v = 1 - sum(ask_i) - f

Symbols: v the sure profit per contract in millionths, bid and ask executable prices in millionths, f the taker fees of
all legs. Edges come from definitions: outcomes of one event; complements (exclusive and exhaustive); a neg-risk event's
outcomes (exclusive); rungs of one ladder and dates of one claim, as a chain of implications; and those a person has
reviewed. A cluster is a connected component, named by its smallest instrument id; it never shrinks.
Source: rule of intel.cross_market_graph; docs.polymarket.com, negative risk markets.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.fees import trade_fee
from bots.maths.ordered import find, put
from bots.maths.rules_text import dates_in, levels_in, subject_of
from contracts.market import FeeModel, MarketDefinition

MILLION = 1_000_000
IMPLIES, EXCLUSIVE, EXHAUSTIVE, EQUIVALENT = "IMPLIES", "EXCLUSIVE", "EXHAUSTIVE", "EQUIVALENT"
_BY_DATE = re.compile(r"\b(?:by|before)\b", re.I)

Reviewed = tuple[tuple[str, str, str], ...]


class Node(NamedTuple):
    """What an instrument claims, as far as relations go."""

    market_id: str
    instrument_id: str
    event_id: str
    series_id: str
    complement_id: str
    is_yes: bool
    neg_risk: bool
    subject: str
    direction: str
    level: float
    by_date: bool
    expiry_ns: int
    tick_micros: int
    lot_micros: int
    fee: FeeModel


class Quote(NamedTuple):
    """The executable quotes of a leg: prices in micros, sizes in millionths of a contract."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int
    quality_milli: int
    confirmed_ns: int


class Relation(NamedTuple):
    """A relation between markets, by their ids; the order matters for IMPLIES only."""

    kind: str
    legs: tuple[str, ...]


class Graph(Struct, frozen=True, gc=False):
    """All markets of a lane with their clusters; those related, their relations, quotes and times of violation.

    `names` are all events, series, markets and complements that were named: a market that shares none has no peers.
    """

    ids: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    labels: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    since: tuple[int, ...] = ()
    related: tuple[str, ...] = ()
    clusters: tuple[tuple[str, int], ...] = ()
    touching: tuple[tuple[int, ...], ...] = ()
    quotes: tuple[Quote | None, ...] = ()
    names: frozenset[str] = frozenset()

    def node(self, market_id: str) -> Node | None:
        """Return a market's node."""
        place = find(self.ids, market_id)
        return self.nodes[place] if place >= 0 else None

    def cluster(self, market_id: str) -> tuple[str, int]:
        """Return the cluster of a known market and how many members it has."""
        place = find(self.related, market_id)
        return self.clusters[place] if place >= 0 else (self.labels[find(self.ids, market_id)], 1)


def node_of(definition: MarketDefinition) -> Node:
    """Return what a definition claims; about 20 µs."""
    title = definition.title
    levels = levels_in(title)
    direction, low, high = levels[0] if levels else ("", 0.0, 0.0)
    return Node(
        definition.market_id,
        definition.instrument_id,
        definition.event_id,
        definition.series_id,
        definition.complement_id if definition.complement_id != definition.market_id else "",
        definition.outcome.upper() != "NO",
        definition.neg_risk,
        subject_of(title),
        direction,
        high if direction == "below" else low,
        _BY_DATE.search(title) is not None and bool(dates_in(title)),
        definition.expiry_ns,
        definition.tick_micros,
        definition.lot_micros,
        definition.fee,
    )


def admit(graph: Graph, node: Node, reviewed: Reviewed) -> tuple[Graph, bool]:
    """Return the graph with a new or changed market, and whether the edges contradict each other.

    Linear in markets, and a hundred times cheaper for a new one that names nothing that was named before.
    """
    place = find(graph.ids, node.market_id)
    names = {node.event_id, node.series_id, node.market_id, node.complement_id} - {""}
    named = any(node.market_id in pair for pair in reviewed) or not names.isdisjoint(graph.names)
    graph = replace(graph, names=graph.names | names)
    if place < 0 and not named:
        return _alone(graph, place, node), False
    ids = graph.ids if place >= 0 else put(graph.ids, place, node.market_id)
    old = graph.labels[place] if place >= 0 else node.instrument_id
    nodes, labels = put(graph.nodes, place, node), put(graph.labels, place, old)
    merged = {labels[i] for i, other in enumerate(nodes) if _are_peers(node, other, reviewed)} | {old}
    label = min(*merged, node.instrument_id) if merged else node.instrument_id
    labels = tuple(label if known in merged else known for known in labels)
    members = [other for i, other in enumerate(nodes) if labels[i] == label]
    inside = {member.market_id for member in members}
    kept = [relation for relation in graph.relations if inside.isdisjoint(relation.legs)]
    fresh, conflict = _relate(members, reviewed)
    known_since = dict(zip(graph.relations, graph.since, strict=True))
    relations = (*kept, *fresh)
    grown = replace(graph, ids=ids, nodes=nodes, labels=labels, relations=relations)
    return _indexed(grown, tuple(known_since.get(r, 0) for r in relations), graph), conflict


def _alone(graph: Graph, place: int, node: Node) -> Graph:
    """Add a market that has to do with no other."""
    ids, nodes = put(graph.ids, place, node.market_id), put(graph.nodes, place, node)
    return replace(graph, ids=ids, nodes=nodes, labels=put(graph.labels, place, node.instrument_id))


def _indexed(grown: Graph, since: tuple[int, ...], before: Graph) -> Graph:
    counts: dict[str, int] = {}
    for label in grown.labels:
        counts[label] = counts.get(label, 0) + 1
    joined = [pair for pair in zip(grown.ids, grown.labels, strict=True) if counts[pair[1]] > 1]
    related = tuple(name for name, _ in joined)
    touching: dict[str, list[int]] = {name: [] for name in related}
    for number, relation in enumerate(grown.relations):
        for leg in relation.legs:
            touching[leg].append(number)
    quoted = dict(zip(before.related, before.quotes, strict=True))
    return replace(
        grown,
        since=since,
        related=related,
        clusters=tuple((label, counts[label]) for _, label in joined),
        touching=tuple(tuple(touching[name]) for name in related),
        quotes=tuple(quoted.get(name) for name in related),
    )


def _are_peers(one: Node, other: Node, reviewed: Reviewed) -> bool:
    if one.market_id == other.market_id or _in_event(one, other):
        return True
    if other.market_id == one.complement_id or one.market_id == other.complement_id:
        return True
    if _is_ladder(one, other) or _is_calendar(one, other):
        return True
    return any({a, b} == {one.market_id, other.market_id} for _, a, b in reviewed)


def _is_ladder(one: Node, other: Node) -> bool:
    if not (_in_event(one, other) or (_in_series(one, other) and one.expiry_ns == other.expiry_ns)):
        return False
    same = one.subject == other.subject and one.direction == other.direction and one.direction in ("above", "below")
    return same and one.level != other.level and one.by_date == other.by_date and one.is_yes and other.is_yes


def _is_calendar(one: Node, other: Node) -> bool:
    together = _in_event(one, other) or _in_series(one, other)
    same = one.subject == other.subject and (one.direction, one.level) == (other.direction, other.level)
    dated = one.by_date and other.by_date and one.expiry_ns != other.expiry_ns
    return together and same and dated and one.is_yes and other.is_yes


def _in_event(one: Node, other: Node) -> bool:
    return one.event_id != "" and one.event_id == other.event_id


def _in_series(one: Node, other: Node) -> bool:
    return one.series_id != "" and one.series_id == other.series_id


def _relate(members: Sequence[Node], reviewed: Reviewed) -> tuple[list[Relation], bool]:
    """Return every relation among the members of a cluster, and whether one had to be left out as contradictory."""
    found: list[Relation] = []
    by_id = {node.market_id: node for node in members}
    for node in members:
        if node.is_yes and node.complement_id in by_id:
            pair = (node.market_id, node.complement_id)
            found += [Relation(EXCLUSIVE, pair), Relation(EXHAUSTIVE, pair)]
    for event in dict.fromkeys(node.event_id for node in members if node.event_id):
        outcomes = tuple(node.market_id for node in members if node.event_id == event and node.is_yes)
        if len(outcomes) > 1 and all(by_id[name].neg_risk for name in outcomes):
            found.append(Relation(EXCLUSIVE, outcomes))
        if len(outcomes) > 1 and (EXHAUSTIVE, event, "") in reviewed:
            found.append(Relation(EXHAUSTIVE, outcomes))
    arrows, conflict = _chains(members), False
    for kind, a, b in reviewed:
        if a not in by_id or b not in by_id:
            continue
        if kind != IMPLIES:
            found.append(Relation(kind, (a, b)))
        elif _reaches(arrows, b, a) and _differ(by_id[a], by_id[b]):
            conflict = True
        else:
            arrows.append((a, b))
    return found + [Relation(IMPLIES, arrow) for arrow in dict.fromkeys(arrows)], conflict


def _chains(members: Sequence[Node]) -> list[tuple[str, str]]:
    """Return the implications between neighbouring rungs of ladders and neighbouring dates of a claim."""
    arrows: list[tuple[str, str]] = []
    for node in members:
        sign = -1.0 if node.direction == "above" else 1.0
        rungs = [other for other in members if _is_ladder(node, other) and (other.level - node.level) * sign > 0]
        later = [other for other in members if _is_calendar(node, other) and other.expiry_ns > node.expiry_ns]
        if rungs:
            arrows.append(
                (node.market_id, min(rungs, key=lambda o: (abs(o.level - node.level), o.market_id)).market_id)
            )
        if later:
            arrows.append((node.market_id, min(later, key=lambda o: (o.expiry_ns, o.market_id)).market_id))
    return arrows


def _reaches(arrows: Sequence[tuple[str, str]], start: str, goal: str) -> bool:
    reached, edge = {start}, [start]
    while edge:
        here = edge.pop()
        new = [b for a, b in arrows if a == here and b not in reached]
        reached.update(new)
        edge += new
    return goal in reached


def _differ(one: Node, other: Node) -> bool:
    return (one.direction, one.level, one.expiry_ns) != (other.direction, other.level, other.expiry_ns)


def violation(relation: Relation, legs: Sequence[tuple[Node, Quote]]) -> int:
    """Return the sure profit of trading against a violated relation, in micros per contract; below zero: coherent."""
    if relation.kind == EXCLUSIVE:
        return sum(quote.bid - _fee(node, quote.bid) for node, quote in legs) - MILLION
    if relation.kind == EXHAUSTIVE:
        return MILLION - sum(quote.ask + _fee(node, quote.ask) for node, quote in legs)
    forth = _implied(legs[0], legs[1])
    return max(forth, _implied(legs[1], legs[0])) if relation.kind == EQUIVALENT else forth


def _implied(one: tuple[Node, Quote], other: tuple[Node, Quote]) -> int:
    bid, ask = one[1].bid, other[1].ask
    return bid - ask - _fee(one[0], bid) - _fee(other[0], ask)


def _fee(node: Node, price_micros: int) -> int:
    return trade_fee(node.fee, False, price_micros, 1, MILLION)


def size_hint(relation: Relation, legs: Sequence[tuple[Node, Quote]]) -> float:
    """Return the contracts that every leg can take at once."""
    if relation.kind == EXCLUSIVE:
        return min(quote.bid_size for _, quote in legs) / MILLION
    if relation.kind == EXHAUSTIVE:
        return min(quote.ask_size for _, quote in legs) / MILLION
    return min(legs[0][1].bid_size, legs[1][1].ask_size) / MILLION
