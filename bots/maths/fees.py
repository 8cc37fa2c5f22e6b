"""Charge what a venue charges for a match, to the millionth, in whole numbers.

Money is never a float, and a fee that is off by a hundredth of a cent makes every account drift from the venue's.
Formulas and roundings stand in the fact sheets; `FeeModel` on the instrument says which one holds.

    binary_quadratic    rate * C * p * (1 - p)      C contracts, p price of YES
    linear_bps          rate * C * p                C contracts or coins, p price

Kalshi rounds thrice: the trade fee up to $0.0001; then, so that the balance stays on its own grid, a rounding fee; and
once the rounding fees of an order exceed one cent, whole cents come back. Source: docs.kalshi.com, "Fee Rounding"; its
two worked examples and 33 recorded fills are the tests.
"""

from contracts.market import FeeModel

QUADRATIC, LINEAR, NONE, UNKNOWN = "binary_quadratic", "linear_bps", "none", "unknown"
KNOWN = frozenset({QUADRATIC, LINEAR, NONE})
MILLION = 1_000_000
CENT_MICROS = 10_000
LINEAR_SCALE, QUADRATIC_SCALE = 10**12, 10**18


def trade_fee(fee: FeeModel, maker: bool, price_micros: int, size_lots: int, lot_micros: int) -> int:
    """Return the trade fee of one match in micros, below zero for a rebate; 0 when the model is none or unknown.

    `price_micros` is the price of one contract in millionths (YES for a binary), the size is `size_lots * lot_micros`
    millionths of a contract. Ask `KNOWN` first: an unknown model is not free, it is unknown.
    """
    rate = fee.maker_rate_micros if maker else fee.taker_rate_micros
    if not rate:
        return 0
    if fee.formula == QUADRATIC:
        exact = rate * size_lots * lot_micros * price_micros * (MILLION - price_micros)
        scale = QUADRATIC_SCALE
    elif fee.formula == LINEAR:
        exact, scale = rate * size_lots * lot_micros * price_micros, LINEAR_SCALE
    else:
        return 0
    near = fee.round_near_micros
    if near:
        unit = scale * near
        return 0 if abs(exact) < unit else (2 * exact + unit) // (2 * unit) * near
    step = fee.round_up_micros or 1
    return -(-exact // (scale * step)) * step


def rounding_fee(fee: FeeModel, side: int, price_micros: int, size_lots: int, lot_micros: int, fee_micros: int) -> int:
    """Return what the venue adds so that the balance stays a multiple of `balance_micros`; 0 where it is exact.

    The balance changes by revenue less fee (revenue below zero for a buyer, `side` 1) and is floored.
    """
    if fee.balance_micros <= 1:
        return 0
    change = -side * price_micros * size_lots * lot_micros - fee_micros * MILLION
    return -(-(change % (fee.balance_micros * MILLION)) // MILLION)


def charge(
    fee: FeeModel, maker: bool, side: int, price_micros: int, size_lots: int, lot_micros: int, carry_micros: int = 0
) -> tuple[int, int]:
    """Return (net fee of one match, rounding fees of its order not yet refunded), both in micros.

    `carry_micros` is the second number of the order's match before, 0 for its first. Whole cents are refunded once the
    carry exceeds them, and never so much that the net fee falls below zero.
    """
    base = trade_fee(fee, maker, price_micros, size_lots, lot_micros)
    if fee.balance_micros <= 1:
        return base, 0
    extra = rounding_fee(fee, side, price_micros, size_lots, lot_micros, base)
    carry = carry_micros + extra
    gross = base + extra
    if carry <= CENT_MICROS or gross < CENT_MICROS:
        return gross, carry
    refund = min((carry - 1) // CENT_MICROS, gross // CENT_MICROS) * CENT_MICROS
    return gross - refund, carry - refund
