"""Price operations on a chain in whole numbers, and decide whether one runs now, waits, or is not worth it.

    cost = units * (base * 1.25 + priority) * native         in micros, rounded up
    rank = (n_below + n_equal / 2) / n                       over one sample of the unit price per 5 minutes

Symbols: units of gas by operation; base and priority fee in thousandths of a gwei (10^-12 of the native token); native
price in micros. The quarter on top of the base fee is what it can rise in two full blocks.
Source: EIP-1559 (a block changes the base fee by at most an eighth); mid-rank by Parzen (2004).
"""

from contracts.order import CONVERT, MERGE, REDEEM
from contracts.venue import ChainSnapshot

MILLION = 1_000_000
GWEI_MILLI_PER_NATIVE = 10**12
SLOT_NS = 300 * 10**9
SAMPLES_MIN = 12  # an hour; before that a rank means nothing
RUN, DEFER, DROP = "RUN", "DEFER", "DROP"
UNITS = {MERGE: 250_000, REDEEM: 250_000, CONVERT: 600_000}
"""Gas of one call through a wallet contract; upper ends, so that a cost is never taken for less than it is."""

Samples = tuple[tuple[int, int], ...]
"""(number of the 5 minutes, unit price), oldest first."""


def unit_price(view: ChainSnapshot) -> int:
    """Return what a unit of gas costs, in micros times 10^12, so that nothing is rounded yet."""
    return (-(-view.base_fee_gwei_milli * 5 // 4) + view.priority_gwei_milli) * view.native_micros


def cost_micros(operation: str, price: int) -> int:
    """Return what an operation costs at a unit price, rounded up; an unknown one costs as the dearest."""
    return -(-UNITS.get(operation, max(UNITS.values())) * price // GWEI_MILLI_PER_NATIVE)


def sampled(samples: Samples, price: int, now: int, window_h: int) -> Samples:
    """Return the samples with one for these 5 minutes if there is none yet, and without those older than the window."""
    slot = now // SLOT_NS
    if samples and samples[-1][0] >= slot:
        return samples
    oldest = slot - window_h * 3_600 * 10**9 // SLOT_NS
    return (*(sample for sample in samples if sample[0] > oldest), (slot, price))


def rank_micros(samples: Samples, price: int) -> int:
    """Return the rank of a unit price among the samples, in millionths; one half while they are too few."""
    if len(samples) < SAMPLES_MIN:
        return MILLION // 2
    below = sum(known < price for _, known in samples)
    equal = sum(known == price for _, known in samples)
    return (2 * below + equal) * MILLION // (2 * len(samples))


def decided(
    benefit: int, cost: int, rank: int, age_s: int, urgent: bool, benefit_mult: float, defer_pct: int, max_defer_s: int
) -> str:
    """Return RUN, DEFER or DROP for an operation of this benefit and cost (micros) that waits for `age_s`.

    What is urgent, or worth it many times, runs. The rest waits for a cheap hour, but not for ever; then it runs if it
    is worth more than it costs.
    """
    if urgent or benefit >= benefit_mult * cost:
        return RUN
    if rank > defer_pct and age_s < max_defer_s:
        return DEFER
    return RUN if benefit > cost else DROP
