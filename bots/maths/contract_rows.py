"""Look a plan's contract up in the committed table, and hold it against what this program signs for.

What an order of Polymarket is signed for stands in contracts/polymarket.py. Other venues have no contract: what counts
there is the host that a signed request goes to, one of those that the venue documents. A row that is on its way out is
accepted for a limited time, and only when it is what the program still signs for.

Source: the venues' documents on contracts and environments, as in contracts/polymarket.py; docs.kalshi.com "API
Environments and Endpoints"; the production and demo hosts of ccxt 4.5.90.
"""

from collections.abc import Iterable
from typing import NamedTuple

from contracts import polymarket
from contracts.order import PLACE
from contracts.policy import ContractRow

HOUR_NS = 3_600_000_000_000
HOSTS = {
    "kalshi": (
        "external-api.kalshi.com",
        "api.elections.kalshi.com",
        "external-api.demo.kalshi.co",
        "demo-api.kalshi.co",
    ),
    "bitget": ("api.bitget.com",),
    "binance": ("fapi.binance.com", "demo-fapi.binance.com"),
}
FINE, OUTGOING, WRONG = "FINE", "OUTGOING", "WRONG"


class Found(NamedTuple):
    """What the table says: FINE, OUTGOING (the row that is going is what is signed for) or WRONG; rows in force."""

    word: str
    rows: int
    since_ns: int = 0


def operation_of(action: str) -> str:
    """Return the table's word for what a child does."""
    return polymarket.ORDER if action == PLACE else action.lower()


def target_of(rows: Iterable[ContractRow], venue_id: str, neg_risk: bool, action: str) -> str:
    """Return the contract that something is done at; empty at a venue without one, `?` where none is committed."""
    if venue_id in HOSTS:
        return ""
    if action == PLACE and venue_id == polymarket.VENUE_ID:
        return polymarket.order_signed_for(neg_risk).address
    operation = operation_of(action)
    known = [row.address for row in _in_force(rows, venue_id, _market_type(neg_risk), operation)]
    return known[0] if len(known) == 1 else "?"


def looked_up(
    rows: tuple[ContractRow, ...], venue_id: str, neg_risk: bool, action: str, now: int, window_h: int
) -> Found:
    """Return what the table says of one kind of operation at a venue."""
    operation = operation_of(action)
    kind = _market_type(neg_risk) if venue_id not in HOSTS else polymarket.STANDARD
    current = _in_force(rows, venue_id, kind, operation)
    if len(current) != 1 or not _login_is_fine(rows, venue_id):
        return Found(WRONG, len(current))
    if _is_signed_for(current[0], neg_risk, operation):
        return Found(FINE, 1)
    for row in rows:
        same = (row.venue_id, row.market_type, row.operation) == (venue_id, kind, operation)
        in_window = 0 < row.outgoing_ns <= now <= row.outgoing_ns + window_h * HOUR_NS
        if same and in_window and _is_signed_for(row, neg_risk, operation):
            return Found(OUTGOING, 1, row.outgoing_ns)
    return Found(WRONG, 1)


def _is_signed_for(row: ContractRow, neg_risk: bool, operation: str) -> bool:
    """True when a row is what this program signs for; an operation on tokens is sent to the committed contract."""
    if row.venue_id in HOSTS:
        return row.chain_id == 0 and row.address in HOSTS[row.venue_id] and not row.domain_name
    if row.venue_id != polymarket.VENUE_ID or row.chain_id != polymarket.CHAIN_ID:
        return False
    if operation != polymarket.ORDER:
        never = (*polymarket.DEAD_EXCHANGES, polymarket.EXCHANGE, polymarket.NEG_RISK_EXCHANGE)
        return bool(row.address) and row.address not in never
    wanted = polymarket.order_signed_for(neg_risk)
    return (row.address, row.domain_name, row.domain_version) == (
        wanted.address,
        wanted.domain_name,
        wanted.domain_version,
    )


def _login_is_fine(rows: tuple[ContractRow, ...], venue_id: str) -> bool:
    """True unless the table commits another domain for the login than the one that is signed."""
    wanted = polymarket.SIGNED_FOR[2]
    signed = (wanted.chain_id, wanted.domain_name, wanted.domain_version)
    login = _in_force(rows, venue_id, polymarket.AUTH, polymarket.AUTH) if venue_id == polymarket.VENUE_ID else ()
    return all((row.chain_id, row.domain_name, row.domain_version) == signed for row in login)


def _in_force(rows: Iterable[ContractRow], venue_id: str, kind: str, operation: str) -> tuple[ContractRow, ...]:
    wanted = (venue_id, kind, operation)
    return tuple(
        row for row in rows if (row.venue_id, row.market_type, row.operation) == wanted and not row.outgoing_ns
    )


def _market_type(neg_risk: bool) -> str:
    return polymarket.NEG_RISK if neg_risk else polymarket.STANDARD
