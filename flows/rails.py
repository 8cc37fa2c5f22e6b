"""Read the rails of a desk under the names that operators know: scope lists, caps of a cycle, daily loss, kill switch.

Each name stands for a parameter of one guard, so that there is one value and one owner: a desk's file may say
`risk.max_orders_per_cycle` or the guard's own name. The scope lists become the lists of the desk's policy, which
risk.scope_guard reads for candidates and intents, and the submitter for orders.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from msgspec.structs import replace

from contracts.base import Refused
from contracts.control import PolicyBundle

RAILS: Mapping[str, tuple[str, str]] = {
    "trading.require_scope_in_live": ("risk.scope_guard", "require_scope_in_live"),
    "risk.max_orders_per_cycle": ("risk.rate_limit_governor", "max_orders_per_cycle"),
    "risk.max_notional_per_cycle": ("risk.rate_limit_governor", "max_notional_per_cycle_usd"),
    "risk.daily_loss_limit_fraction": ("risk.drawdown", "daily_loss_limit_fraction"),
    "risk.kill_switch_env_var": ("risk.kill_switch", "kill_switch_env"),
    "execution.max_price_drift": ("risk.execution_revalidation", "max_price_drift"),
    "execution.min_edge_at_execution": ("risk.execution_revalidation", "min_edge_at_execution"),
}
"""The name an operator knows -> the guard and the parameter that it sets."""
LISTS = ("allowed_market_ids", "allowed_event_tickers", "allowed_series_tickers")
TABLES = ("trading", "risk", "execution")
NAMES_MAX = 1_000


class ScopeLists(NamedTuple):
    """What a desk may trade, as written: `NAME`, or `VENUE:NAME` where several venues are certified."""

    market_ids: tuple[str, ...] = ()
    event_tickers: tuple[str, ...] = ()
    series_tickers: tuple[str, ...] = ()


def railed(raw: Mapping[str, object], where: str) -> tuple[dict[str, object], ScopeLists]:
    """Take the rails of a desk's file apart: the values of RAILS that it sets, and its scope lists. Raises Refused."""
    values, lists = {}, {}
    for table in TABLES:
        given = raw.get(table, {})
        if not isinstance(given, dict):
            raise Refused(f"{where}: [{table}] is {given!r}; allowed: a table")
        for key, value in given.items():
            name = f"{table}.{key}"
            if table == "trading" and key in LISTS:
                lists[key.removeprefix("allowed_")] = names(value, f"{where}: {name}")
            elif name in RAILS:
                values[name] = value
            elif table != "risk" or not isinstance(value, dict):  # [risk] also holds the tables of its bots
                own = [rail for rail in RAILS if rail.startswith(f"{table}.")]
                own += [f"trading.{each}" for each in LISTS] if table == "trading" else []
                raise Refused(f"{where}: unknown key {name!r}; allowed: {', '.join(own)}")
    return values, ScopeLists(**lists)


def names(value: object, where: str) -> tuple[str, ...]:
    """Return a list of names; raises Refused for one that is no list of texts, or names something twice."""
    if not isinstance(value, list | tuple) or len(value) > NAMES_MAX:
        raise Refused(f"{where} is {value!r}; allowed: a list of at most {NAMES_MAX} texts")
    for each in value:
        if not isinstance(each, str) or not 0 < len(each) <= 128 or each != each.strip() or not each.isprintable():
            raise Refused(f"{where} holds {each!r}; allowed: names of 1 to 128 characters")
    if len(set(value)) < len(value):
        raise Refused(f"{where} names something twice: {', '.join(value)}")
    return tuple(value)


def scoped(policy: PolicyBundle | None, lists: ScopeLists, desk_id: str) -> PolicyBundle | None:
    """Return the policy with a desk's scope lists; raises Refused where both have some: one would be forgotten."""
    if not any(lists):
        return policy
    digest = sha256(repr((policy, lists)).encode()).hexdigest()
    if policy is None:
        made = PolicyBundle(f"scope.{desk_id}", digest, *lists, (), (), f"config:{desk_id}")
    elif policy.market_ids or policy.event_tickers or policy.series_tickers:
        raise Refused(
            f"desk {desk_id}: it has scope lists, and so has its policy {policy.bundle_id!r}; allowed: one of both"
        )
    else:
        fields = dict(zip(("market_ids", "event_tickers", "series_tickers"), lists, strict=True))
        made = replace(policy, bundle_hash=digest, **fields)
    return made
