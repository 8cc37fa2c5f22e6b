"""Read how old each input may be and how long each cause may last; an unknown name or a wrong value is refused.

Every number of `config/freshness.toml` is in milliseconds and has its reason beside it there.
"""

import tomllib

import msgspec
from msgspec import Struct

from bots.kit import Millis
from contracts.base import Refused


class Budgets(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How old each kind of input may be at the adapter boundary (decisions §2), and the limits of each cause, in ms.

    book_ms        order book
    snapshot_ms    market snapshot
    chain_ms       on-chain data
    sports_ms      sports data
    news_ms        news
    silence_ms     silence of a book after which it is doubted unless something proves it; also how old a proof may be
    settle_ms      how long numbers must have come without a silence before they prove a doubted quiet book again
    alive_ms       how old a sibling's message or a beat may be to call the connection alive
    frozen_ms      least silence of a whole lively connection that is called frozen
    beats_ms       silence of all markets during which beats alone came, that is called frozen
    apart_ms       how long ticker or trades may contradict the best prices
    skew_ms        how far the delay of messages may be from what it was
    skew_grace_ms  for how long it may be farther
    skew_settle_ms for how long a new delay must stand, within half of skew_ms, to be a clock that was set
    """

    book_ms: Millis = 500
    snapshot_ms: Millis = 1_000
    chain_ms: Millis = 60_000
    sports_ms: Millis = 30_000
    news_ms: Millis = 120_000
    silence_ms: Millis = 2_000
    settle_ms: Millis = 10_000
    alive_ms: Millis = 30_000
    frozen_ms: Millis = 6_000
    beats_ms: Millis = 60_000
    apart_ms: Millis = 2_000
    skew_ms: Millis = 1_000
    skew_grace_ms: Millis = 1_000
    skew_settle_ms: Millis = 60_000


def read_budgets(text: str) -> Budgets:
    """Return the budgets of a TOML text; raises Refused naming the key, the value and what is allowed."""
    try:
        values = tomllib.loads(text)
        return msgspec.convert(values, Budgets)
    except (tomllib.TOMLDecodeError, RecursionError) as err:
        raise Refused(f"freshness: not TOML ({err})") from None
    except msgspec.ValidationError as err:
        raise Refused(
            f"freshness: {err}; allowed: {', '.join(Budgets.__struct_fields__)} in milliseconds, from 0"
        ) from None
