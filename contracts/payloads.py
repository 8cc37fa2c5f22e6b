"""Spell an order as its venue is told it: the one builder of what is signed and sent, in integers and decimal strings.

The desk previews what the connector will send by calling the same function with the same order, and compares what was
built with the plan by reading it back another way (bots/maths/payload_checks.py). What follows from an account and not
from a plan is not built here: the connector adds it (WALLET_FIELDS), and the signer knows its own account.

    Polymarket   the fields of the EIP-712 order and its domain, and the flags beside it in POST /order
    Kalshi       the body of POST /portfolio/events/orders
    perpetuals   the arguments of a limit order through ccxt, with the venue's own symbol

Where outcomes are separate tokens, an order that may only reduce sells what is held and any other buys: the token of
its market for a buyer of YES, the complement's at 1 - p for a seller. So what is sent follows from the order alone,
and an order that is not marked as reducing never sells tokens.

Source: Polymarket's documents "Create Order", "Orders overview" and the official clients' amounts; Kalshi's "Create
Order (V2)"; ccxt 4.5.90, `create_order` of bitget and binanceusdm.
"""

import re
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from contracts import polymarket
from contracts.base import Refused
from contracts.ids import symbol_of
from contracts.order import PLACE, PlannedOrder

POLYMARKET, KALSHI, PERPETUAL = "polymarket_order", "kalshi_order", "perpetual_order"
KINDS = {"polymarket": POLYMARKET, "kalshi": KALSHI, "bitget": PERPETUAL, "binance": PERPETUAL}
# What a connector may add to a Polymarket payload, and nothing else: it belongs to the account, not to the plan.
WALLET_FIELDS = ("maker", "signer", "signatureType", "signature", "owner")
FORCES = ("GTC", "GTD", "IOC", "FOK")
KALSHI_FORCES = {
    "GTC": "good_till_canceled",
    "GTD": "good_till_canceled",
    "IOC": "immediate_or_cancel",
    "FOK": "fill_or_kill",
}
# Polymarket ends an order a minute before its stated expiration, and its client refuses one less than three away.
EXPIRY_THRESHOLD_S, EXPIRY_LEAST_S = 60, 180
CENT, MILLION, SECOND_NS, MS_PER_S = 10_000, 1_000_000, 1_000_000_000, 1_000
TICK_DECIMALS_MAX = 4
_BYTES32 = re.compile(r"0x[0-9a-f]{64}")
Value = str | int | bool


class Spelled(Protocol):
    """What must be known of a market to spell an order in it: a MarketDefinition, or a connector's Terms."""

    @property
    def tick_micros(self) -> int:
        """One tick, in millionths."""

    @property
    def lot_micros(self) -> int:
        """One lot, in millionths of a contract."""

    @property
    def grid_ticks(self) -> int:
        """Price 1 in ticks for binaries; 0 for perpetuals."""

    @property
    def neg_risk(self) -> bool:
        """The event's outcomes exclude each other."""

    @property
    def complement_id(self) -> str:
        """The other outcome's token; empty where one book serves both."""


