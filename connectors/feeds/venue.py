"""Define the words between a venue's module and the session: links to hold, what to say on them, what was heard.

A venue's module is a value: it opens no socket and reads no clock. The session (`session.py`) holds the connections,
and asks it what to send; so each dialect can be tested without a network, and what is hard about sockets stands once.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from connectors.errors import FeedError

SAID_MAX = 200


class Heard(Enum):
    """What one message of a venue is, for whoever holds the connection.

    DATA     market data: the subscription works
    ANSWER   an answer to a command
    BEAT     an answer to a probe: the socket works, nothing more
    REFUSED  the venue says no to something; the connection goes on
    """

    DATA = "data"
    ANSWER = "answer"
    BEAT = "beat"
    REFUSED = "refused"


class Lost(Exception):
    """This connection is of no use any more; the text is a short reason, the same for each of its kind."""


class Get(NamedTuple):
    """A REST request whose answer is a frame of the recording, heard on the connection `conn`."""

    url: str
    conn: str


class Link(NamedTuple):
    """One connection to hold.

    slot     its name; a connection's label is `slot@milliseconds of its opening`
    url      where
    markets  markets whose books are heard on it, as the operators name them; none where it carries no books
    """

    slot: str
    url: str
    markets: tuple[str, ...] = ()


class Asked(NamedTuple):
    """What to send and to fetch so that images of books come."""

    commands: tuple[str, ...] = ()
    gets: tuple[Get, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for what, in seconds, and how much at once.

    first_s        without market data for so long after subscribing, the subscription has failed
    probe_s        silence of a connection after which it is probed once; then every `beat_s`
    patience_s     silence, the time of the probe included, after which a connection that does not answer is dead; with
                   the time between two looks it is within two seconds
    beat_s         at least one probe in so long, whatever else is said
    connect_s      for TCP, TLS and handshake together
    lifetime_s     a connection is replaced after so long, before the venue ends it
    backoff_s      first pause between attempts; doubled with each, up to `backoff_max_s`, half of it drawn
    steady_s       a connection that lived so long begins the pauses anew; a book that did, the requests for its image
    image_s        pause before an image is asked for again; doubled with each time, up to `image_max_s`
    commands_per_s on one connection
    gets_per_s     of REST requests
    busy_s         pause of requests when the venue says that they are too many, and not for how long
    frame_max      bytes of a message; a longer one ends the connection
    waiting_max    bytes that may wait for the disk or the broker; then nothing is read from the sockets
    """

    first_s: float = 10.0
    probe_s: float = 0.5
    patience_s: float = 1.75
    beat_s: float = 10.0
    connect_s: float = 10.0
    lifetime_s: float = 604_800.0
    backoff_s: float = 0.25
    backoff_max_s: float = 30.0
    steady_s: float = 30.0
    image_s: float = 1.0
    image_max_s: float = 60.0
    commands_per_s: float = 5.0
    gets_per_s: float = 1.5
    busy_s: float = 30.0
    frame_max: int = 16 << 20
    waiting_max: int = 64 << 20


class Talk(Protocol):
    """One connection's conversation, from its opening to its end; a new one begins with each connection."""

    said: str
    """What the venue said with its last refusal, shortened."""

    def opening(self) -> Sequence[str]:
        """Return the commands that subscribe, in order."""

    def hear(self, data: bytes) -> Heard:
        """Say what a message is; raises Lost when it ends what the connection is for, FeedError for good."""

    def again(self, markets: Sequence[str]) -> Asked:
        """Return what brings new images of these books, or nothing when that cannot be asked for yet."""


class Venue(Protocol):
    """A venue as it is to be recorded.

    name     as the captures spell it
    dialect  how its frames are read
    links    connections to hold
    limits   its own, as its fact sheet has them
    probe    text that it answers; "" where the protocol's own ping is the probe
    fetches  images come by request only, never by themselves
    about    requests for the definitions of its markets, made once at the beginning
    """

    name: str
    dialect: str
    links: tuple[Link, ...]
    limits: Limits
    probe: str
    fetches: bool
    about: tuple[Get, ...]

    def talk(self, link: Link) -> Talk:
        """Begin a conversation."""

    def headers(self, link: Link, at_ns: int) -> Mapping[str, str]:
        """Return what the handshake carries, made for this moment."""


class Places(NamedTuple):
    """Where a venue is: bases of its socket and of its REST interface, without paths."""

    socket: str
    rest: str

    def moved(self, base: str = "", rest: str = "") -> "Places":
        """Return other places; a REST base that is not given follows the socket's. Raises FeedError."""
        if not base and not rest:
            return self
        socket = _base("--base", base, ("ws", "wss")) if base else self.socket
        if rest:
            return Places(socket, _base("--rest", rest, ("http", "https")))
        parts = urlsplit(socket)
        return Places(socket, urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, "", "", "")))

    def hosts(self) -> list[str]:
        """Return the hosts, each once."""
        return list(dict.fromkeys(urlsplit(base).netloc for base in self))


def _base(option: str, text: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.path.strip("/") or parts.query:
        allowed = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
        raise FeedError(f"{option} {text[:SAID_MAX]!r}: allowed: {allowed}, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """True for a host, with or without a port, that cannot be outside this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def shortened(data: bytes) -> str:
    """Return what a venue said as one short line of printable characters."""
    text = data[: 4 * SAID_MAX].decode(errors="replace")
    return "".join(char if char.isprintable() else " " for char in text)[:SAID_MAX]


def shared_out(markets: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Cut markets into groups of at most so many, as even as they come."""
    groups = -(-len(markets) // most)
    return [tuple(markets[place::groups]) for place in range(groups)]
