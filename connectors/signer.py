"""Sign what may be signed: a process of its own, the only holder of keys, that speaks over a Unix socket of mode 0600.

Whoever asks names a key, the mode it acts in, and one of a few operations; the path of a request must be one of trading
or reading (`connectors/signer_paths.py`), an order must be of the key's own wallet and carry a builder code. What a
refusal says never holds a secret, whatever a library said. Requests of one connection are answered in their order.

The socket is its owner's alone, and a connection of another user is closed: both are asked of the operating system.
"""

import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from connectors.ccxt_signing import CcxtKey
from connectors.errors import EdgeError, SigningError
from connectors.signer_keys import ApiKey, Held, KalshiKey, WalletKey
from connectors.signer_relay import HOST, PATH, allowed, relay
from connectors.signer_wire import (
    About,
    Answer,
    OpenChannel,
    Request,
    SignCcxt,
    SignClob,
    SignerRefused,
    SignKalshi,
    SignLogin,
    SignOrder,
    decode_request,
    encode,
    receive,
    send,
    unwired,
)

LOOK_S = 0.2
WAITING = 16
_CREDENTIALS = struct.Struct("3i")
_SHOWN = 60


class Signer:
    """Holds every key, and answers requests. Safe for several threads."""

    def __init__(self, keys: Mapping[str, Held]) -> None:
        """Take the keys by their references."""
        self._keys = keys

    def answer(self, asked: Request) -> Answer:
        """Return what was signed, or why nothing was."""
        try:
            return self._signed(asked, self.key(asked))
        except EdgeError as err:
            return Answer(error=str(err))
        except Exception as err:  # a library's words may repeat what it was given
            return Answer(error=f"{asked.key_ref[:_SHOWN]}: could not sign ({type(err).__name__})")

    def key(self, asked: Request) -> Held:
        """Return the key that a request names; raises SignerRefused for one unknown, or of another mode."""
        found = self._keys.get(asked.key_ref)
        if found is None:
            raise SignerRefused(f"key {asked.key_ref[:_SHOWN]!r}: is not held here")
        if asked.mode != found.entry.mode:
            raise SignerRefused(f"key {asked.key_ref}: mode {asked.mode[:_SHOWN]!r}; allowed: {found.entry.mode}")
        return found

    @staticmethod
    def _signed(asked: Request, found: Held) -> Answer:
        key = found.key
        match asked, key:
            case About(), _:
                return Answer(facts=found.facts())
            case SignOrder(), WalletKey():
                digest, signature = key.order(unwired(asked.order), asked.neg_risk)
                return Answer(digest=digest, signature=signature)
            case SignLogin(), WalletKey():
                return Answer(headers=key.login(asked.timestamp_s, asked.nonce))
            case SignClob(), ApiKey():
                return Answer(headers=key.headers(asked.timestamp_s, asked.method, asked.path, asked.body))
            case SignKalshi(), KalshiKey():
                return Answer(headers=key.headers(asked.at_ms, asked.method, asked.url))
            case SignCcxt(), CcxtKey():
                return key.sign(asked)
        raise SignerRefused(f"key {asked.key_ref}: a key of kind {found.entry.kind} does not sign this")

    def serve(self, link: socket.socket) -> None:
        """Answer one connection until it ends; one that asked for a user channel becomes that channel."""
        with link:
            try:
                while data := receive(link):
                    try:
                        asked = decode_request(data)
                    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                        send(link, encode(Answer(error="no request that is known here")))
                        continue
                    if isinstance(asked, OpenChannel):
                        self._relay(link, asked)
                        return
                    send(link, encode(self.answer(asked)))
            except (OSError, EOFError):
                return  # whoever asked has left

    def _relay(self, link: socket.socket, asked: OpenChannel) -> None:
        try:
            found = self.key(asked)
            key = found.key
            if not isinstance(key, ApiKey):
                raise SignerRefused(f"key {asked.key_ref}: opens no user channel")
            if not allowed(asked.url, loopback=found.entry.loopback):
                raise SignerRefused(f"channel: {asked.url[:80]} is not the venue's; allowed: wss://{HOST}{PATH}")
        except SignerRefused as err:
            send(link, encode(Answer(error=str(err))))
            return
        relay(link, asked.url, key.opening(asked.markets))


def listening(path: Path) -> socket.socket:
    """Return a listening socket at a path, its owner's alone; raises SigningError where somebody listens already."""
    _clear(path)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the socket has its mode before anybody can reach it
    try:
        link.bind(str(path))
        link.listen(WAITING)
    except OSError as err:
        link.close()
        raise SigningError(f"--socket {path}: {err.strerror or err}; allowed: a path of at most 107 bytes") from None
    finally:
        os.umask(before)
    link.settimeout(LOOK_S)
    return link


def _clear(path: Path) -> None:
    """Take away the socket of a signer that is no more."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SigningError(f"--socket {path}: is no socket; allowed: a free path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(LOOK_S)
        try:
            link.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise SigningError(f"--socket {path}: a signer listens there; allowed: one signer on a path")


def run(signer: Signer, link: socket.socket, path: Path, stop: Callable[[], bool]) -> None:
    """Answer every connection of this user until asked to stop; then ends all of them and takes the socket away."""
    open_: list[socket.socket] = []
    try:
        while not stop():
            try:
                came, _ = link.accept()
            except TimeoutError:
                continue
            if _user(came) != os.getuid():
                came.close()
                continue
            came.settimeout(None)
            open_ = [one for one in open_ if one.fileno() >= 0] + [came]
            threading.Thread(target=signer.serve, args=(came,), daemon=True).start()
    finally:
        link.close()
        path.unlink(missing_ok=True)
        for one in open_:
            with suppress(OSError):  # it may have ended by itself
                one.shutdown(socket.SHUT_RDWR)


def _user(link: socket.socket) -> int:
    """Return who is at the other end, as the operating system says."""
    _, user, _ = _CREDENTIALS.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(user)
