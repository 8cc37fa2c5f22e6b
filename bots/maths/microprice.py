"""Estimate where the price is between bid and ask from the sizes that stand there.

    I = qb / (qb + qa),  weighted mid = (qb * Pa + qa * Pb) / (qb + qa),  micro = mid + g(decile(I), spread)

Symbols: Pb, Pa best bid and ask in ticks; qb, qa sizes there in lots; I the imbalance in [0, 1]; g an adjustment in
ticks from a calibration table, one cell per decile of I and spread in ticks, with the number of samples behind it. A
cell with too few samples does not speak: then the weighted mid stands.
Source: Stoikov, S. (2018), The micro-price, Quantitative Finance 18(12).
"""

Cell = tuple[int, int, float, int]
"""decile 0 to 9, spread in ticks, adjustment in ticks, samples."""

TABLE_VERSION = "micro-0"
TABLE: tuple[Cell, ...] = ()
"""Nothing is calibrated yet: version 0 is empty and every price is the weighted mid."""


def weighted_mid(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> float:
    """Return the weighted mid in ticks; equal or empty queues give the mid."""
    total = bid_lots + ask_lots
    if not total:
        return (bid_ticks + ask_ticks) / 2.0
    return (bid_lots * ask_ticks + ask_lots * bid_ticks) / total


def microprice(
    bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, min_cell_n: int, table: tuple[Cell, ...] = TABLE
) -> float:
    """Return the microprice in ticks: by the table where a cell has at least `min_cell_n` samples."""
    if table and bid_lots + ask_lots:
        decile = min(9, bid_lots * 10 // (bid_lots + ask_lots))
        for cell in table:
            if cell[0] == decile and cell[1] == ask_ticks - bid_ticks and cell[3] >= min_cell_n:
                return (bid_ticks + ask_ticks) / 2.0 + cell[2]
    return weighted_mid(bid_ticks, bid_lots, ask_ticks, ask_lots)
