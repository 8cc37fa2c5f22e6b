"""Ask the signer, within a time limit: for headers, signatures, or the user channel that it holds.

Signing changes nothing, so a question whose connection broke is asked once more on a new one; after that it is
SignerUnavailable, and nothing has been sent to a venue. A connection on which an answer did not come in time is closed:
the next answer on it would be to another question.
"""

import socket
import threading
from pathlib import Path

import msgspec

from connectors.polymarket_signing import ClobOrder
from connectors.signer_wire import (
    About,
    Answer,
    OpenChannel,
    Request,
    SignCcxt,
    SignClob,
    SignerRefused,
    SignerUnavailable,
    SignKalshi,
    SignLogin,
    SignOrder,
    decode_answer,
    encode,
    receive,
    send,
    wired,
)

__all__ = ["Answer", "Channel", "SignerClient", "SignerRefused", "SignerUnavailable"]
TIMEOUT_S, OPEN_S = 2.0, 8.0


class Channel:
    """Frames of a user channel that the signer holds open."""

    def __init__(self, link: socket.socket) -> None:
        """Take the connection that became the channel."""
        self._link, self._parts = link, bytearray()

    def recv(self, timeout: float | None = None) -> str:
        """Return the next frame; raises TimeoutError, and SignerUnavailable once the channel has ended."""
        self._link.settimeout(timeout)
        try:
            while (frame := self._cut()) is None:
                part = self._link.recv(1 << 16)
                if not part:
                    raise SignerUnavailable("user channel: the signer closed it")
                self._parts += part
        except TimeoutError:
            raise
        except OSError as err:
            raise SignerUnavailable(f"user channel: {err.strerror or err}") from None
        return frame

    def _cut(self) -> str | None:
        """Take a whole frame off what has come; a frame cut short waits for its rest."""
        if len(self._parts) < 4 or len(self._parts) < (size := int.from_bytes(self._parts[:4])) + 4:
            return None
        frame = bytes(self._parts[4 : size + 4]).decode("utf-8", "replace")
        del self._parts[: size + 4]
        return frame

    def close(self) -> None:
        """End the channel; the signer closes the venue's side."""
        self._link.close()


class SignerClient:
    """One connection to a signer, opened when it is needed. Safe for several threads."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Take where the signer listens, and how long an answer may take."""
        self._path, self._timeout_s = path, timeout_s
        self._link: socket.socket | None = None
        self._turn = threading.Lock()

    def about(self, key_ref: str, mode: str) -> dict[str, str]:
        """Return what is public about a key."""
        return self._ask(About(key_ref, mode)).facts

    def order(self, key_ref: str, mode: str, order: ClobOrder, *, neg_risk: bool) -> Answer:
        """Return digest and signature of an order."""
        return self._ask(SignOrder(key_ref, mode, wired(order), neg_risk))

    def login(self, key_ref: str, mode: str, timestamp_s: int, nonce: int = 0) -> dict[str, str]:
        """Return the headers of Polymarket's login."""
        return self._ask(SignLogin(key_ref, mode, timestamp_s, nonce)).headers

    def clob(self, key_ref: str, mode: str, timestamp_s: int, method: str, path: str, body: str) -> dict[str, str]:
        """Return the headers of a call of Polymarket."""
        return self._ask(SignClob(key_ref, mode, timestamp_s, method, path, body)).headers

    def kalshi(self, key_ref: str, mode: str, at_ms: int, method: str, url: str) -> dict[str, str]:
        """Return the headers of a call of Kalshi."""
        return self._ask(SignKalshi(key_ref, mode, at_ms, method, url)).headers

    def ccxt(
        self,
        key_ref: str,
        mode: str,
        path: str,
        api: list[str],
        method: str,
        params: dict[str, object],
        skew_ms: int = 0,
    ) -> Answer:
        """Return address, headers and body of a request that ccxt has built without a key."""
        raw = msgspec.Raw(msgspec.json.encode(params))
        return self._ask(SignCcxt(key_ref, mode, path, api, method, raw, skew_ms))

    def channel(self, key_ref: str, mode: str, url: str, markets: tuple[str, ...] = ()) -> Channel:
        """Return the user channel of Polymarket, on a connection of its own."""
        link = self._connect()
        link.settimeout(OPEN_S)
        try:
            _checked(self._exchange(link, OpenChannel(key_ref, mode, url, markets)))
        except (OSError, EOFError) as err:
            link.close()
            raise self._away(err) from None
        except SignerRefused:
            link.close()
            raise
        return Channel(link)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._turn:
            self._drop()

    def _ask(self, asked: Request) -> Answer:
        with self._turn:
            kept = self._link is not None
            try:
                return _checked(self._once(asked))
            except (OSError, EOFError) as err:
                if not kept or isinstance(err, TimeoutError):
                    raise self._away(err) from None
            try:
                return _checked(self._once(asked))
            except (OSError, EOFError) as err:
                raise self._away(err) from None

    def _once(self, asked: Request) -> Answer:
        try:
            if self._link is None:
                self._link = self._connect()
            return self._exchange(self._link, asked)
        except BaseException:
            self._drop()
            raise

    def _exchange(self, link: socket.socket, asked: Request) -> Answer:
        send(link, encode(asked))
        data = receive(link)
        if not data:
            raise EOFError("it closed the connection")
        try:
            return decode_answer(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise EOFError("its answer cannot be read") from None

    def _connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(self._timeout_s)
        try:
            link.connect(str(self._path))
        except OSError as err:
            link.close()
            raise self._away(err) from None
        return link

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _away(self, err: BaseException) -> SignerUnavailable:
        said = "no answer in time" if isinstance(err, TimeoutError) else getattr(err, "strerror", None) or str(err)
        return SignerUnavailable(f"signer {self._path}: {said}; start it with: pt signer")


def _checked(answer: Answer) -> Answer:
    """Return an answer that is one; raises SignerRefused with what the signer said."""
    if answer.error:
        raise SignerRefused(answer.error)
    return answer
