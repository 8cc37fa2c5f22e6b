"""A real browser opens the page: nothing leaves, no dialog opens, the hostile title is text.

The browser is driven over its debugging pipe, so that every request and every dialog of the page is seen, and nothing
of what the browser asks for itself.
"""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.model import MarketView, Report
from web.report import render

HOSTILE = "<img src=x onerror=alert(1)>"
ESCAPED = "&lt;img src=x onerror=alert(1)&gt;"
SECOND = 1_000_000_000
START = 1_795_194_000 * SECOND
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 60

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine: the page was not opened in a browser"),
]


class Browser:
    """A browser at the other end of two pipes."""

    def __init__(self, profile: Path) -> None:
        """Start it with an empty profile and attach to its first tab."""
        theirs, self._write = os.pipe()
        self._read, their_end = os.pipe()
        command = f'exec "$@" 3<&{theirs} 4>&{their_end}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", str(BROWSER), *QUIET, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs, their_end), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(their_end)
        self._buffer, self._number, self._session = b"", 0, ""
        self.events: list[dict] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict:
        """Send a command and return its answer; dialogs that open meanwhile are closed at once."""
        self._send(method, params)
        number = self._number
        return self._until(lambda message: message.get("id") == number)["result"]

    def open(self, page: Path) -> str:
        """Open a file, wait until it has loaded and a little longer; return the document as it then is."""
        self.events.clear()
        self._send("Page.navigate", {"url": page.as_uri()})
        self._until(lambda message: message.get("method") == "Page.loadEventFired")
        wait = "new Promise(done => setTimeout(() => done(document.documentElement.outerHTML), 300))"
        answer = self.call("Runtime.evaluate", expression=wait, awaitPromise=True, returnByValue=True)
        return answer["result"]["value"]

    def requests(self) -> list[str]:
        """Return every address that the page asked for, its own included."""
        return [one["params"]["request"]["url"] for one in self.named("Network.requestWillBeSent")]

    def named(self, method: str) -> list[dict]:
        """Return the events of one kind."""
        return [one for one in self.events if one["method"] == method]

    def close(self) -> None:
        """End the browser that was started here."""
        self._process.terminate()
        self._process.wait(10)
        os.close(self._write)
        os.close(self._read)

    def _send(self, method: str, params: dict) -> None:
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")

    def _until(self, wanted: object) -> dict:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            while b"\0" in self._buffer:
                text, _, self._buffer = self._buffer.partition(b"\0")
                message = json.loads(text)
                if "method" in message:
                    self.events.append(message)
                    if message["method"] == "Page.javascriptDialogOpening":
                        self._send("Page.handleJavaScriptDialog", {"accept": False})
                if wanted(message):
                    return message
            if select.select([self._read], [], [], 1)[0]:
                self._buffer += os.read(self._read, 1 << 20)
        raise TimeoutError(f"the browser did not answer within {PATIENCE_S} s")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all cases."""
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page() -> str:
    """A page whose every text from outside is hostile."""
    mid = ((START, 500_000), (START + 9, 510_000))
    view = MarketView("M1", title=HOSTILE, venue_id=HOSTILE, outcome=HOSTILE, mid=mid)
    return render(Report({"run_id": HOSTILE}, (view,), desk=HOSTILE, start_ns=START, end_ns=START + 60 * SECOND))


def stored(folder: Path, page: str) -> Path:
    """Write a page down and return where."""
    path = folder / "run.html"
    path.write_text(page, encoding="utf-8")
    return path


def test_nothing_leaves_and_no_dialog_opens(browser: Browser, page: str, tmp_path: Path) -> None:
    """The browser asks for the file and its empty icon only; no dialog; the title is text; every section is there."""
    path = stored(tmp_path, page)
    document = browser.open(path)
    assert set(browser.requests()) <= {path.as_uri(), "data:,"}
    assert browser.named("Page.javascriptDialogOpening") == []
    assert browser.named("Runtime.exceptionThrown") == []
    assert "<img" not in document
    assert document.count(ESCAPED) >= 4
    for section in ("result", "markets", "votes", "reasons", "data"):
        assert f'<section id="{section}">' in document


def test_the_probe_would_notice(browser: Browser, page: str, tmp_path: Path) -> None:
    """The same look at a page without escaping and without its policy sees the request and the dialog."""
    start, _, rest = page.partition('<meta http-equiv="Content-Security-Policy"')
    broken = start + rest.partition("/>")[2].replace(ESCAPED, HOSTILE)
    path = stored(tmp_path, broken)
    browser.open(path)
    assert (tmp_path / "x").as_uri() in browser.requests()
    assert browser.named("Page.javascriptDialogOpening") != []


def test_the_policy_alone_would_stop_it(browser: Browser, page: str, tmp_path: Path) -> None:
    """Even where escaping failed, the page's own policy keeps the script from running: no dialog opens."""
    path = stored(tmp_path, page.replace(ESCAPED, HOSTILE))
    document = browser.open(path)
    assert "<img" in document
    assert browser.named("Page.javascriptDialogOpening") == []
    assert browser.named("Network.responseReceived")[-1]["params"]["response"]["url"] in (path.as_uri(), "data:,")


def test_nothing_overflows_the_window(browser: Browser, page: str, tmp_path: Path) -> None:
    """The page is never wider than the window: what is wide scrolls inside its own box."""
    browser.open(stored(tmp_path, page))
    for width in (360, 800, 1_400):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        answer = browser.call("Runtime.evaluate", expression="document.documentElement.scrollWidth", returnByValue=True)
        assert answer["result"]["value"] <= width
