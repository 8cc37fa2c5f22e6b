"""No secret leaves the signer: canaries in every form, looked for in all that a submitter wrote or said."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import world
from tests.connectors.keyring import signing
from tests.flows.test_submit_crash import made_cell
from tests.flows.test_submit_mocks import keys_of, markets
from tests.venues import VenueControl, mock_venue

ACCOUNTS = {"kalshi": 8, "polymarket": 14}  # 8 keys and 14 times three parts: fifty secrets
FAULTS = ("", "F4:raise", "F6:raise", "F9:raise")
WRONGS = ("500_before", "429", "accept_and_drop", "500_after")


def secrets(mock: VenueControl, account: str) -> list[str]:
    """What nobody but the signer may hold, of one account."""
    told = mock.credentials(account)
    if mock.name == "kalshi":
        return [told["private_key_pem"].splitlines()[5]]  # one line of it: a text that no line end can hide
    return [told["private_key"].removeprefix("0x"), told["secret"], told["passphrase"]]


def forms(secret: str) -> Iterator[bytes]:
    """The forms in which a secret might leak."""
    raw = secret.encode()
    yield raw
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1]
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()


@pytest.mark.parametrize("name", list(ACCOUNTS))
def test_no_canary_is_found(name: str, tmp_path: Path) -> None:
    """Outbox, events, heartbeat, incidents, messages and tracebacks, while the venue and the process fail."""
    with mock_venue(name) as mock:
        ids, said, cells, canaries = markets(mock), "", [], list[str]()
        keys = tmp_path / "keys"
        keys.mkdir()
        accounts = [f"a{number}" for number in range(ACCOUNTS[name])]
        for account in accounts:
            said += keys_of(keys, mock, account)
            canaries += secrets(mock, account)
        (keys / "keys.toml").write_text(said)
        known = mock.ask("GET", "/_modes")
        for wrong in WRONGS:
            assert wrong in json.dumps(known), known
            mock.misbehave(wrong, times=2)
        with signing(keys / "keys.toml") as socket:
            for number, account in enumerate(accounts):
                more = {
                    "venue": name, "socket": str(socket), "key": f"calls-{account}", "markets": ids, "most": 4,
                    "wallet": f"orders-{account}" if name == "polymarket" else "", "seconds": 6,
                }  # fmt: skip
                fault = FAULTS[number % len(FAULTS)]
                cells.append(made_cell(tmp_path / "out" / account, mock.base_url, fault, number + 1, **more))
            ended = subprocess.run(
                [sys.executable, "-m", "tests.flows.submit_cells"], cwd=world.ROOT, capture_output=True, timeout=120,
                input="".join(json.dumps(cell) + "\n" for cell in cells).encode(), check=False,
            )  # fmt: skip
    codes = {json.loads(line)["code"] for line in ended.stdout.splitlines()}
    assert {3} < codes  # some were broken, some were not
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    written = {str(path.relative_to(tmp_path)): path.read_bytes() for path in files}
    written |= {"stdout": ended.stdout, "stderr": ended.stderr}
    assert len(files) > 2 * len(accounts)
    found = [
        (where, canary)
        for canary in canaries
        for form in forms(canary)
        for where, data in written.items()
        if form in data
    ]
    assert ([], ACCOUNTS[name] * (1 if name == "kalshi" else 3)) == (found, len(canaries))
    held = [path.read_bytes() for path in keys.iterdir()]
    assert all(any(canary.encode() in data for data in held) for canary in canaries)  # the search finds what is there
