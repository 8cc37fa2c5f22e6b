# mypy: ignore-errors
"""Let hftbacktest fill a schedule of orders over a recording of Binance; writes what became of each order.

    python theirs.py RECORDING SCHEDULE OUT

Runs in the environment of requirements/compare.txt, which does not hold the project. The recording is read by the
library's own converter. Both clocks of an event are set to its arrival, since the paper venue lives on the arrival
clock; so the two see the same book at the same moment, and latencies are the schedule's.
"""

import json
import sys
from pathlib import Path

import numpy as np
from hftbacktest import EXCH_EVENT, FILLED, GTX, LIMIT, LOCAL_EVENT, BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.utils import binancefutures
from numba import njit

BUY = 1


@njit
def play(hbt, at_ns, what, number, side, price, quantity, end_ns):
    """Place and cancel as written; returns nothing, the orders remember."""
    hbt.elapse(1)
    for place in range(len(at_ns)):
        hbt.elapse(at_ns[place] - hbt.current_timestamp)
        if what[place]:
            known = hbt.orders(0).get(number[place])
            if known is not None and known.cancellable:
                hbt.cancel(0, number[place], False)
        elif side[place] > 0:
            hbt.submit_buy_order(0, number[place], price[place], quantity[place], GTX, LIMIT, False)
        else:
            hbt.submit_sell_order(0, number[place], price[place], quantity[place], GTX, LIMIT, False)
    hbt.elapse(end_ns - hbt.current_timestamp)


def main(recording: str, schedule: str, out: str) -> None:
    """Run, and write JSON: order number to lots filled, moment and status."""
    plan = json.loads(Path(schedule).read_text())
    events = binancefutures.convert(recording, combined_stream=True, buffer_size=3_000_000)
    events = events[(events["ev"] & LOCAL_EVENT) == LOCAL_EVENT].copy()
    events["ev"] |= EXCH_EVENT
    events["exch_ts"] = events["local_ts"]
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(plan["entry_ns"], plan["answer_ns"])
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0005)
        .tick_size(plan["tick"])
        .lot_size(plan["lot"])
    )
    hbt = HashMapMarketDepthBacktest([asset])
    acts = plan["acts"]
    columns = [np.array([act[name] for act in acts]) for name in ("at_ns", "cancel", "number", "side")]
    price = np.array([act["price"] for act in acts], dtype=np.float64)
    quantity = np.array([act["quantity"] for act in acts], dtype=np.float64)
    shift = int(events["local_ts"][0]) - plan["first_ns"]
    columns[0] = columns[0] + shift
    play(hbt, *columns, price, quantity, plan["end_ns"] + shift)
    found = {}
    for act in acts:
        known = None if act["cancel"] else hbt.orders(0).get(act["number"])
        if known is not None:
            left = round(known.leaves_qty / plan["lot"])
            found[act["number"]] = {
                "filled": round(act["quantity"] / plan["lot"]) - left,
                "whole": bool(known.status == FILLED),
                "status": int(known.status),
                "at_ns": int(known.exch_timestamp) - shift,
            }
    hbt.close()
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
