"""Say which requests a key may sign: trading and reading, and never a withdrawal, a transfer or an approval.

What is not listed is refused, so that a new endpoint of a venue is closed until somebody opens it here. A path is
plain text: nothing that is escaped, doubled or climbs is signed, for the venue might read it otherwise than we do.
"""

import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"/?[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*")
_ID = r"[A-Za-z0-9_-]+"

KALSHI: Mapping[str, Sequence[str]] = {
    "GET": (
        r"/trade-api/ws/v2",
        r"/trade-api/v2/exchange/(?:status|schedule|user_data_timestamp)",
        r"/trade-api/v2/(?:markets|events|series|historical)(?:/.+)?",
        r"/trade-api/v2/portfolio/(?:orders|fills|positions|balance|settlements|order_groups)(?:/.+)?",
        r"/trade-api/v2/account/(?:limits|endpoint_costs)",
    ),
    "POST": (
        r"/trade-api/v2/portfolio/events/orders(?:/batched)?",
        rf"/trade-api/v2/portfolio/events/orders/{_ID}/(?:amend|decrease)",
        r"/trade-api/v2/portfolio/order_groups/create",
    ),
    "PUT": (rf"/trade-api/v2/portfolio/order_groups/{_ID}/(?:trigger|reset|limit)",),
    "DELETE": (
        rf"/trade-api/v2/portfolio/events/orders/{_ID}",
        rf"/trade-api/v2/portfolio/order_groups/{_ID}",
    ),
}
POLYMARKET: Mapping[str, Sequence[str]] = {
    "GET": (
        rf"/(?:data/)?order/{_ID}",
        r"/data/(?:orders|trades)",
        r"/balance-allowance(?:/update)?",
        rf"/fees/builder-fees/{_ID}",
    ),
    "POST": (r"/orders?", r"/(?:v1/)?heartbeats"),
    "DELETE": (r"/orders?", r"/cancel-all", r"/cancel-market-orders"),
}
BITGET: Mapping[str, Sequence[str]] = {
    "GET": (r"v2/mix/(?:order|position|account|market)/[a-z-]+", r"v2/public/time"),
    "POST": (
        r"v2/mix/order/(?:place-order|cancel-order|batch-cancel-orders|cancel-all-orders)",
        r"v2/mix/account/(?:set-leverage|set-margin-mode|set-position-mode)",
    ),
}
BINANCE: Mapping[str, Sequence[str]] = {
    "GET": (
        r"(?:order|openOrders?|allOrders|userTrades|positionRisk|account|balance|commissionRate|leverageBracket)",
        r"(?:accountConfig|symbolConfig|income|rateLimit/order|positionSide/dual)",
    ),
    "POST": (r"(?:order|countdownCancelAll|leverage|marginType|positionSide/dual|listenKey)",),
    "PUT": (r"listenKey",),
    "DELETE": (r"(?:order|batchOrders|allOpenOrders|listenKey)",),
}
# Parts of ccxt's interfaces that hold perpetuals; the one with withdrawals (`sapi`) is not among them.
PARTS: Mapping[str, Sequence[Sequence[str]]] = {
    "bitget": (("private", "mix"),),
    "binance": (("fapiPrivate",), ("fapiPrivateV2",), ("fapiPrivateV3",)),
}
CCXT = {"bitget": BITGET, "binance": BINANCE}


def may(table: Mapping[str, Sequence[str]], method: str, path: str) -> bool:
    """True for a method and path of a table."""
    if not _PLAIN.fullmatch(path):
        return False
    return any(re.fullmatch(known, path) for known in table.get(method, ()))


def may_part(exchange: str, part: Sequence[str]) -> bool:
    """True for a part of ccxt's interface in which requests of perpetuals are."""
    return tuple(part) in {tuple(known) for known in PARTS.get(exchange, ())}
