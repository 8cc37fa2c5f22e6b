"""Be a venue on this machine until it is stopped: `pt mock kalshi | polymarket | bitget | binance`.

The first line on standard output is its base address. `GET ADDRESS/_modes` says how it can be made to misbehave,
`GET ADDRESS/_credentials` gives the development keys that it accepts.
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.output import OK, put, say
from connectors.stopping import Stop
from contracts.base import Refused

PORT_MAX, POLL_S = 65_535, 0.1


def mock(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="kalshi, polymarket, bitget or binance.")],
    port: Annotated[int, typer.Option(metavar="N", help="Port of 127.0.0.1; 0 takes a free one.")] = 0,
    credentials: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON object of keys that it should accept; fresh ones unless given."),
    ] = None,
) -> int:
    """Serve a mock venue on loopback: it matches orders, enforces documented limits, and misbehaves on command."""
    from connectors.mocks.start import open_venue, read_keys

    if not 0 <= port <= PORT_MAX:
        raise Refused(f"--port {port}; allowed: 0 to {PORT_MAX}")
    keys = read_keys(credentials) if credentials is not None else None
    with Stop() as stop, open_venue(venue, port, keys) as server, stop.gently():
        put(server.base_url)
        sys.stdout.flush()
        say(f"mock {venue}: GET {server.base_url}/_modes says what it can do; Ctrl-C ends it")
        while not stop():
            time.sleep(POLL_S)
    return OK
