"""A look at programs answers about every one of them, whatever they do."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connectors.metrics import of_waiting, sample
from connectors.scrape import look, looks, metrics_of_text, target_of, unwell_of
from connectors.telemetry import LOOPBACK, Telemetry
from contracts.base import Refused

ANSWERS = {
    "rubbish": b"HTTP/1.0 200 OK\r\n\r\n\xff\xfe not text",
    "html": b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>hello {}</html>\n",
    "error": b"HTTP/1.0 500 Internal Server Error\r\n\r\n",
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
}


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Answer every connection with the same bytes."""

    class Saying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1_000)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Saying) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"{LOOPBACK}:{server.server_address[1]}"
        server.shutdown()


def test_a_program_is_seen_as_it_is() -> None:
    """Values by name and labels, and what is not well in its own words."""
    with Telemetry("market", {"version": "v"}) as telemetry:
        telemetry.watch(lambda: [*of_waiting("t", 3), sample("polytraders_frames_total", 9, lane="lane0")])
        telemetry.check("epoch", lambda: "")
        telemetry.check("store", lambda: "not open", "ready")
        found = look(f"{LOOPBACK}:{telemetry.serve()}")
    assert (True, "", {"store": "not open"}) == (found.up, found.wrong, found.unwell)
    assert {(("topic", "t"),): 3.0} == found.metrics["polytraders_waiting_records"]
    assert {(("lane", "lane0"),): 9.0} == found.metrics["polytraders_frames_total"]


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_none_of_ours_is_down(name: str) -> None:
    """Rubbish, another page, an error, another protocol and a hang-up are told as what is wrong."""
    with saying(ANSWERS[name]) as address:
        found = look(address)
    assert not found.up
    assert {} == found.metrics


def test_one_that_hangs_does_not_hold_up_the_others() -> None:
    """Three that say nothing, one that nobody listens at and one that is well: all told within one time-out."""
    silent = [socket.create_server((LOOPBACK, 0)) for _ in range(3)]
    with socket.create_server((LOOPBACK, 0)) as gone:
        closed = f"{LOOPBACK}:{gone.getsockname()[1]}"
    with Telemetry("market", {}) as telemetry:
        well = f"{LOOPBACK}:{telemetry.serve()}"
        begun = time.monotonic()
        found = looks([*(f"{LOOPBACK}:{each.getsockname()[1]}" for each in silent), closed, well], 0.5)
    assert time.monotonic() - begun < 2.0
    assert [False] * 4 + [True] == [each.up for each in found]
    assert ["timed out"] * 3 == [each.wrong for each in found[:3]]
    assert "refused" in found[3].wrong
    for each in silent:
        each.close()


def test_proxies_have_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not asked for what is on this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Telemetry("market", {}) as telemetry:
        assert look(f"{LOOPBACK}:{telemetry.serve()}").up


def test_targets() -> None:
    """An address or the URL of its metrics; anything else is refused by name."""
    for text in ("127.0.0.1:9102", "http://127.0.0.1:9102", "http://127.0.0.1:9102/metrics", "9102"):
        assert "127.0.0.1:9102" == target_of(text)
    assert "[::1]:9102" == target_of("http://[::1]:9102/")
    for wrong in ("https://h:1/metrics", "http://h/metrics", "h:0", "h:1/x", "", "http://u:p@h:1/a"):
        with pytest.raises(Refused, match="metrics"):
            target_of(wrong)


def test_what_is_no_number_is_left_out() -> None:
    """NaN and infinity are nothing that a picture or a document can hold."""
    assert {"a": {(): 1.0}} == metrics_of_text("a 1\nb NaN\nc +Inf\n")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"checks": 3}', '{"checks": null}'])
def test_readiness_that_cannot_be_read_is_not_well(text: str) -> None:
    """Unknown is not healthy."""
    assert {"/ready": "cannot be read"} == unwell_of(text)
