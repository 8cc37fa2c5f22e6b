"""Say what a test may change about a venue's servers."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a test may change; durations in seconds.

    `pace_s` 0 moves nothing by itself: the test calls `step`. None is the venue's own figure, which a test shortens:
    `heartbeat_s` (protocol pings), `life_s` (Binance closes after 24 h), `idle_s` (Bitget drops silent clients).
    `clock_ms` replaces the wall clock. The last five are Kalshi's.
    """

    pace_s: float = 0.005
    steps: int = 1  # books moved per pace
    heartbeat_s: float | None = None
    pong_wait_s: float = 600.0
    life_s: float | None = None
    idle_s: float | None = None
    queue_max: int = 20_000
    clock_ms: Callable[[], int] | None = None
    public_key_pem: str = ""  # the key to verify with; empty: a pair is made
    skew_max_ms: int = 30_000  # how old a signature may be
    replies_take_seq: bool = True  # "ok" and "unsubscribed" use up a sequence
    markets_max: int = 1_000  # markets per subscription before error 26
    commands_max: int = 1_000  # commands per connection and second before error 27
