"""Measure losses from a peak, scale sizes by them, and share profit and loss among strategies.

    DD = 1 - equity / peak        multiplier = clip((hard - DD) / (hard - warn), 0, 1)

Symbols: DD drawdown; warn and hard its limits, in millionths. Everything is compared by multiplication, in whole
numbers, so that a limit is met exactly. Source: Grossman, S., Zhou, Z. (1993), Optimal investment strategies for
controlling drawdowns, where risk shrinks with the distance to the floor.
"""

from msgspec import Struct

from bots.maths.ordered import find, put

MILLION = 1_000_000


class Track(Struct, frozen=True, gc=False):
    """One strategy: its profit since birth and the highest it was, in micros."""

    strategy: str
    profit_micros: int = 0
    peak_micros: int = 0


class Shares(Struct, frozen=True, gc=False):
    """Who traded each market last, what each market made in total, and the tracks of the strategies."""

    markets: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    totals: tuple[int, ...] = ()
    tracks: tuple[Track, ...] = ()


def reaches(lost: int, base: int, limit: int) -> bool:
    """True when a loss is at or above a limit (millionths) of its base, in micros; at the limit counts."""
    return lost * MILLION >= limit * base


def drawdown(lost: int, base: int) -> int:
    """Return a loss as millionths of its base, floored and not below 0; 0 for a base that is not above 0."""
    return lost * MILLION // base if lost > 0 and base > 0 else 0


def scaled(size_lots: int, lost: int, base: int, warn: int, hard: int) -> int:
    """Return the size times the multiplier, rounded down: all of it up to `warn`, nothing from `hard` on."""
    if lost * MILLION <= warn * base:
        return size_lots
    if reaches(lost, base, hard):
        return 0
    return size_lots * (hard * base - lost * MILLION) // ((hard - warn) * base)


def owned(shares: Shares, market_id: str, strategy: str) -> Shares:
    """Return the shares after a fill: from now on the market's profit is this strategy's."""
    at = find(shares.markets, market_id)
    if at >= 0 and shares.owners[at] == strategy:
        return shares
    totals = shares.totals if at >= 0 else put(shares.totals, at, 0)
    markets = shares.markets if at >= 0 else put(shares.markets, at, market_id)
    known = any(track.strategy == strategy for track in shares.tracks)
    tracks = shares.tracks if known else (*shares.tracks, Track(strategy))
    return Shares(markets, put(shares.owners, at, strategy), totals, tracks)


def moved(shares: Shares, market_id: str, total_micros: int) -> Shares:
    """Return the shares after a position's profit changed; what nobody traded belongs to nobody."""
    at = find(shares.markets, market_id)
    if at < 0 or shares.totals[at] == total_micros:
        return shares
    owner, change = shares.owners[at], total_micros - shares.totals[at]
    tracks = tuple(_grown(track, change) if track.strategy == owner else track for track in shares.tracks)
    return Shares(shares.markets, shares.owners, put(shares.totals, at, total_micros), tracks)


def cut(shares: Shares, strategy: str, size_lots: int, start_micros: int, hard: int) -> tuple[int, int]:
    """Return the size that a strategy's own fall allows, and that fall in millionths; it counts from 0.4 of `hard`."""
    for track in shares.tracks:
        if track.strategy == strategy and track.profit_micros < track.peak_micros:
            lost, base = track.peak_micros - track.profit_micros, start_micros + track.peak_micros
            return scaled(size_lots, lost, base, hard * 2 // 5, hard), drawdown(lost, base)
    return size_lots, 0


def breached(shares: Shares, start_micros: int, hard: int, known: tuple[str, ...]) -> str:
    """Return the first strategy at or beyond its limit that is not known yet, or nothing."""
    for track in shares.tracks:
        lost = track.peak_micros - track.profit_micros
        if lost > 0 and track.strategy not in known and reaches(lost, start_micros + track.peak_micros, hard):
            return track.strategy
    return ""


def _grown(track: Track, change: int) -> Track:
    profit = track.profit_micros + change
    return Track(track.strategy, profit, max(track.peak_micros, profit))
