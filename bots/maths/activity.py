"""Notice when a market falls silent against its own habit.

    rate = seconds with a change, per window        norm += (rate - norm) * window / hour

A window has `width_s` seconds; a second is active when its newest quote or trade differs from the second before. The
norm is the mean of the windows seen until an hour is full, then their exponential average over an hour; a collapsed
window does not enter it, so that a dead hour never becomes the habit. Before an hour is full nothing is judged, and a
stream that never was active cannot collapse. Source: Page, E. (1954) for judging a process against its own norm.
"""

from msgspec import Struct

HOUR_S = 3_600
SECOND_NS = 1_000_000_000
MILLION = 1_000_000


class Activity(Struct, frozen=True, gc=False):
    """Counts of the running window, norms in millionths of a count, and the last quote and trade seen."""

    since_ns: int = 0
    quotes: int = 0
    trades: int = 0
    windows: int = 0
    quote_norm: int = 0
    trade_norm: int = 0
    collapsed: bool = False
    quote: str = ""
    trade: str = ""


def counted(activity: Activity, quote: str, trade: str, now: int, width_s: int, share: int) -> Activity:
    """Return the activity after one second; at a window's end both rates are judged against `share` (millionths)."""
    quotes = activity.quotes + (quote != activity.quote)
    trades = activity.trades + (trade != activity.trade)
    seen = Activity(
        activity.since_ns or now,
        quotes,
        trades,
        activity.windows,
        activity.quote_norm,
        activity.trade_norm,
        activity.collapsed,
        quote,
        trade,
    )
    if now - seen.since_ns < width_s * SECOND_NS or not width_s:
        return seen
    full = seen.windows * width_s >= HOUR_S
    quiet = _below(quotes, seen.quote_norm, share) and _below(trades, seen.trade_norm, share)
    if full and quiet:
        return Activity(now, 0, 0, seen.windows, seen.quote_norm, seen.trade_norm, True, quote, trade)
    weight = max(seen.windows + 1, 1) if not full else max(1, HOUR_S // width_s)
    quote_norm = seen.quote_norm + (quotes * MILLION - seen.quote_norm) // weight
    trade_norm = seen.trade_norm + (trades * MILLION - seen.trade_norm) // weight
    return Activity(now, 0, 0, seen.windows + 1, quote_norm, trade_norm, False, quote, trade)


def _below(count: int, norm: int, share: int) -> bool:
    return count * MILLION * MILLION < share * norm