class Payload(NamedTuple):
    """An order as a venue is told it.

    kind    polymarket_order, kalshi_order or perpetual_order
    fields  (name, value) in the order in which they are spelled
    """

    kind: str
    fields: tuple[tuple[str, Value], ...]

    def body(self) -> dict[str, Value]:
        """Return the fields by name."""
        return dict(self.fields)

    @property
    def encoded(self) -> bytes:
        """The payload as bytes: compact JSON of its fields in their order, behind the kind."""
        return msgspec.json.encode({"kind": self.kind, **self.body()})

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal: what a request names, and what the signer must find again."""
        return sha256(self.encoded).hexdigest()


class Token(NamedTuple):
    """Which outcome token an order trades, where outcomes are separate tokens.

    token_id      the token
    is_buy        it is bought with collateral; otherwise sold
    price_micros  of the token, in millionths
    """

    token_id: str
    is_buy: bool
    price_micros: int


def payload_of(child: PlannedOrder, market: Spelled) -> Payload:
    """Return what the venue of an order is told; raises Refused for what cannot be spelled exactly. About 5 µs.

    A cancel has no payload of its own: it names an order of the venue's, and nothing of it is signed as an order.
    """
    kind = KINDS.get(child.venue_id)
    if kind is None:
        raise Refused(f"venue_id: {child.venue_id!r}; allowed: {', '.join(sorted(KINDS))}")
    if child.action != PLACE or child.order_type != "LIMIT" or child.time_in_force not in FORCES:
        said = f"{child.action} {child.order_type} {child.time_in_force}"
        raise Refused(f"order {child.client_order_id}: {said}; allowed: PLACE LIMIT and one of {', '.join(FORCES)}")
    if child.size_lots <= 0 or child.price_ticks <= 0 or 0 < market.grid_ticks <= child.price_ticks:
        raise Refused(f"order {child.client_order_id}: price {child.price_ticks}, size {child.size_lots} lots")
    if child.post_only and child.time_in_force in ("IOC", "FOK"):
        raise Refused(f"order {child.client_order_id}: what takes at once cannot only rest")
    if kind == POLYMARKET:
        return _polymarket(child, market)
    return _kalshi(child, market) if kind == KALSHI else _perpetual(child, market)


def token_of(child: PlannedOrder, market: Spelled) -> Token:
    """Return which token an order trades, which way and at which price; raises Refused without the token it needs."""
    own = child.side > 0 if not child.reduce_only else child.side < 0
    price = child.price_ticks if own else market.grid_ticks - child.price_ticks
    token = symbol_of(child.venue_id, child.market_id if own else market.complement_id)
    if not token:
        raise Refused(f"order {child.client_order_id}: needs the other outcome's token, and the market names none")
    return Token(token, not child.reduce_only, price * market.tick_micros)


def decimal_text(micros: int, places: int = 0) -> str:
    """Return millionths as a plain decimal with at least `places` decimals and no needless ones; never below zero."""
    whole, part = divmod(micros, MILLION)
    text = f"{part:06d}".rstrip("0").ljust(places, "0")
    return f"{whole}.{text}" if text else str(whole)


def tick_decimals(tick_micros: int) -> int:
    """Return the decimals of a price at a tick: 2 for 0.01, 4 for 0.0025; raises Refused for more than four."""
    places = len(decimal_text(tick_micros).partition(".")[2])
    if places > TICK_DECIMALS_MAX:
        raise Refused(f"tick_micros: {tick_micros}; allowed: a tick of at most {TICK_DECIMALS_MAX} decimals")
    return places


def limit_amounts(is_buy: bool, price_micros: int, size_micros: int) -> tuple[int, int]:
    """Return (makerAmount, takerAmount) in base units of an order that states its size in shares.

    The size is cut to two decimals; then price times size is exact, since no tick has more than four.
    """
    shares = size_micros // CENT * CENT
    money = price_micros * shares // MILLION
    return (money, shares) if is_buy else (shares, money)


def spend_amounts(price_micros: int, spend_micros: int, tick_micros: int) -> tuple[int, int]:
    """Return (makerAmount, takerAmount) in base units of a buyer that takes at once, who states dollars.

    Dollars are cut to cents; shares = dollars / price with two decimals more than the tick has, rounded up at four
    more and then down, as the official clients do.
    """
    dollars, places = spend_micros // CENT * CENT, tick_decimals(tick_micros) + 2
    fine = -(-dollars * 10 ** (places + 4) // price_micros)
    return dollars, fine // 10_000 * 10 ** (6 - places)


def _polymarket(child: PlannedOrder, market: Spelled) -> Payload:
    token = token_of(child, market)
    if not (token.token_id.isascii() and token.token_id.isdecimal()) or polymarket.is_combo_position(
        int(token.token_id)
    ):
        raise Refused(f"token {token.token_id!r}; allowed: an outcome token of a standard or a neg-risk market")
    if not _BYTES32.fullmatch(child.builder_code):
        raise Refused(f"builder_code: {child.builder_code!r}; allowed: 0x and 64 hexadecimal digits")
    size, takes = child.size_lots * market.lot_micros, child.time_in_force in ("IOC", "FOK")
    maker, taker = limit_amounts(token.is_buy, token.price_micros, size)
    if token.is_buy and takes:
        maker, taker = spend_amounts(token.price_micros, maker, market.tick_micros)
    if maker <= 0 or taker <= 0:
        raise Refused(f"order {child.client_order_id}: nothing is left of {size} millionths of a share")
    signed = polymarket.order_signed_for(market.neg_risk)
    force = "FAK" if child.time_in_force == "IOC" else "GTD" if _ends(child) else child.time_in_force
    return Payload(
        POLYMARKET,
        (
            ("domain_name", signed.domain_name),
            ("domain_version", signed.domain_version),
            ("chain_id", signed.chain_id),
            ("verifying_contract", signed.address),
            ("salt", child.salt),
            ("tokenId", token.token_id),
            ("makerAmount", str(maker)),
            ("takerAmount", str(taker)),
            ("side", "BUY" if token.is_buy else "SELL"),
            ("timestamp", str(child.venue_ts_ms)),
            ("metadata", polymarket.ZERO_BYTES32),
            ("builder", child.builder_code),
            ("expiration", str(_polymarket_expiry_s(child))),
            ("orderType", force),
            ("deferExec", False),
            ("postOnly", child.post_only),
        ),
    )


def _ends(child: PlannedOrder) -> bool:
    """True for an order that rests and has an end."""
    return child.expires_ns > 0 and child.time_in_force in ("GTC", "GTD")


def _polymarket_expiry_s(child: PlannedOrder) -> int:
    if not _ends(child):
        return 0
    planned, least = child.expires_ns // SECOND_NS + EXPIRY_THRESHOLD_S, EXPIRY_LEAST_S
    return max(planned, child.venue_ts_ms // MS_PER_S + least)


def _kalshi(child: PlannedOrder, market: Spelled) -> Payload:
    price, count = child.price_ticks * market.tick_micros, child.size_lots * market.lot_micros
    if price % 100 or count < CENT:
        raise Refused(
            f"order {child.client_order_id}: price {price}, size {count} millionths are finer than the venue's"
        )
    fields: list[tuple[str, Value]] = [
        ("ticker", symbol_of(child.venue_id, child.market_id)),
        ("client_order_id", child.client_order_id),
        ("side", "bid" if child.side > 0 else "ask"),
        ("count", decimal_text(count // CENT * CENT, 2)),
        ("price", decimal_text(price, 4)),
        ("time_in_force", KALSHI_FORCES[child.time_in_force]),
        ("self_trade_prevention_type", "taker_at_cross"),
        ("post_only", child.post_only),
        ("reduce_only", child.reduce_only),
        ("cancel_order_on_pause", True),
    ]
    if _ends(child):
        fields.append(("expiration_time", child.expires_ns // SECOND_NS))
    return Payload(KALSHI, tuple(fields))


def _perpetual(child: PlannedOrder, market: Spelled) -> Payload:
    """A resting order goes without an end: one venue has none, the other none below ten minutes; the desk cancels."""
    return Payload(
        PERPETUAL,
        (
            ("symbol", symbol_of(child.venue_id, child.market_id)),
            ("type", "limit"),
            ("side", "buy" if child.side > 0 else "sell"),
            ("amount", decimal_text(child.size_lots * market.lot_micros)),
            ("price", decimal_text(child.price_ticks * market.tick_micros)),
            ("clientOrderId", child.client_order_id),
            ("timeInForce", "GTC" if child.time_in_force == "GTD" else child.time_in_force),
            ("postOnly", child.post_only),
            ("reduceOnly", child.reduce_only),
        ),
    )
