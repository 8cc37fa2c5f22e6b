"""Hold Polymarket's user channel inside the signer: its first frame carries the secret, so nobody else may send it.

Frames of the venue go on to whoever asked, one by one, as they came; keep-alive is answered here. Nothing that comes
from the other side is sent to the venue. Only the venue's own host is spoken to, or this machine
where the keys file allows it.

Source: the venue's "User Channel" and "WebSocket overview": `PING` as text every 10 s, dead after 30 s without `PONG`.
"""

import logging
import socket
import time
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from connectors.feeds.venue import is_loopback
from connectors.signer_wire import Answer, encode, send

HOST = "ws-subscriptions-clob.polymarket.com"
PATH = "/ws/user"
PING_S, DEAD_S, LOOK_S, OPEN_S = 10.0, 30.0, 0.25, 5.0
_SILENT = logging.getLogger(f"{__name__}.silent")  # the library would write the first frame into a log of all details
_SILENT.disabled = True


def allowed(url: str, *, loopback: bool) -> bool:
    """True for the venue's own user channel over TLS, and where the keys file says so for one on this machine."""
    parts = urlsplit(url)
    if (parts.scheme, parts.netloc, parts.path) == ("wss", HOST, PATH):
        return True
    return loopback and parts.scheme == "ws" and parts.path == PATH and is_loopback(parts.netloc)


def relay(link: socket.socket, url: str, opening: str) -> None:
    """Open the channel, say that it stands, and hand on its frames until one of both sides ends; raises OSError."""
    try:
        channel = connect(url, open_timeout=OPEN_S, proxy=None, ping_interval=None, logger=_SILENT)
    except (OSError, WebSocketException) as err:
        send(link, encode(Answer(error=f"channel: not open ({type(err).__name__})")))
        return
    with channel:
        try:
            channel.send(opening)
            send(link, encode(Answer(facts={"channel": "open"})))
            _hand_on(link, channel)
        except WebSocketException:
            return


def _hand_on(link: socket.socket, channel: ClientConnection) -> None:
    heard = pinged = time.monotonic()
    while time.monotonic() - heard < DEAD_S and not _left(link):
        if time.monotonic() - pinged >= PING_S:
            channel.send("PING")
            pinged = time.monotonic()
        try:
            frame = channel.recv(timeout=LOOK_S)
        except TimeoutError:
            continue
        heard = time.monotonic()
        data = frame.encode() if isinstance(frame, str) else bytes(frame)
        if data not in (b"PONG", b""):
            send(link, data)


def _left(link: socket.socket) -> bool:
    """True once whoever asked has closed the connection."""
    try:
        return not link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
