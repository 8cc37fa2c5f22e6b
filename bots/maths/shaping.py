"""Make prices and sizes that a venue accepts, never larger and never more aggressive than what was allowed."""

from contracts.market import MarketDefinition

MILLION = 1_000_000


def legal_price(definition: MarketDefinition, side: int, price_ticks: int) -> int:
    """Return the nearest legal price that is not past the given one: down for a buyer, up for a seller; 0 when none is.

    A binary trades strictly between 0 and 1.
    """
    step = definition.step_ticks(price_ticks) if definition.price_bands else 1
    price = price_ticks - price_ticks % step if side > 0 else price_ticks + -price_ticks % step
    if price < 1 or (definition.grid_ticks and price >= definition.grid_ticks):
        return 0
    return price


def undusted(change_lots: int, held_lots: int, smallest_lots: int) -> int:
    """Return the size of an order after which nothing smaller than the minimum is left over; at most the given one.

    `change_lots` and `held_lots` are signed. An order through zero shrinks to flatten; one that would leave dust
    shrinks to leave a whole minimum. When that would take the order itself below the minimum it stays as it is.
    """
    size, left = abs(change_lots), abs(held_lots + change_lots)
    if not 0 < left < smallest_lots or not held_lots or (held_lots > 0) == (change_lots > 0):
        return size
    if size > abs(held_lots):
        return abs(held_lots)
    shrunk = abs(held_lots) - smallest_lots
    return shrunk if shrunk >= smallest_lots else size


def sliced(size_lots: int, depth_lots: int, frac_micros: int, children_max: int, smallest_lots: int) -> tuple[int, ...]:
    """Return the sizes of the slices: each a fraction of the depth, or the venue's minimum where that is more.

    More than `children_max` slices are not planned: the rest of the size is left. A last slice below the minimum
    joins the one before it, which is then larger by less than a minimum.
    """
    most = max(smallest_lots, depth_lots * frac_micros // MILLION, 1)
    if size_lots <= most:
        return (size_lots,)
    whole, rest = divmod(size_lots, most)
    if whole >= children_max:
        return (most,) * children_max
    if rest >= smallest_lots:
        return (*((most,) * whole), rest)
    return (*((most,) * (whole - 1)), most + rest)
