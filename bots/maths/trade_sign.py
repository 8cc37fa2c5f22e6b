"""Say who took: the buyer or the seller.

    venue flag; else sign(2 P - Pb - Pa); else sign(P - P'); else the last sign

Symbols: P the trade price, Pb and Pa the best quotes before it, P' the previous trade price, all in ticks; 0 for P'
means none, -1 for a quote means an empty side. The result is 1 bought, -1 sold, 0 unknown, and which rule said it.
Source: Lee, C., Ready, M. (1991), Inferring trade direction from intraday data, Journal of Finance 46(2).
"""


def trade_sign(price: int, flag: int, bid: int, ask: int, last_price: int, last_sign: int) -> tuple[int, str]:
    """Return (sign, source) with source venue, quote or tick."""
    if flag:
        return flag, "venue"
    off_mid = 2 * price - bid - ask if bid >= 0 and ask >= 0 else 0
    if off_mid:
        return (1 if off_mid > 0 else -1), "quote"
    if last_price and price != last_price:
        return (1 if price > last_price else -1), "tick"
    return last_sign, "tick"
