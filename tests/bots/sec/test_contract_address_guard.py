"""sec.contract_address_guard: only the committed contract, and only if it is what is signed for."""

import pytest

from bots.maths.contract_rows import HOSTS
from bots.sec import contract_address_guard as guard
from bots.sec.contract_address_guard import Config
from contracts import polymarket
from contracts.intent import APPROVE, REJECT
from contracts.order import CANCEL, MERGE
from contracts.policy import ContractRow
from contracts.reasons import (
    SEC_CONTRACT_MIGRATION,
    SEC_CONTRACT_NOT_ALLOWED,
    SEC_CONTRACT_OK,
    SEC_CONTRACT_TABLE_MISSING,
)
from tests import world
from tests.bots.sec.policies import NEG_RISK, TOKEN, clob_child, policy, row
from tests.world import NOW, SECOND

HOUR_NS = 3_600 * SECOND
V1 = polymarket.DEAD_EXCHANGES[0]


def voted(*children, said=None, definition=TOKEN, now=NOW):
    """Return the vote on a plan; by default an order on the standard exchange under the committed table."""
    plan = world.plan(children=children or (clob_child(),))
    bundle = policy() if said is None else said
    return guard.decide(Config(), plan, bundle or None, definition, now)


def table(*rows):
    """Return a policy whose table is these rows."""
    return policy(contracts=rows)


def host(venue, name):
    """Return a row of a venue without a contract."""
    return ContractRow(venue, "standard", "order", 0, name)


def test_normal():
    """V2 order on the V2 exchange: APPROVE, SEC_CONTRACT_OK, for both kinds of market."""
    for definition in (TOKEN, NEG_RISK):
        vote = voted(definition=definition)
        assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_CONTRACT_OK, 1, 1)


def test_warning():
    """Old table 2 h into the window: APPROVE flagged, SEC_CONTRACT_MIGRATION, to the end of the window."""
    moved = table(row(address="0xNew"), row(outgoing_ns=NOW - 2 * HOUR_NS))
    vote = voted(said=moved)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_CONTRACT_MIGRATION, 2, 24)
    assert voted(said=moved, now=NOW + 22 * HOUR_NS).reason == SEC_CONTRACT_MIGRATION
    assert voted(said=moved, now=NOW + 22 * HOUR_NS + 1).reason == SEC_CONTRACT_NOT_ALLOWED
    assert voted(said=moved, now=NOW - 2 * HOUR_NS - 1).reason == SEC_CONTRACT_NOT_ALLOWED


def test_hard():
    """Order on a V1 exchange: REJECT, SEC_CONTRACT_NOT_ALLOWED."""
    vote = voted(said=table(row(address=V1)))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_CONTRACT_NOT_ALLOWED, 1, 1)


def test_failure():
    """Table hash absent: REJECT, SEC_CONTRACT_TABLE_MISSING; no table, no signature or no policy likewise."""
    for said in (policy(bundle_hash=""), policy(contracts=()), policy(signed_by=""), False):
        vote = voted(said=said)
        assert (vote.verdict, vote.reason) == (REJECT, SEC_CONTRACT_TABLE_MISSING)


@pytest.mark.parametrize(
    "rows",
    [
        (row(), row()),
        (row(outgoing_ns=1),),
        (row(chain_id=80002),),
        (row(domain_version="1"),),
        (row(domain_version="3"),),
        (row(domain_name="Polymarket"),),
        (row(address=polymarket.EXCHANGE.lower()),),
        (row(address=polymarket.NEG_RISK_EXCHANGE),),
        (row(address=polymarket.NEG_RISK_ADAPTER),),
        (row(operation="approve"),),
        (row(), ContractRow("polymarket", "auth", "auth", 137, "", "ClobAuthDomain", "2")),
    ],
)
def test_one_row_in_force_must_be_what_is_signed_for(rows):
    """Two rows, none in force, another chain, domain, spelling or contract, or a wrong login: nothing is signed."""
    assert voted(said=table(*rows)).reason == SEC_CONTRACT_NOT_ALLOWED


def test_the_login_may_be_committed_too():
    """The login's own domain, version 1, stands beside the order's version 2."""
    login = ContractRow("polymarket", "auth", "auth", 137, "", "ClobAuthDomain", "1")
    assert voted(said=table(row(), login)).verdict == APPROVE


def test_neg_risk_needs_its_own_row():
    """A table for standard markets allows no order of an event whose outcomes exclude each other."""
    assert voted(said=table(row()), definition=NEG_RISK).reason == SEC_CONTRACT_NOT_ALLOWED


def test_operations_go_to_the_committed_contract():
    """A merge needs a row of its own, which is never an exchange."""
    merge = clob_child(action=MERGE)
    assert voted(merge).reason == SEC_CONTRACT_NOT_ALLOWED
    for address, verdict in (("0xAdapter", APPROVE), (V1, REJECT), (polymarket.EXCHANGE, REJECT), ("", REJECT)):
        rows = (row(), row(operation="merge", address=address, domain_name="", domain_version=""))
        assert voted(merge, said=table(*rows)).verdict == verdict


@pytest.mark.parametrize("venue", sorted(HOSTS))
def test_a_venue_without_contracts_is_known_by_its_host(venue):
    """One of the hosts that the venue documents passes; another one, a chain or a second row does not."""
    definition, child = world.definition(venue_id=venue), world.child(venue_id=venue)
    fine = host(venue, HOSTS[venue][0])
    for rows, verdict in (
        ((fine,), APPROVE),
        ((host(venue, "example.com"),), REJECT),
        ((fine, fine), REJECT),
        ((row(),), REJECT),
        ((ContractRow(venue, "standard", "order", 137, HOSTS[venue][0]),), REJECT),
    ):
        assert voted(child, said=table(*rows), definition=definition).verdict == verdict


def test_a_venue_that_nobody_knows():
    """An order of a venue without constants is never signed, nor one whose market is of another venue."""
    unknown = world.definition(venue_id="elsewhere")
    rows = table(row(venue_id="elsewhere"))
    assert voted(world.child(venue_id="elsewhere"), said=rows, definition=unknown).verdict == REJECT
    assert voted(world.child(venue_id="kalshi")).verdict == REJECT


def test_cancels_are_not_judged():
    """A cancel is signed for no contract."""
    assert voted(clob_child(action=CANCEL), said=False).verdict == APPROVE
