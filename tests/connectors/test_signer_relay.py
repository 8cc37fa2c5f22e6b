"""The signer holds the user channel: its secret goes to the venue alone, and frames come back as they were."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from connectors import signer_relay
from connectors.signer_client import SignerClient, SignerRefused, SignerUnavailable
from connectors.signer_relay import allowed
from tests.connectors.keyring import OWNER, PASSPHRASE, SECRET, canaries, keys_file, signing


@contextmanager
def venue(*frames: str, stay: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Run a user channel that says some frames; yields its address and what it heard."""
    heard: list[str] = []

    def talk(link: ServerConnection) -> None:
        try:
            heard.append(str(link.recv()))
            for frame in frames:
                link.send(frame)
            while stay:
                heard.append(str(link.recv()))
                link.send("PONG")
        except ConnectionClosed:
            heard.append("closed")

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws/user", heard
        server.shutdown()
        thread.join(5)


def test_frames_come_back_and_the_secret_only_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The venue hears the whole opening and our PINGs; we hear its frames, whole, and never a PONG; no log has it."""
    caplog.set_level("DEBUG")
    logging.getLogger("websockets.server").disabled = True  # the venue of this test is not what is tested
    monkeypatch.setattr(signer_relay, "PING_S", 0.05)
    monkeypatch.setattr(signer_relay, "LOOK_S", 0.02)
    with venue("[]", "x" * 200_000) as (url, heard), signing(keys_file(tmp_path)) as path:
        channel = SignerClient(path).channel("pm", "live", url, ("0xaa01",))
        assert ["[]", "x" * 200_000] == [channel.recv(5.0), channel.recv(5.0)]
        with pytest.raises(TimeoutError):
            channel.recv(0.2)
        auth = {"apiKey": OWNER, "secret": SECRET, "passphrase": PASSPHRASE}
        assert {"type": "user", "auth": auth, "markets": ["0xaa01"]} == json.loads(heard[0])
        assert "PING" in heard
        channel.close()
        for _ in range(100):
            if heard[-1] == "closed":
                break
            threading.Event().wait(0.02)
        assert "closed" == heard[-1]
    logging.getLogger("websockets.server").disabled = False
    assert not [canary for canary in canaries() if canary in caplog.text]


def test_a_channel_that_ends_is_told(tmp_path: Path) -> None:
    """When the venue leaves, the frames that came are read first, then the end is SignerUnavailable."""
    with venue("last", stay=False) as (url, _), signing(keys_file(tmp_path)) as path:
        channel = SignerClient(path).channel("pm", "live", url)
        assert "last" == channel.recv(5.0)
        with pytest.raises(SignerUnavailable):
            channel.recv(5.0)


def test_silence_ends_a_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a frame or PONG for the documented time the channel is dead, however open the socket is."""
    monkeypatch.setattr(signer_relay, "DEAD_S", 0.3)
    with venue() as (url, _), signing(keys_file(tmp_path)) as path:
        channel = SignerClient(path).channel("pm", "live", url)
        with pytest.raises(SignerUnavailable):
            channel.recv(5.0)


def test_the_secret_goes_nowhere_else(tmp_path: Path) -> None:
    """Only the venue's own address over TLS; this machine where the keys file says so; other keys open nothing."""
    own = "wss://ws-subscriptions-clob.polymarket.com/ws/user"
    assert (True, True) == (allowed(own, loopback=False), allowed("ws://127.0.0.1:1/ws/user", loopback=True))
    for url in ("ws://127.0.0.1:1/ws/user", own + "/x", own.replace("wss", "ws"), "wss://example.com/ws/user"):
        assert not allowed(url, loopback=False)
    assert not allowed("ws://127.0.0.1.example.com/ws/user", loopback=True)
    with venue() as (url, heard):
        with signing(keys_file(tmp_path, loopback=False)) as path:
            with pytest.raises(SignerRefused, match="is not the venue's"):
                SignerClient(path).channel("pm", "live", url)
            with pytest.raises(SignerRefused, match="opens no user channel"):
                SignerClient(path).channel("eoa", "live", url)
            with pytest.raises(SignerRefused, match="allowed: live"):
                SignerClient(path).channel("pm", "testnet_probe", url)
        with signing(keys_file(tmp_path)) as path, pytest.raises(SignerRefused, match="not open"):
            SignerClient(path).channel("pm", "live", "ws://127.0.0.1:1/ws/user")
        with pytest.raises(SignerUnavailable):
            SignerClient(path).channel("pm", "live", url)
        assert [] == heard
