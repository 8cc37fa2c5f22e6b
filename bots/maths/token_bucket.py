"""Keep a budget of requests that refills with time, in whole numbers.

    tokens(now) = min(burst, tokens + rate * (now - then))

Symbols: tokens requests that may be sent at once, held in thousand-millionths, so that a rate per second times
nanoseconds is exact; rate requests per second; burst the most that is ever saved up.
Source: RFC 2697, A single rate three color marker, section 3 (token bucket).
"""

from msgspec import Struct

NANO = 1_000_000_000
MILLI = 1_000_000


class Bucket(Struct, frozen=True, gc=False):
    """The budget at one venue: tokens in thousand-millionths at a moment, and when the venue last told its quota."""

    venue_id: str
    tokens: int
    at_ns: int
    reported_ns: int = -1


def bucket_of(buckets: tuple[Bucket, ...], venue_id: str, burst: int, now: int) -> Bucket:
    """Return the bucket of a venue; a full one, never reported, at first sight."""
    for bucket in buckets:
        if bucket.venue_id == venue_id:
            return bucket
    return Bucket(venue_id, burst * NANO, now)


def available(bucket: Bucket, rate: int, burst: int, now: int) -> int:
    """Return the tokens at a moment, in thousand-millionths of a request."""
    tokens, most = bucket.tokens + (now - bucket.at_ns) * rate, burst * NANO
    return tokens if tokens < most else most


def taken(bucket: Bucket, tokens: int, now: int) -> Bucket:
    """Return the bucket of `tokens` after one request left; never below 0, for what is sent is sent."""
    return Bucket(bucket.venue_id, max(0, tokens - NANO), now, bucket.reported_ns)


def corrected(bucket: Bucket, tokens: int, quota: int, now: int) -> Bucket:
    """Return the bucket after the venue told that `quota` requests are left: only ever down."""
    return Bucket(bucket.venue_id, min(tokens, quota * NANO), now, now)


def replaced(buckets: tuple[Bucket, ...], bucket: Bucket) -> tuple[Bucket, ...]:
    """Return the buckets with that of one venue changed or added; each venue keeps its place."""
    if len(buckets) == 1 and buckets[0].venue_id == bucket.venue_id:
        return (bucket,)
    if all(other.venue_id != bucket.venue_id for other in buckets):
        return (*buckets, bucket)
    return tuple([bucket if other.venue_id == bucket.venue_id else other for other in buckets])
