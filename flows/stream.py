"""Make the common benchmark stream: Polymarket-like `price_change` frames that anybody can make again to the byte.

Only integers decide: a 64-bit linear congruential generator walks the mid of each asset between 15 and 85 cents with
ten levels a side. The same (n, assets, seed, move) gives the same bytes on every machine and Python.
"""

from collections.abc import Iterator

from contracts.ids import content_hash

_A, _C, _MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1
_TOKEN = 71321045679252212594626385532706912750332728571942532289631379312455583992000
_CONDITION = 0x5F65177B394277FD294CD75650044E32BA009A95022D88A0C1D565897D72F8F1
LEVELS = 10
Change = tuple[int, int, int, int, int, int, int]


class _Draw:
    """Draws integers below n."""

    def __init__(self, seed: int) -> None:
        self.state = (seed * 0x9E3779B97F4A7C15 + 1) & _MASK

    def __call__(self, below: int) -> int:
        self.state = (self.state * _A + _C) & _MASK
        return (self.state >> 33) % below


def token_id(asset: int) -> str:
    """The asset's token id."""
    return str(_TOKEN + asset * 7919)


def condition_id(asset: int) -> str:
    """The market that the asset belongs to; two assets share one."""
    return f"0x{_CONDITION + asset // 2:064x}"


def changes(count: int, assets: int, seed: int = 7, move: int = 5) -> Iterator[Change]:
    """Yield (asset, side, price, size, best bid, best ask, ms) in cents and shares; size 0 deletes the level.

    The first changes are each asset's opening book. `move` is the chance in 100 that a step moves a mid by a tick,
    which is four level changes.
    """
    draw = _Draw(seed)
    mids = [30 + draw(41) for _ in range(assets)]
    pending: list[tuple[int, int, int, int]] = []
    for asset in range(assets):
        for k in range(1, LEVELS + 1):
            pending.append((asset, 1, mids[asset] - k, 100 + draw(900) * 5))
            pending.append((asset, -1, mids[asset] + k, 100 + draw(900) * 5))
    bids, asks = [mid - 1 for mid in mids], [mid + 1 for mid in mids]
    at_ms = 1_760_000_000_000
    for _ in range(count):
        if not pending:
            pending = _step(draw, mids, move)
        asset, side, price, size = pending.pop()
        if side == 1:
            bids[asset] = _best(bids[asset], price, size, 1)
        else:
            asks[asset] = _best(asks[asset], price, size, -1)
        at_ms += draw(3)
        yield asset, side, price, size, bids[asset], asks[asset], at_ms


def _best(best: int, price: int, size: int, side: int) -> int:
    if size and (price - best) * side > 0:
        return price
    return best - side if not size and price == best else best


def _step(draw: _Draw, mids: list[int], move: int) -> list[tuple[int, int, int, int]]:
    """One step of one asset, last change first."""
    asset = draw(len(mids))
    mid = mids[asset]
    if draw(100) >= move:
        k, bid = 1 + draw(LEVELS), draw(2)
        return [(asset, 1 if bid else -1, mid - k if bid else mid + k, 100 + draw(900) * 5)]
    up = draw(2)
    up = 0 if mid >= 85 else 1 if mid <= 15 else up
    first, second = 100 + draw(900) * 5, 100 + draw(900) * 5
    sign = 1 if up else -1
    mids[asset] = mid + sign
    steps = [(asset, -sign, mid + sign, 0), (asset, sign, mid, first)]
    steps += [(asset, -sign, mid + 11 * sign, second), (asset, sign, mid - 10 * sign, 0)]
    return steps[::-1]


def frames(count: int, assets: int, seed: int = 7, move: int = 5) -> list[bytes]:
    """Return the stream as the market channel would send it: one change per frame, 360 to 390 bytes."""
    x, made = 88172645463325252, []
    tokens, markets = [token_id(a) for a in range(assets)], [condition_id(a) for a in range(assets)]
    for asset, side, price, size, bid, ask, at_ms in changes(count, assets, seed, move):
        x = (x * _A + _C) & _MASK
        made.append(
            (
                f'{{"market":"{markets[asset]}","price_changes":[{{"asset_id":"{tokens[asset]}",'
                f'"price":"0.{price:02d}",'
                f'"size":"{size}","side":"{"BUY" if side == 1 else "SELL"}",'
                f'"hash":"{x:016x}{x ^ 0xABCDEF0123456789:016x}{x & 0xFFFFFFFF:08x}",'
                f'"best_bid":"0.{bid:02d}","best_ask":"0.{ask:02d}"}}],"timestamp":"{at_ms}",'
                f'"event_type":"price_change"}}'
            ).encode()
        )
    return made


def opening(count: int, assets: int, seed: int = 7, move: int = 5) -> list[bytes]:
    """Return one full `book` frame per asset: the state before its first change, so that the stream stands alone."""
    books: dict[int, dict[int, dict[int, int]]] = {a: {1: {}, -1: {}} for a in range(assets)}
    for asset, side, price, size, *_ in changes(min(count, assets * 2 * LEVELS), assets, seed, move):
        books[asset][side][price] = size
    made = []
    for asset, sides in books.items():
        bids = ",".join(f'{{"price":"0.{p:02d}","size":"{s}"}}' for p, s in sorted(sides[1].items()))
        asks = ",".join(f'{{"price":"0.{p:02d}","size":"{s}"}}' for p, s in sorted(sides[-1].items(), reverse=True))
        made.append(
            f'{{"market":"{condition_id(asset)}","asset_id":"{token_id(asset)}",'
            f'"timestamp":"1759999999999",'
            f'"hash":"{content_hash(bids.encode())[:40]}","bids":[{bids}],"asks":[{asks}],'
            f'"event_type":"book"}}'.encode()
        )
    return made
