"""sec.rpc_failover_manager: which providers of a chain tell one story."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.chain_views import BLOCKS_KEPT, PROVIDERS_MAX, Providers, heard, quorum
from bots.sec import rpc_failover_manager as guard
from bots.sec.rpc_failover_manager import Config, View
from contracts.intent import APPROVE, REJECT
from contracts.order import CANCEL, MERGE
from contracts.reasons import SEC_CHAIN_DEGRADED, SEC_CHAIN_NO_VIEW, SEC_CHAIN_QUORUM, SEC_CHAIN_QUORUM_LOST
from contracts.venue import ChainSnapshot
from tests import world
from tests.world import MS, NOW, SECOND

DEFAULT = Config()
ON_CHAIN = world.plan(children=(world.child(venue_id="polymarket"),))


def shown(provider, head=100, digest="a", at_ns=NOW, latency_ms=50, error_milli=0):
    """Return what a provider shows of the chain."""
    return ChainSnapshot(
        0, int(at_ns), -1, provider, 137, head, digest, latency_ms, error_milli, "paper", 0, (), (), 0, 0, 0
    )


def seen(*snapshots, state=None, config=DEFAULT):
    """Return the state after snapshots, and the incidents of each."""
    state, incidents = state or View(), []
    for said in snapshots:
        state, reports = guard.watch(config, state, said, said.at_ns)
        incidents += reports
    return state, incidents


def voted(*snapshots, plan=ON_CHAIN, now=NOW, config=DEFAULT):
    """Return the vote on a plan that settles on the chain."""
    return guard.decide(config, seen(*snapshots)[0], plan, now)


def test_normal():
    """3 of 3 agree: APPROVE, SEC_CHAIN_QUORUM."""
    vote = voted(shown("a"), shown("b"), shown("c"))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_CHAIN_QUORUM, 3, 2)


def test_warning():
    """2 of 3 healthy: APPROVE flagged, SEC_CHAIN_DEGRADED, whether the third lags, errs, or tells another story."""
    for third in (
        shown("c", head=96),
        shown("c", error_milli=51),
        shown("c", digest="z"),
        shown("c", at_ns=NOW - 11 * SECOND),
    ):
        vote = voted(shown("a"), shown("b"), third)
        assert (vote.verdict, vote.reason, vote.seen) == (APPROVE, SEC_CHAIN_DEGRADED, 2)
    for third in (shown("c", head=97, digest="a"), shown("c", error_milli=50)):
        named = (shown("a", head=97, at_ns=NOW - MS), shown("b", head=97, at_ns=NOW - MS))
        assert voted(*named, shown("a"), shown("b"), third).reason == SEC_CHAIN_QUORUM


def test_hard():
    """Hashes split 1-1-1: REJECT, SEC_CHAIN_QUORUM_LOST; two against two have no majority either."""
    vote = voted(shown("a", digest="x"), shown("b", digest="y"), shown("c", digest="z"))
    assert (vote.verdict, vote.reason, vote.limit) == (REJECT, SEC_CHAIN_QUORUM_LOST, 2)
    tie = voted(shown("a", digest="x"), shown("b", digest="x"), shown("c", digest="y"), shown("d", digest="y"))
    assert (tie.verdict, tie.reason) == (REJECT, SEC_CHAIN_QUORUM_LOST)
    assert voted(shown("a")).reason == SEC_CHAIN_QUORUM_LOST


def test_failure():
    """No snapshot for 11 s: REJECT, SEC_CHAIN_NO_VIEW; none at all too; ten seconds are young enough."""
    two = (shown("a"), shown("b"))
    vote = voted(*two, now=NOW + 11 * SECOND)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_CHAIN_NO_VIEW, 11_000, 10_000)
    assert (voted().reason, voted().seen) == (SEC_CHAIN_NO_VIEW, -1)
    assert voted(*two, now=NOW + 10 * SECOND).verdict == APPROVE
    assert voted(*two, now=NOW + 10 * SECOND + 1).verdict == REJECT


@pytest.mark.parametrize(
    ("child", "asked"),
    [
        (world.child(venue_id="kalshi"), False),
        (world.child(venue_id="bitget"), False),
        (world.child(venue_id="binance"), False),
        (world.child(venue_id="polymarket", action=CANCEL), False),
        (world.child(venue_id="polymarket"), True),
        (world.child(venue_id="polymarket", action=MERGE), True),
    ],
)
def test_only_what_settles_on_a_chain_is_tested(child, asked):
    """Venues that settle themselves, and cancels, pass without a view of any chain."""
    assert (voted(plan=world.plan(children=(child,))).verdict == REJECT) is asked


def test_heads_that_differ_are_compared_at_a_block_that_both_named():
    """A provider two blocks behind agrees by the block that it and the others named before."""
    before = [shown(name, head=98, digest="p", at_ns=NOW - SECOND) for name in ("a", "b", "c")]
    assert voted(*before, shown("a", 100, "q"), shown("b", 100, "q")).reason == SEC_CHAIN_QUORUM
    liar = [*before[:2], shown("c", 98, "other", NOW - SECOND), shown("a", 100, "q"), shown("b", 100, "q")]
    assert voted(*liar).reason == SEC_CHAIN_DEGRADED
    assert voted(shown("a", 100), shown("b", 99)).reason == SEC_CHAIN_QUORUM_LOST


def test_a_difference_is_reported_once():
    """Whoever names another block is an incident, until the difference has gone and come again."""
    _, reports = seen(shown("a"), shown("b"), shown("c", digest="z"))
    assert [(report.severity, report.evidence) for report in reports] == [("P1", ("c",))]
    state, _ = seen(shown("a"), shown("b"), shown("c", digest="z"))
    _, again = seen(shown("a"), shown("b"), state=state)
    assert again == []
    _, split = seen(shown("a", digest="x"), shown("b", digest="y"))
    assert [report.reason for report in split] == [SEC_CHAIN_QUORUM_LOST]


def test_the_primary_is_left_only_for_one_that_stays_faster():
    """A rival a fifth faster takes over after switch_s; one that is hardly faster never; one that is lost at once."""
    state, _ = seen(shown("a"), shown("b", latency_ms=100))
    assert state.providers.primary == "a"
    slower = [shown("a", latency_ms=1_000, at_ns=NOW + SECOND), shown("b", latency_ms=100, at_ns=NOW + SECOND)]
    state, _ = seen(*slower, state=state)
    assert (state.providers.primary, state.providers.rival) == ("a", "b")
    for second in range(2, 70, 2):
        now = NOW + second * SECOND
        state, _ = seen(shown("a", latency_ms=1_000, at_ns=now), shown("b", at_ns=now, latency_ms=100), state=state)
        assert state.providers.primary == ("a" if now - NOW < 61 * SECOND else "b")
    lost, _ = seen(shown("a", at_ns=NOW + 100 * SECOND), state=state)
    assert lost.providers.primary == "a"
    near, _ = seen(shown("a"), shown("b", latency_ms=41))
    assert (near.providers.primary, near.providers.rival) == ("a", "")


def test_memory_is_bounded():
    """At most so many providers and blocks are kept; what is older than the last word of a provider is not heard."""
    table = Providers()
    for number in range(40):
        table = heard(table, shown(f"p{number:02}", head=number))
        table = heard(table, shown("p00", head=100 + number, digest=str(number), at_ns=NOW + number))
    assert (len(table.names), len(table.known[0].named)) == (PROVIDERS_MAX, BLOCKS_KEPT)
    assert heard(table, shown("p00", head=1, at_ns=NOW)) is table


HASHES = st.lists(st.sampled_from("xyz"), min_size=1, max_size=9)


@given(HASHES)
def test_a_majority_is_larger_than_everybody_else(hashes):
    """Whoever is believed agrees on one hash, and more say it than say anything else."""
    table = Providers()
    for number, digest in enumerate(hashes):
        table = heard(table, shown(f"p{number}", digest=digest))
    found = quorum(table, NOW, 10_000)
    said = {known.said.confirm_hash for known in found.agreeing}
    counts = sorted((hashes.count(digest) for digest in set(hashes)), reverse=True)
    assert len(said) <= 1
    assert len(found.agreeing) == (counts[0] if 2 * counts[0] > len(hashes) else 0)
