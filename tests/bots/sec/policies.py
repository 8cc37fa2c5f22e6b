"""Build the policy that guards before signing read: grants, keys and contracts of the desk `lab` on two venues."""

from contracts import polymarket
from contracts.control import PolicyBundle
from contracts.policy import ContractRow, Grant, KeyRecord
from tests import world
from tests.world import NOW, SECOND

DAY_NS, MINUTE_NS = 86_400 * SECOND, 60 * SECOND
CODE = "0x" + "ab" * 32
YES, NO = "1" * 60, "2" * 60
TOKEN = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO)
NEG_RISK = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO, neg_risk=True)


def grant(**overrides):
    """Return a grant of 500 dollars a day, 100 a plan, at Kalshi and at the standard exchange of Polymarket."""
    places = ("kalshi", "polymarket", polymarket.EXCHANGE)
    values = {
        "strategy": world.STRATEGY,
        "account": world.ACCOUNT,
        "methods": ("PLACE", "CANCEL"),
        "targets": places,
        "amount_micros": 100_000_000,
        "daily_micros": 500_000_000,
        "confirmed": places,
    }
    return Grant(**values | overrides)


def key(**overrides):
    """Return a key for the paper desk at Kalshi, ten minutes old, its parent a day."""
    values = {
        "key_ref": "k1",
        "account": world.ACCOUNT,
        "venue_id": "kalshi",
        "desk_mode": "paper",
        "environment": "dev",
        "fingerprint": "a" * 64,
        "issued_ns": NOW - 10 * MINUTE_NS,
        "parent_issued_ns": NOW - DAY_NS,
    }
    return KeyRecord(**values | overrides)


def row(**overrides):
    """Return the committed row of an order on the standard exchange."""
    wanted = polymarket.SIGNED_FOR[0]
    values = {
        "venue_id": "polymarket",
        "market_type": wanted.market_type,
        "operation": "order",
        "chain_id": 137,
        "address": wanted.address,
        "domain_name": wanted.domain_name,
        "domain_version": wanted.domain_version,
    }
    return ContractRow(**values | overrides)


def policy(**overrides):
    """Return the signed policy."""
    values = {
        "bundle_id": "b1",
        "bundle_hash": world.HASH,
        "market_ids": (),
        "event_tickers": (),
        "series_tickers": (),
        "denied": (),
        "certified_venues": (),
        "signed_by": "k0",
        "issued_ns": int(NOW),
        "grants": (grant(),),
        "keys": (key(),),
        "contracts": (row(), row(market_type="neg_risk", address=polymarket.NEG_RISK_EXCHANGE)),
        "builder_codes": (("polymarket", CODE),),
        "spenders": tuple(
            ("polymarket", spender)
            for spender in (polymarket.EXCHANGE, polymarket.NEG_RISK_EXCHANGE, polymarket.NEG_RISK_ADAPTER)
        ),
    }
    return PolicyBundle(**values | overrides)


def clob_child(**overrides):
    """Return an order of ten shares on Polymarket at 0.44."""
    return world.child(**{"venue_id": "polymarket", "market_id": YES, "builder_code": CODE} | overrides)
