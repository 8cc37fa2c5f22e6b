"""Run submitters in processes of their own and break them: one parent without threads forks a child for each cell.

Started as `python -m tests.flows.submit_cells`; a line of JSON on standard input is a cell, its answer is a line on
standard output. A cell names a folder, where its venue is, the fault, and how long it may take. The child ends with 0
when every order of its inbox is out of doubt, with 9 when it took too long, with 3 when the fault was raised; what
happens to it otherwise happened to the process.
"""

import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from connectors import faults
from connectors.event_log import EventLog
from connectors.inbox import FileInbox
from connectors.outbox import Outbox
from connectors.signer_client import SignerClient
from connectors.stops import Stops
from connectors.venue import Abilities, Ambiguous, Final, Holdings, Page, Terms, Venue, VenueFill, VenueOrder
from contracts.market import MarketDefinition
from contracts.order import PlannedOrder, VenueOrderEvent
from flows.submit import Submitter
from flows.submit_parts import Parts, terms_of
from flows.submit_venue import Known, Way
from flows.submit_venue import venue_of as venue_of_name
from operators import outbox
from operators.last_gate import Quote, Scope
from tests import world
from tests.connectors.signed_keys import verifier
from tests.flows.submitting import FREE, MARKETS

LATE, RAISED = 9, 3


class TinyVenue:
    """The client of the loopback venue (tests/flows/tiny_exchange.py), for one account."""

    venue_id = "kalshi"
    can = Abilities(True, True, 10.0, 20, 10.0, 3_000)

    def __init__(self, base: str, account: str) -> None:
        self._base, self._account = base, account

    def _ask(self, what: str, **about: object) -> dict:
        query = urlencode({"account": self._account, **about})
        try:
            with urllib.request.urlopen(f"{self._base}/{what}?{query}", timeout=2.0) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as err:
            raise Final(f"{what}: {err.code}", str(err.code)) from None
        except (OSError, ValueError) as err:
            raise Ambiguous(f"{what}: {err}", "network") from None

    def _order(self, said: dict | None) -> VenueOrder | None:
        return None if said is None else VenueOrder(**said)

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        said = self._ask(
            "place", client_order_id=order.client_order_id, market_id=order.market_id, side=order.side,
            price_ticks=order.price_ticks, size_lots=order.size_lots,
        )  # fmt: skip
        return self._order(said["order"])

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        return self._order(self._ask("cancel", venue_order_id=venue_order_id)["order"])

    def cancel_all(self, market_id: str = "") -> int:
        return self._ask("cancel_all")["count"]

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        return self._order(self._ask("find", client_order_id=client_order_id)["order"])

    def open_orders(self) -> Page:
        return Page(tuple(VenueOrder(**each) for each in self._ask("open")["orders"]), True)

    def fills(self, since_ns: int) -> Page:
        return Page(tuple(VenueFill(**each) for each in self._ask("fills", since=since_ns)["fills"]), True)

    def holdings(self) -> Holdings:
        return Holdings(10_000_000_000, (), True)

    def server_time_ns(self) -> int:
        return time.time_ns()

    def arm(self) -> None:
        self._ask("arm")

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        return []

    def close(self) -> None:
        pass


class SteadyQuotes:
    """41 at 44, received this moment."""

    def newest(self, market_id: str) -> Quote:
        return Quote(41, 44, 5_000, 5_000, time.time_ns())


def quiet(box: Outbox, ids: list[str]) -> bool:
    """True when every order came and is out of doubt, and everything was told."""
    rows = [box.row(each) for each in ids]
    clear = all(row is not None and row.state not in (outbox.PENDING, outbox.SUBMITTED, outbox.UNKNOWN) for row in rows)
    return clear and not box.events_after(int(box.mark("told") or "0"))


def run(cell: dict) -> int:
    """Run one submitter until it is quiet; returns the exit code."""
    faults.from_environment({faults.VARIABLE: cell["fault"]})
    folder = Path(cell["folder"])
    box = Outbox(folder / "outbox", "paper", cell["account"])
    inbox = FileInbox("lab", folder / "orders.jsonl", verifier(), "paper")
    venue = venue_of(cell, box)
    parts = Parts(
        venue, box, [inbox], Stops(folder / "veto"), SteadyQuotes(), markets_of(cell), "paper", cell["account"],
        Scope(), FREE, time.time_ns, time.sleep, EventLog(folder / "events.jsonl"), poll_s=0.3, look_s=0.2,
        heartbeat=folder / "heartbeat.json",
    )  # fmt: skip
    submitter, until = Submitter(parts), time.monotonic() + cell["seconds"]
    submitter.start()
    while time.monotonic() < until:
        submitter.turn()
        if quiet(box, cell["ids"]):
            box.close()
            return 0
        time.sleep(0.005)
    return LATE


def venue_of(cell: dict, box: Outbox) -> Venue:
    """Return the client of the cell's venue: the tiny one, or a real connector through a signer."""
    if "socket" not in cell:
        return TinyVenue(cell["base"], cell["account"])
    terms = {market_id: terms_of(each) for market_id, each in markets_of(cell).items()}
    way = Way(cell["base"], SignerClient(Path(cell["socket"])), cell["key"], cell["wallet"], "live")
    return venue_of_name(cell["venue"], way, Known(terms, box))


def markets_of(cell: dict) -> dict[str, MarketDefinition]:
    """Return the markets of the cell's venue."""
    return {each: world.definition(market_id=each) for each in cell["markets"]} if "markets" in cell else dict(MARKETS)


def child(cell: dict) -> None:
    """Run a cell in this process, and leave it."""
    code = 1
    try:
        code = run(cell)
    except faults.Injected:
        code = RAISED
    except BaseException as err:
        Path(cell["folder"], "died.txt").write_text("".join(traceback.format_exception(err)))
        raise
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    """Fork a child for each line; all lines that are there run at the same time, at most eight."""
    running: dict[int, tuple[dict, float]] = {}
    cells = [json.loads(line) for line in sys.stdin]
    most = cells[0].get("most", 8) if cells else 1
    while cells or running:
        while cells and len(running) < most:
            cell = cells.pop(0)
            pid = os.fork()
            if not pid:
                child(cell)
            running[pid] = (cell, time.monotonic())
        pid, status = os.wait()
        cell, began = running.pop(pid)
        answer = {
            "folder": cell["folder"], "fault": cell["fault"], "code": os.waitstatus_to_exitcode(status),
            "seconds": round(time.monotonic() - began, 3),
        }  # fmt: skip
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
