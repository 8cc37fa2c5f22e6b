"""Derive every identity from its cause: pure functions, no clock, no chance.

A *fact id* says where a fact came from: which source, which line of it, which fact of that line. It is one integer,
so that it costs nothing to carry: source 7 bits, position 32, index 12, sub 12. `sub` numbers the order events that
the paper venue derives from an entry; it is 0 for the entry itself. Written for people: `3:44499.0+2`.
"""

from hashlib import sha256

SUB_BITS, INDEX_BITS, POSITION_BITS, SOURCE_BITS = 12, 12, 32, 7
INDEX_SHIFT = SUB_BITS
POSITION_SHIFT = SUB_BITS + INDEX_BITS
SOURCE_SHIFT = POSITION_SHIFT + POSITION_BITS
CLOCK_SOURCE = 127
CONTROL_SOURCE = 126
SOURCES_MAX = 126


def clock_source(lane: int) -> int:
    """Return the source of a lane's ticks, by the lane's number: no two lanes may say one thing under one id.

    The only lane of a run has the clock itself; the others count down from the control source, so that a run of
    n lanes has room for 127 - n sources of messages.
    """
    return CLOCK_SOURCE if lane == 0 else CONTROL_SOURCE - lane


def fact_id(source: int, position: int, index: int = 0, sub: int = 0) -> int:
    """Pack where a fact came from; `position` counts from 1 in a capture, and is the second for a clock tick."""
    return source << SOURCE_SHIFT | position << POSITION_SHIFT | index << INDEX_SHIFT | sub


def fact_parts(fact: int) -> tuple[int, int, int, int]:
    """Return source, position, index, sub."""
    return (
        fact >> SOURCE_SHIFT,
        fact >> POSITION_SHIFT & (1 << POSITION_BITS) - 1,
        fact >> INDEX_SHIFT & (1 << INDEX_BITS) - 1,
        fact & (1 << SUB_BITS) - 1,
    )


def fact_text(fact: int) -> str:
    """Spell a fact id for people: `source:position.index+sub`."""
    source, position, index, sub = fact_parts(fact)
    return f"{source}:{position}.{index}+{sub}"


def envelope_id(desk_id: str, cause: int, rank: int, index: int) -> str:
    """Name an envelope by its desk, its cause and its place among what the cause produced."""
    return f"{desk_id}/{fact_text(cause)}/{rank}.{index}"


def intent_id(desk_id: str, cause: int, bot_id: str, leg: str) -> str:
    """H(desk, trigger fact, bot, leg): the same decision has the same id, whatever is re-analysed (decisions §0)."""
    return sha256(f"{desk_id}|{cause}|{bot_id}|{leg}".encode()).hexdigest()[:26]


def bundle_id(desk_id: str, cause: int, bot_id: str, legs: int) -> str:
    """Name a bundle of so many legs; the number is in the name, so that nobody takes some of its legs for all."""
    return f"{intent_id(desk_id, cause, bot_id, 'bundle')}.{legs}"


def bundle_legs(bundle: str) -> int:
    """Return how many legs a bundle has by its name; 0 for a name that does not say it."""
    legs = bundle.rpartition(".")[2]
    return int(legs) if legs.isascii() and legs.isdigit() and len(legs) <= 2 else 0


def client_order_id(intent: str, child_index: int, revision: int) -> str:
    """First 26 hexadecimal digits of H(intent, child, revision); no price, size or time in it (decisions §0)."""
    return sha256(f"{intent}|{child_index}|{revision}".encode()).hexdigest()[:26]


def order_salt(client_order_id_text: str) -> int:
    """The EIP-712 salt: H(client_order_id) mod 2^53, since it travels as a JSON number (decisions §4)."""
    return int.from_bytes(sha256(client_order_id_text.encode()).digest()[:8]) & (1 << 53) - 1


def content_hash(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return sha256(data).hexdigest()


def market_name(venue_id: str, symbol: str) -> str:
    """Name a market of a venue that spells its symbols as other venues do, `bitget:BTCUSDT`: no two can be one."""
    return f"{venue_id}:{symbol}"


def symbol_of(venue_id: str, market_id: str) -> str:
    """Return the venue's own spelling of a market's id."""
    return market_id.removeprefix(f"{venue_id}:")


def instrument_id(venue_id: str, symbol: str, outcome: str) -> str:
    """hex16(sha256(venue | symbol | outcome)), by the catalogue's rule for intel.instrument_registry."""
    return sha256(f"{venue_id}|{symbol}|{outcome}".encode()).hexdigest()[:16]
