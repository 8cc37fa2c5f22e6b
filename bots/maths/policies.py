"""Judge the age of a signed policy, and read the rows of it that concern one desk, account or market.

    age = now - issued          valid while -1.5 s <= age <= limit

A policy that was never issued is stale, and so is one from the future: its age cannot be known. The allowance is the
clock error that the house tolerates between two machines (decisions of the control plane).
"""

from functools import lru_cache

from contracts.control import PolicyBundle
from contracts.ids import symbol_of
from contracts.market import MarketDefinition
from contracts.policy import AccountStanding, DeskRole, LegalRule

SECOND_NS, HOUR_NS = 1_000_000_000, 3_600_000_000_000
CLOCK_ERROR_NS = 1_500_000_000
VERIFIED = "VERIFIED"
ACCOUNT_MODES = {
    "live": ("live",),
    "testnet_probe": ("probe",),
    "paper": ("paper_only",),
    "shadow": ("paper_only", "live"),
}
"""What the account map says of a desk's mode. A shadow desk sends nothing, so it may watch a live account."""


def age_s(bundle: PolicyBundle | None, now: int) -> int:
    """Return a policy's age in seconds, floored; since 1970 without a policy."""
    return (now - (bundle.issued_ns if bundle is not None else 0)) // SECOND_NS


def is_current(bundle: PolicyBundle, hours: int, now: int) -> bool:
    """True when a policy was issued, and at most so many hours ago."""
    return bundle.issued_ns > 0 and -CLOCK_ERROR_NS <= now - bundle.issued_ns <= hours * HOUR_NS


# ---- roles of desks ------------------------------------------------------------------------------------------------


def roles_of(bundle: PolicyBundle, desk_id: str) -> tuple[DeskRole, ...]:
    """Return every row of a desk; more than one contradict each other."""
    return tuple([role for role in bundle.roles if role.desk_id == desk_id])


def agree(role: DeskRole) -> bool:
    """True when limits, account map and reconciliation thresholds say the same of a desk as its role.

    A disabled desk is disabled, unreconciled and out of the action scope everywhere; a live one is reconciled.
    """
    if not role.enabled:
        return role.account_mode == "disabled" and not role.reconciled and not role.in_action_scope
    right_account = role.account_mode in ACCOUNT_MODES.get(role.desk_mode, ())
    return right_account and role.role != "disabled" and (role.reconciled or role.desk_mode != "live")


def first_breach(role: DeskRole | None, desk_mode: str, definition: MarketDefinition, strategy: str) -> int:
    """Return which condition of a role is the first to be broken by an intent, counted from 1; 0 for none.

    1 enabled, 2 mode, 3 venue, 4 symbol, 5 strategy; of a live desk also 6 a live role, 7 in the scope of automatic
    actions, 8 some notional to expose. A desk without a role is disabled.
    """
    if role is None or not role.enabled:
        return 1
    market_id, live = definition.market_id, desk_mode == "live"
    symbol = symbol_of(definition.venue_id, market_id)
    kept = (
        role.desk_mode == desk_mode,
        definition.venue_id in role.venues,
        not role.symbols or market_id in role.symbols or symbol in role.symbols,
        not role.strategies or strategy in role.strategies,
        not live or role.role.startswith("live_"),
        not live or role.in_action_scope,
        not live or role.max_notional_micros > 0,
    )
    return kept.index(False) + 2 if False in kept else 0


# ---- law -----------------------------------------------------------------------------------------------------------


def within(region: str, other: str) -> bool:
    """True when two regions are one, or one may lie in the other: US and US-NY. Capitals do not matter."""
    a, b = region.upper(), other.upper()
    return a == b or a.startswith(f"{b}-") or b.startswith(f"{a}-")


def bars(standing: AccountStanding | None, definition: MarketDefinition) -> tuple[str, ...]:
    """Return what in an account's own standing forbids every order in a market; nothing when it may trade."""
    if standing is None:
        return ("standing:missing",)
    entities = _entities(definition.event_id, definition.series_id)
    found = (
        ("standing:region_unknown", not standing.region.strip()),
        ("standing:not_verified", standing.status != VERIFIED),
        ("standing:insider", any(name in entities for name in standing.insider_of)),
    )
    return tuple(name for name, barred in found if barred)


def forbids(rule: LegalRule, standing: AccountStanding, definition: MarketDefinition) -> bool:
    """True when a rule forbids trading in a market; a rule of an unknown kind forbids, since nobody can apply it.

    A limit of the position forbids nothing by itself.
    """
    if rule.venue_id not in ("", definition.venue_id) or rule.forbids == "position":
        return False
    if rule.forbids == "region":
        return within(standing.region, rule.subject)
    if rule.forbids == "category":
        return rule.subject in _entities(definition.event_id, definition.series_id)
    return rule.forbids != "market" or _is_about(rule, definition)


def position_limit(rules: tuple[LegalRule, ...], definition: MarketDefinition) -> LegalRule | None:
    """Return the tightest legal limit of a position in a market; None without one."""
    found = [
        rule
        for rule in rules
        if rule.forbids == "position" and rule.venue_id in ("", definition.venue_id) and _is_about(rule, definition)
    ]
    return min(found, key=lambda rule: rule.limit_lots, default=None)


def _is_about(rule: LegalRule, definition: MarketDefinition) -> bool:
    return rule.subject in (definition.market_id, symbol_of(definition.venue_id, definition.market_id))


@lru_cache(maxsize=4_096)
def _entities(event_id: str, series_id: str) -> frozenset[str]:
    """Return the names by which a market's event is known: its event, its series, and the event's own prefix."""
    return frozenset(name for name in (event_id, series_id, event_id.partition("-")[0]) if name)
