"""Decide which providers of a chain to believe: those that agree on its past, are not behind, and answer.

Two providers agree when they gave the same hash for a block that both of them named, and differ when any such hash
differs; heads move, so each keeps the last blocks that it named. The majority is the largest group that agrees with one
of its members, and there is none unless more agree than differ. Times in ns, errors in thousandths.
Source: catalogue rule of sec.rpc_failover_manager.
"""

from typing import NamedTuple

from msgspec import Struct

from bots.maths.ordered import find, put
from contracts.venue import ChainSnapshot

PROVIDERS_MAX, BLOCKS_KEPT = 16, 16
MAX_BLOCK_LAG, CONFIRM, QUORUM, ERR_MAX_MILLI = 3, 5, 2, 50
MS = 1_000_000
LATENCY_WEIGHT = 5  # EWMA of latency: one fifth of what is new
NOBODY = ""


class Provider(Struct, frozen=True, gc=False):
    """What one provider said last, the (block, hash) that it named, and its latency as an average in microseconds."""

    said: ChainSnapshot
    named: tuple[tuple[int, str], ...]
    latency_us: int


class Providers(Struct, frozen=True, gc=False):
    """Every provider by its name; `primary` is the one read from, `rival` may replace it and has been better since."""

    names: tuple[str, ...] = ()
    known: tuple[Provider, ...] = ()
    primary: str = NOBODY
    rival: str = NOBODY
    rival_ns: int = 0


class Quorum(NamedTuple):
    """Who is believed, and who named another block than they did; `heard` answered inside the time allowed."""

    agreeing: tuple[Provider, ...]
    differing: tuple[Provider, ...]
    heard: int


def heard(table: Providers, said: ChainSnapshot, confirm: int = CONFIRM) -> Providers:
    """Return the table after a snapshot; beyond PROVIDERS_MAX names a new provider is not heard."""
    place = find(table.names, said.provider)
    if place < 0 and len(table.names) >= PROVIDERS_MAX:
        return table
    old = table.known[place] if place >= 0 else None
    if old is not None and said.at_ns < old.said.at_ns:
        return table
    named, latency = (said.head - confirm, said.confirm_hash), said.latency_ms * 1_000
    before = () if old is None else tuple(block for block in old.named if block[0] != named[0])
    if old is not None:
        latency = old.latency_us + (latency - old.latency_us) // LATENCY_WEIGHT
    fresh = Provider(said, (*before[1 - BLOCKS_KEPT :], named), latency)
    names = table.names if place >= 0 else put(table.names, place, said.provider)
    return Providers(names, put(table.known, place, fresh), table.primary, table.rival, table.rival_ns)


def quorum(
    table: Providers,
    now: int,
    age_ms: int,
    max_block_lag: int = MAX_BLOCK_LAG,
    err_max_milli: int = ERR_MAX_MILLI,
) -> Quorum:
    """Return who is believed now; nobody when no group agrees, or as many differ as agree."""
    fresh = [known for known in table.known if 0 <= now - known.said.at_ns <= age_ms * MS]
    if not fresh:
        return Quorum((), (), 0)
    head = max(known.said.head for known in fresh)
    able = [k for k in fresh if head - k.said.head <= max_block_lag and k.said.error_milli <= err_max_milli]
    best: Quorum = Quorum((), tuple(able), len(fresh))
    for judge in able:
        verdicts = [(other, _agrees(judge, other)) for other in able]
        agreeing = tuple(other for other, verdict in verdicts if verdict > 0)
        differing = tuple(other for other, verdict in verdicts if verdict < 0)
        if len(agreeing) > max(len(differing), len(best.agreeing)):
            best = Quorum(agreeing, differing, len(fresh))
    return best


def _agrees(one: Provider, other: Provider) -> int:
    """Return 1 when two providers named the same blocks, -1 when they differ on one, 0 without one in common."""
    if one is other:
        return 1
    theirs = dict(other.named)
    shared = [(digest, theirs[block]) for block, digest in one.named if block in theirs]
    if not shared:
        return 0
    return 1 if all(mine == yours for mine, yours in shared) else -1


def elected(table: Providers, agreeing: tuple[Provider, ...], now: int, switch_s: int) -> Providers:
    """Return the table with its primary: the believed provider of least latency.

    A primary that is still believed is left only for one that was a fifth faster for `switch_s`.
    """
    if not agreeing:
        return table
    fastest = min(agreeing, key=lambda known: (known.latency_us, known.said.provider))
    name = fastest.said.provider
    held = next((known for known in agreeing if known.said.provider == table.primary), None)
    if held is None:
        return Providers(table.names, table.known, name)
    if 5 * fastest.latency_us > 4 * held.latency_us:
        return Providers(table.names, table.known, table.primary)
    if table.rival != name:
        return Providers(table.names, table.known, table.primary, name, now)
    if now - table.rival_ns >= switch_s * 1_000 * MS:
        return Providers(table.names, table.known, name)
    return table
