"""Say what a desk is born from: the first entries of its journal, who it is and how each of its bots is configured."""

from collections.abc import Sequence
from itertools import takewhile

from msgspec import json, structs

from contracts.base import Wire
from contracts.control import ConfigApplied, DeskConfigured, PolicyBundle
from contracts.envelope import Row
from contracts.ids import CONTROL_SOURCE, fact_id
from contracts.market import Fact
from operators.plan import DESK_RANK

POLICY = "operators.policy"
"""Under this name a desk's first entries carry the policy that it is born with."""


def birth_entries(desk: DeskConfigured, configs: Sequence[Wire], at_ns: int = 0) -> list[Row]:
    """Return the first entries of a journal, at derived positions: the desk, then each bot's configuration."""
    payloads = [desk, *configs]
    return [
        Row(fact_id(CONTROL_SOURCE, position), DESK_RANK, 0, at_ns, -1, payload)
        for position, payload in enumerate(payloads, start=1)
    ]


def is_birth(entry: Fact | Row) -> bool:
    """True for an entry that a desk is born from."""
    return isinstance(entry, Row) and entry.rank == DESK_RANK


def birth_of(entries: Sequence[Fact | Row]) -> list[Row]:
    """Return what a journal begins with; raises ValueError where that is nothing a desk could be born from."""
    found = [entry for entry in takewhile(is_birth, entries) if isinstance(entry, Row)]
    if not found:
        raise ValueError(f"a journal begins with {type(entries[0]).__name__}; allowed: {DeskConfigured.__name__}")
    return found


def policy_of(entry: Row) -> PolicyBundle | None:
    """Return the policy that an entry carries; None for any other entry.

    What does not say when it was issued, the policy or a key's session, was issued at the entry's time.
    """
    said = entry.payload
    if not isinstance(said, ConfigApplied) or said.bot_id != POLICY:
        return None
    policy = json.decode(said.values, type=PolicyBundle)
    at_ns = entry.at_ns
    keys = tuple(
        key if key.issued_ns else structs.replace(key, issued_ns=at_ns, parent_issued_ns=key.parent_issued_ns or at_ns)
        for key in policy.keys
    )
    return structs.replace(policy, issued_ns=policy.issued_ns or at_ns, keys=keys)
