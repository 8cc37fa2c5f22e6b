"""The crash matrix through the real connectors and a signer, at mock venues that somebody else wrote."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from connectors import faults
from connectors.outbox import Event, Outbox
from operators import outbox
from tests.connectors.keyring import signing
from tests.connectors.venues.wired import entry
from tests.flows.test_submit_crash import ACTIONS, RECOVERY_S, made_cell, run_cells
from tests.venues import VenueControl, mock_venue

CELLS = [(name, action) for name in faults.POINTS for action in ACTIONS]


def markets(mock: VenueControl) -> list[str]:
    """Return two or three markets of a mock, with a street at 41 to 44."""
    first, second = mock.state()["markets"][:2]
    if mock.name == "kalshi":
        found = [first, second, mock.market(market="KXRAIN-26DEC31-A2")]
    else:
        found = [each["t"] for each in mock.ask("GET", f"/clob-markets/{first}")["t"]]
    for each in found:
        mock.book(each, bids=[["0.41", "10"]], asks=[["0.44", "17"]])
    return found


def keys_of(folder: Path, mock: VenueControl, account: str) -> str:
    """Open an account and return the entries of its keys."""
    told = mock.credentials(account)
    if mock.name == "kalshi":
        parts = {"key_id": told["key_id"], "key": told["private_key_pem"]}
        return entry(folder, f"calls-{account}", 'kind = "kalshi_rsa"\nvenue = "kalshi"\n', parts)
    head = 'kind = "polymarket_eoa"\nvenue = "polymarket"\nwallet = ""\nsignature_type = 0\n'
    said = entry(folder, f"orders-{account}", head, {"key": told["private_key"]})
    head = f'kind = "polymarket_l2"\nvenue = "polymarket"\naddress = "{told["address"]}"\nloopback = true\n'
    parts = {part: told[part] for part in ("api_key", "secret", "passphrase")}
    return said + entry(folder, f"calls-{account}", head, parts)


@contextmanager
def cells_at(name: str, base: Path, times: int = 1) -> Iterator[tuple[VenueControl, list[dict]]]:
    """Run a mock and a signer with an account for every cell; yields the mock and the cells."""
    with mock_venue(name) as mock:
        base.mkdir(parents=True, exist_ok=True)
        ids, said, cells = markets(mock), "", []
        drawn = [(each, n) for n in range(times) for each in CELLS]
        accounts = [(f"{fault}-{action[:4]}-{n}", f"{fault}:{action}") for (fault, action), n in drawn]
        for account, _ in accounts:
            said += keys_of(base, mock, account)
        (base / "keys.toml").write_text(said)
        with signing(base / "keys.toml") as socket:
            for number, (account, fault) in enumerate(accounts):
                more = {
                    "venue": name, "socket": str(socket), "key": f"calls-{account}", "markets": ids, "most": 6,
                    "wallet": f"orders-{account}" if name == "polymarket" else "", "seconds": 30,
                }  # fmt: skip
                cells.append(made_cell(base / account, mock.base_url, fault, number + 1, **more))
            yield mock, cells


def check_mock(name: str, base: Path, times: int = 1) -> float:
    """Break a submitter in every cell, begin it again, and count at the mock; returns the longest recovery."""
    with cells_at(name, base, times) as (mock, cells):
        broken = run_cells(cells)
        for cell in cells:
            action = cell["fault"].partition(":")[2].partition(":")[0]
            code = broken[cell["folder"]]["code"]
            assert (cell["fault"], {"kill": -9, "raise": 3, "hang": 0}[action]) == (cell["fault"], code)
        again = run_cells([{**cell, "fault": ""} for cell in cells])
        for cell in cells:
            assert (cell["fault"], 0) == (cell["fault"], again[cell["folder"]]["code"])
            box = Outbox(Path(cell["folder"]) / "outbox", "paper", cell["account"])
            rows = [box.row(each) for each in cell["ids"]]
            box.close()
            lines = Path(cell["folder"], "events.jsonl").read_bytes().splitlines()
            words = [msgspec.json.decode(line, type=Event).said.event for line in lines]
            theirs = mock.state(account=cell["account"])["orders"]
            theirs = theirs.values() if isinstance(theirs, dict) else theirs
            text = json.dumps(list(theirs))
            assert (cell["fault"], [outbox.LIVE] * len(rows), ["ACK"] * len(rows)) == (
                cell["fault"],
                [r.state for r in rows],
                words,
            )
            assert (cell["fault"], [1] * len(rows)) == (
                cell["fault"],
                [text.count(r.venue_order_id) >= 1 for r in rows],
            )
        effective = mock.state()["effective_orders"]
        sent = sum(len(cell["ids"]) for cell in cells)
        assert sent == (effective if isinstance(effective, int) else len(effective)), effective
        longest = max(each["seconds"] for each in again.values())
        print(f"{name}: {len(cells)} cells, {sent} orders, longest recovery {longest} s")
        return longest


@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
def test_every_cell_at_a_mock(tmp_path: Path, name: str) -> None:
    """Every place, broken three ways, at each mock: each order is effective once, and recovery takes 10 s at most."""
    assert check_mock(name, tmp_path / name) <= RECOVERY_S


@pytest.mark.soak
@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
def test_every_cell_at_a_mock_fifty_times(tmp_path: Path, name: str) -> None:
    """The same fifty times."""
    assert max(check_mock(name, tmp_path / f"{name}{n}") for n in range(50)) <= RECOVERY_S
