"""A market that names nothing known is taken in by a short way, which leads to the same graph as the long one."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.maths.relations import Graph, Node, admit
from contracts.market import FeeModel

NAMES = st.sampled_from(["", "a", "b", "c"])


def node(place: int, event: str, series: str, complement: str, level: float) -> Node:
    """An invented rung of a ladder."""
    market = f"m{place}"
    complement = complement if complement != market else ""
    return Node(
        market, f"i{place}", event, series, complement, True, False, "rain", "above", level, False, 1, 1, 1, FeeModel()
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 7), NAMES, NAMES, st.sampled_from(["", "m1", "m2"]), st.sampled_from([1.0, 2.0])),
        max_size=12,
    ),
    st.sampled_from([(), (("EQUIVALENT", "m3", "m4"),)]),
)
def test_the_short_way_leads_to_the_same_graph(
    moves: list[tuple[int, str, str, str, float]], reviewed: tuple[tuple[str, str, str], ...]
) -> None:
    """After any definitions in any order, clusters and relations are those that comparing with every market gives."""
    graph = slow = Graph()
    for move in moves:
        fresh = node(*move)
        graph, conflict = admit(graph, fresh, reviewed)
        forced = replace(slow, names=slow.names | {fresh.market_id})
        slow, expected = admit(forced, fresh, reviewed)
        assert (expected, slow.ids, slow.labels, slow.relations, slow.related, slow.clusters, slow.touching) == (
            conflict, graph.ids, graph.labels, graph.relations, graph.related, graph.clusters, graph.touching,
        )  # fmt: skip
