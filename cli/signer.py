"""Run the signer: `pt signer --keys FILE --socket PATH` holds the keys, and nobody else does.

The first line on standard output says where it listens. SIGINT or SIGTERM ends it; keys are read once, at the start.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import OK, put, say
from cli.settings import readable_file
from connectors.stopping import Stop

Keys = Annotated[
    Path, typer.Option("--keys", metavar="FILE", help="TOML: which keys there are, and the files that hold them.")
]
SocketPath = Annotated[
    Path, typer.Option("--socket", metavar="PATH", help="Where to listen: a Unix socket, its owner's alone.")
]


def signer(keys: Keys, socket: SocketPath) -> int:
    """Hold the keys, and sign what may be signed, until asked to stop."""
    import sys

    from connectors.signer import Signer, listening, run
    from connectors.signer_keys import read_keys

    held = read_keys(readable_file("--keys", keys))
    stop = Stop()
    with stop, stop.gently():
        link = listening(socket)
        put(f"listening: {socket}")
        sys.stdout.flush()
        say(f"signer: {len(held)} keys")
        run(Signer(held), link, socket, stop)
    return OK
