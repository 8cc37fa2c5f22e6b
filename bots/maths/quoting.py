"""Place a maker's quotes in log-odds, where a tick at 2 cents and one at 50 cents weigh what they should.

Avellaneda and Stoikov's reservation price and half-spread, with the price of a binary replaced by its log-odds:

    x = ln(p / (1 - p))    s2 = sigma^2 * T    x_r = x - q * gamma * s2
    d = gamma * s2 / 2 + ln(1 + gamma / k) / gamma
    bid = floor(expit(x_r - d))    ask = ceil(expit(x_r + d))

Symbols: p fair probability; sigma volatility in logits per square-root second; T seconds ahead; q inventory in clips,
above zero long; gamma risk aversion and k decay of arrivals, both per logit. Prices leave in ticks, floored and ceiled
to the venue's step. Not clipped like bots/maths/logit.py: a quote at 0.2 cents must not be pulled to one cent.
Source: Avellaneda, M., Stoikov, S. (2008); Guéant, O., Lehalle, C.-A., Fernandez-Tapia, J. (2013).
"""

from math import exp, log

from contracts.market import FeeModel, MarketDefinition
from contracts.signal import SignalReport

MILLION = 1_000_000
SECOND_NS = 1_000_000_000
GRAIN = 1e-9  # of a tick: what floating point may add or lose before a price is floored


def quotes(
    p_micros: int, grid_ticks: int, sigma: float, seconds: int, clips: float, gamma: float, k: float
) -> tuple[float, float]:
    """Return the unrounded bid and ask in ticks, 0 < bid < ask < grid; `p_micros` in 1..999999, k and gamma > 0.

    Costs about 0.5 µs. Log-odds beyond ±700 are held there, where a price is 0 or 1 to sixteen digits.
    """
    x = log(p_micros / (MILLION - p_micros))
    risk = gamma * sigma * sigma * seconds
    half = risk / 2 + log(1.0 + gamma / k) / gamma
    middle = x - clips * risk
    low, high = middle - half, middle + half
    if low < -700.0 or high > 700.0:
        low, high = min(max(low, -700.0), 700.0), min(max(high, -700.0), 700.0)
    return grid_ticks / (1.0 + exp(-low)), grid_ticks / (1.0 + exp(-high))


def floor_step(definition: MarketDefinition, price: float) -> int:
    """Return the highest legal price in ticks at or below `price`; 0 or less when there is none."""
    ticks = int(price + GRAIN)
    if not definition.price_bands:
        return ticks
    return ticks - ticks % definition.step_ticks(ticks)


def ceil_step(definition: MarketDefinition, price: float) -> int:
    """Return the lowest legal price in ticks at or above `price`, which is above 0; the grid or more means none."""
    ticks = int(price - GRAIN) + 1
    if not definition.price_bands:
        return ticks
    return ticks + -ticks % definition.step_ticks(ticks)


def step_below(definition: MarketDefinition, price_ticks: int) -> int:
    """Return the highest legal price strictly below a price, in ticks."""
    if not definition.price_bands:
        return price_ticks - 1
    below = price_ticks - 1
    return below - below % definition.step_ticks(below)


def step_above(definition: MarketDefinition, price_ticks: int) -> int:
    """Return the lowest legal price strictly above a price, in ticks."""
    if not definition.price_bands:
        return price_ticks + 1
    above = price_ticks + 1
    return above + -above % definition.step_ticks(above)


def maker_fee_micros(fee: FeeModel, p_micros: int) -> int:
    """Return the maker's fee of one contract at a price, in micros, rounded up; below zero for a rebate.

    Quadratic: rate * p * (1 - p). Linear: rate * p. A model that is none or unknown has no maker's rate and gives 0.
    """
    rate = fee.maker_rate_micros
    if not rate:
        return 0
    if fee.formula == "binary_quadratic":
        return -(-rate * p_micros * (MILLION - p_micros) // (MILLION * MILLION))
    return -(-rate * p_micros // MILLION) if fee.formula == "linear_bps" else 0


def spread_micros(definition: MarketDefinition, bid_ticks: int, ask_ticks: int) -> int:
    """Return the spread in millionths: of a probability for binaries, of the mid for perpetuals."""
    if definition.instrument_kind == 0:
        return (ask_ticks - bid_ticks) * definition.tick_micros
    return 2 * MILLION * (ask_ticks - bid_ticks) // (ask_ticks + bid_ticks)


def placed(
    definition: MarketDefinition, p_micros: int, best: tuple[int, int], wanted: tuple[float, float], need_micros: int
) -> tuple[int, int]:
    """Return the legal bid and ask in ticks for unrounded wishes; 0 for a side that must not be quoted.

    Never across the best price of the other side, never outside (0, grid), and each at least `need_micros` from the
    fair value. A side that this need pushes behind its own touch cannot earn there and is not quoted.
    """
    tick, (best_bid, best_ask), (low, high) = definition.tick_micros, best, wanted
    if definition.price_bands:
        bid, ask = floor_step(definition, low), ceil_step(definition, high)
    else:
        bid, ask = int(low + GRAIN), int(high - GRAIN) + 1
    if bid >= best_ask:
        bid = step_below(definition, best_ask)
    if ask <= best_bid:
        ask = step_above(definition, best_bid)
    if p_micros - bid * tick < need_micros:
        bid = floor_step(definition, (p_micros - need_micros) / tick)
        bid = bid if bid >= best_bid else 0
    if ask * tick - p_micros < need_micros:
        ask = ceil_step(definition, (p_micros + need_micros) / tick)
        ask = ask if ask <= best_ask else 0
    return bid if bid > 0 else 0, ask if ask < definition.grid_ticks else 0


def seconds_left(horizon_s: int, definition: MarketDefinition, resolution: SignalReport | None, now: int) -> int:
    """Return the horizon in seconds, cut to what is left of the market's life by its definition and its watcher."""
    if definition.expiry_ns and definition.expiry_ns - now < horizon_s * SECOND_NS:
        horizon_s = (definition.expiry_ns - now) // SECOND_NS
    if resolution is not None and resolution.value < horizon_s:
        return int(resolution.value)
    return horizon_s
