"""`pt submit` refuses what it may not be before anything is opened, and sends what a desk signed to a venue."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors.faults import VARIABLE
from connectors.inbox import line_of
from connectors.orders import record_of_order
from contracts.base import write
from contracts.ids import order_salt
from operators.last_gate import Quote
from tests import world
from tests.connectors.keyring import signing
from tests.connectors.signed_keys import DESK, SCOPE
from tests.connectors.venues.wired import entry
from tests.flows.submitting import id_of, order_row
from tests.venues import mock_venue

runner = CliRunner()
TICKER = "KXHIGHNY-26NOV20-T45"


def words(folder: Path, **over: str) -> list[str]:
    """Return what one types for a submitter on paper; `over` changes options, an empty one leaves it out."""
    for name in ("markets", "quotes"):
        (folder / name).touch()
    said = {
        "venue": "kalshi=http://127.0.0.1:1", "mode": "paper", "account": "main", "outbox": str(folder / "paper"),
        "veto": str(folder / "veto"), "markets": str(folder / "markets"), "quotes": str(folder / "quotes"),
        "signer": str(folder / "socket"), "key": "calls", "orders": f"lab={folder / 'orders'}",
        "order-key": "=".join(DESK.public),
    } | {name.replace("_", "-"): text for name, text in over.items()}  # fmt: skip
    return ["submit", *(part for name, text in said.items() if text for part in (f"--{name}", text))]


def pt(*words: str) -> tuple[int, str, str]:
    """Run `pt`; return its exit code, standard output and standard error."""
    found = runner.invoke(app, list(words))
    return found.exit_code, found.stdout, found.stderr


@contextmanager
def quoting(path: Path) -> Iterator[None]:
    """Append a quote of the market every 50 ms, as a feed would."""
    ended = threading.Event()

    def feed() -> None:
        while not ended.wait(0.05):
            said = {"market_id": TICKER} | Quote(41, 44, 10, 10, time.time_ns())._asdict()
            with path.open("a") as stream:
                stream.write(json.dumps(said) + "\n")

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"venue": ""}, "--venue is missing"),
        ({"veto": ""}, "--veto is missing"),
        ({"mode": "demo"}, "--mode 'demo'; allowed: paper, testnet_probe, live"),
        ({"venue": "bourse"}, "--venue bourse: its execution is not implemented"),
        ({"orders": ""}, "--orders or --topic is missing"),
        ({"order_key": ""}, "--order-key is missing"),
        ({"orders": "lab"}, "--orders lab; allowed: NAME=VALUE"),
        ({"daily_loss": "1.5"}, "--daily-loss '1.5'"),
        ({"max_notional": "NaN"}, "--max-notional 'NaN'"),
        ({"max_open": "0"}, "--max-open '0'"),
        ({"outbox": "runs/live/x"}, "--outbox runs/live/x: mode paper; allowed: a path without a folder `live`"),
        ({"mode": "live", "series_tickers": "KX", "state": "s"}, "allowed: a path with a folder `live` in it"),
        ({"mode": "live", "outbox": "runs/live/x", "state": "s"}, "live needs one that names something"),
        ({"mode": "live", "outbox": "runs/live/x", "market_ids": "M"}, "--state is missing"),
        ({"topic": "lab=0"}, "--bootstrap or --access"),
    ],
)
def test_what_it_may_not_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: dict, said: str) -> None:
    """Exit 2, one line that names the option and what is allowed, and nothing written."""
    monkeypatch.chdir(tmp_path)
    code, out, err = pt(*words(tmp_path, **over))
    assert (2, "", 1, said in err) == (code, out, len(err.splitlines()), True), err
    assert {"markets", "quotes"} == {path.name for path in tmp_path.iterdir()}


def test_live_allows_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which a place is set to break does not start in live."""
    monkeypatch.setenv(VARIABLE, "F6:kill")
    live = {"mode": "live", "outbox": "runs/live/x", "market_ids": "M", "state": "s"}
    code, _, err = pt(*words(tmp_path, **live))
    assert (2, True) == (code, VARIABLE in err)


@pytest.mark.parametrize(("mode", "url"), [("paper", ""), ("paper", "https://a.b"), ("testnet_probe", "https://a.b")])
def test_a_mode_reaches_no_further_than_it_may(tmp_path: Path, mode: str, url: str) -> None:
    """Paper stays on this machine, a probe on the venue's test network."""
    said = words(tmp_path, mode=mode, venue=f"kalshi={url}" if url else "kalshi")
    (tmp_path / "markets").write_bytes(write(world.definition(market_id=TICKER)) + b"\n")
    code, _, err = pt(*said)
    assert (2, True) == (code, f"mode {mode}" in err and "allowed" in err)


def test_an_order_goes_from_a_desk_to_a_venue(tmp_path: Path) -> None:
    """Signed by the desk, asked everything again, signed for the venue, resting there; the banner says what ran."""
    with mock_venue("kalshi") as mock:
        mock.book(TICKER, bids=[["0.41", "10"]], asks=[["0.44", "17"]])
        parts = {"key_id": mock.keys["key_id"], "key": mock.keys["private_key_pem"]}
        head = 'kind = "kalshi_rsa"\nvenue = "kalshi"\n'
        text = entry(tmp_path, "calls", head, parts).replace('"live"', '"testnet_probe"', 1)
        (tmp_path / "keys.toml").write_text(text)
        said = words(tmp_path, venue=f"kalshi={mock.base_url}", series_tickers="KXHIGHNY")
        (tmp_path / "markets").write_bytes(write(world.definition(market_id=TICKER)) + b"\n")
        key = id_of(order_row(1, 0))
        row = order_row(1, time.time_ns(), TICKER, price_ticks=40, salt=order_salt(key))
        (tmp_path / "orders").write_bytes(line_of(record_of_order(row, DESK, SCOPE)))
        with signing(tmp_path / "keys.toml") as socket, quoting(tmp_path / "quotes"):
            time.sleep(0.1)
            place = said.index("--signer") + 1
            code, out, err = pt(*said[:place], str(socket), *said[place + 1 :], "--until-idle", "--json")
        answer = json.loads(out)
        assert (0, 1) == (code, answer["counts"]["admitted"])
        assert answer["counts"]["sent"] == len(mock.state()["orders"]) == 1, answer
    for part in ("mode PAPER", "series KXHIGHNY", "5 orders and $2,000.00 in 60 s", "10 % of the day's first equity"):
        assert part in err
    assert "OK" == json.loads((tmp_path / "paper" / "heartbeat.json").read_text())["status"]
