"""Put a submitter together from what was asked for, or refuse before anything is opened: nothing is assumed in live.

Live needs a scope that names something, the control plane's state, and a folder whose path says that it is live; it
refuses a process in which a fault is set. The other modes refuse a folder of live.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from connectors import faults
from connectors.access import Access
from connectors.event_log import EventLog
from connectors.inbox import FileInbox, Inbox, TopicInbox
from connectors.namespace import consumer_group
from connectors.namespace import topic as topic_name
from connectors.outbox import Outbox
from connectors.quote_lines import QuoteLines
from connectors.signer_client import SignerClient
from connectors.signing import Verifier
from connectors.stops import Stops
from contracts.base import Refused, read
from contracts.market import MarketDefinition
from contracts.signed import ORDER
from flows.submit_parts import Parts, terms_of
from flows.submit_venue import LIVE, MODES, Known, Way, implemented, venue_of
from operators import outbox
from operators.last_gate import Limits, Scope

PROGRAM = "submit"


class Asked(NamedTuple):
    """What a submitter was asked to be; files and folders are paths, empty where nothing was said.

    desk_files, desk_parts   (desk, file of its orders), (desk, its part of the outbox topic)
    order_keys               id -> public key of who may sign orders
    """

    venue: str
    mode: str
    account: str
    outbox: str
    veto: str
    markets: str
    quotes: str
    signer: str
    key: str
    wallet: str
    state: str
    heartbeat: str
    scope: Scope
    limits: Limits
    desk_files: tuple[tuple[str, str], ...]
    desk_parts: tuple[tuple[str, int], ...]
    order_keys: Mapping[str, str]
    access: Access | None = None


def checked(asked: Asked, environ: Mapping[str, str] = os.environ) -> Asked:
    """Return what was asked for, if it can be; raises Refused naming the first that cannot."""
    live, parts = asked.mode == LIVE, Path(asked.outbox).resolve().parts
    if asked.mode not in MODES:
        raise Refused(f"--mode {asked.mode!r}; allowed: {', '.join(MODES)}")
    if live != (LIVE in parts):
        raise Refused(f"--outbox {asked.outbox}: mode {asked.mode}; allowed: {_folders(live)}")
    name = asked.venue.partition("=")[0]
    implemented(name)
    if live and asked.scope.empty:
        raise Refused("--market-ids, --event-tickers, --series-tickers: live needs one that names something")
    if live and not asked.state:
        raise Refused("--state is missing: live needs the control plane's state")
    if live and environ.get(faults.VARIABLE, ""):
        raise Refused(f"{faults.VARIABLE} is set; live allows no fault")
    if not asked.desk_files and not asked.desk_parts:
        raise Refused("--orders or --topic is missing: name whose orders are sent")
    if not asked.order_keys:
        raise Refused("--order-key is missing: orders that nobody signed are sent by nobody")
    return asked


def _folders(live: bool) -> str:
    return "a path with a folder `live` in it" if live else "a path without a folder `live` in it"


@contextmanager
def opened(asked: Asked) -> Iterator[Parts]:
    """Open everything, outbox first; closes what was opened. Raises Refused or an edge error naming what failed."""
    faults.from_environment()
    markets = definitions(Path(asked.markets))
    box = Outbox(Path(asked.outbox), asked.mode, asked.account)
    try:
        terms = {market_id: terms_of(each) for market_id, each in markets.items()}
        name, _, url = asked.venue.partition("=")
        way = Way(url, SignerClient(Path(asked.signer)), asked.key, asked.wallet, asked.mode)
        venue = venue_of(name, way, Known(terms, box))
        inboxes = _inboxes(asked)
        try:
            yield Parts(
                venue, box, inboxes, Stops(Path(asked.veto), Path(asked.state) if asked.state else None),
                QuoteLines(Path(asked.quotes)), markets, asked.mode, asked.account, asked.scope, asked.limits,
                time.time_ns, time.sleep, EventLog(box.folder / "events.jsonl"),
                heartbeat=Path(asked.heartbeat) if asked.heartbeat else box.folder / "heartbeat.json",
            )  # fmt: skip
        finally:
            venue.close()
            way.signer.close()
            for inbox in inboxes:
                inbox.close()
    finally:
        box.close()


def definitions(path: Path) -> dict[str, MarketDefinition]:
    """Read markets, a definition on each line; raises Refused naming the line."""
    found: dict[str, MarketDefinition] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            each = read(MarketDefinition, line)
        except Refused as err:
            raise Refused(f"{path}, line {number}: {err}") from None
        if each.market_id in found:
            raise Refused(f"{path}, line {number}: market {each.market_id} is there twice")
        found[each.market_id] = each
    return found


def _inboxes(asked: Asked) -> list[Inbox]:
    verifier = Verifier(asked.order_keys, {ORDER: tuple(asked.order_keys)})
    found: list[Inbox] = [FileInbox(desk, Path(file), verifier, asked.mode) for desk, file in asked.desk_files]
    for desk, partition in asked.desk_parts:
        if asked.access is None:
            raise Refused("--bootstrap or --access is missing: name the broker of --topic")
        group = consumer_group(asked.mode, PROGRAM)
        name = topic_name(asked.mode, "outbox")
        found.append(TopicInbox(desk, asked.access, name, partition, group, verifier, asked.mode))
    if len({inbox.desk_id for inbox in found}) != len(found):
        raise Refused("--orders and --topic: a desk is named twice")
    return found


def settled_by_person(box: Outbox, wishes: Sequence[str], now_ns: int) -> int:
    """End doubts by a person's word: `ID` for an order that the venue never had, `ID=VENUE_ID` for one that it has.

    Returns how many; raises Refused for an id that is not in doubt.
    """
    for wish in wishes:
        order_id, _, venue_id = wish.partition("=")
        row = box.row(order_id)
        if row is None or row.state not in outbox.DOUBTED:
            state = "is not known" if row is None else f"is {row.state}"
            raise Refused(f"--settle {order_id}: {state}; allowed: an order in doubt")
        box.keep(outbox.by_person(row, venue_id, "a person"), now_ns)
    return len(wishes)


def idle(parts: Parts) -> bool:
    """True when nothing waits to be sent, cancelled or told, and no order is in doubt."""
    box = parts.outbox
    waits = outbox.DOUBTED | {outbox.PENDING}
    told = int(box.mark("told") or "0")
    return (
        not any(row.state in waits for row in box.living.values()) and not box.wanted() and not box.events_after(told)
    )
