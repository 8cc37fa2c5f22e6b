"""The keys file is read whole or refused with the entry that is wrong, and never with what a file holds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.errors import SigningError
from connectors.signer_keys import read_keys
from tests.connectors.keyring import SAFE, canaries, keys_file


def test_every_kind_is_read(tmp_path: Path) -> None:
    """Seven entries, each with its kind, venue, mode and account."""
    found = read_keys(keys_file(tmp_path))
    assert {"kalshi", "pm", "probe", "perp", "eoa", "safe", "deposit"} == found.keys()
    assert {"live", "testnet_probe"} == {held.entry.mode for held in found.values()}
    assert SAFE == found["safe"].facts()["maker"]


def change(old: str, new: str) -> Callable[[str], str]:
    """Return what puts one text in the place of another, once."""

    def made(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return made


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change('kind = "kalshi_rsa"', 'kind = "pgp"'), "kalshi.kind: 'pgp'"),
        (change('mode = "live"', 'mode = "paper"'), "kalshi.mode: 'paper'; allowed: live, testnet_probe"),
        (change('venue = "kalshi"', 'venue = "bitget"'), "kalshi.venue"),
        (change('account = "main"', ""), "account"),
        (change('account = "main"', 'account = "main"\nkey = "x"'), "unknown field `key`"),
        (change("{ key_id =", "{ id ="), "kalshi.refs: id, key; allowed: key_id, key"),
        (change("/kalshi.pem", "/none.pem"), "No such file"),
        (change("file:", "env:"), "file:PATH"),
        (change("/kalshi.pem", "/api.secret"), "kalshi: refs.key: holds no RSA private key"),
        (change("/kalshi.id", "/kalshi.pem"), "one line of text"),
        (change("/eoa", "/perp.pass"), "holds no usable polymarket_eoa key"),
        (change("signature_type = 0", "signature_type = 4"), "holds no usable polymarket_eoa key"),
        (change('wallet = ""', f'wallet = "{SAFE}"'), "holds no usable polymarket_eoa key"),
        (change(f'wallet = "{SAFE}"', 'wallet = ""'), "holds no usable polymarket_eoa key"),
        (change('address = "0xf39F', 'address = "0xg39F'), "address: allowed"),
        (change("/api.secret", "/kalshi.id"), "holds no usable polymarket_l2 key"),
        (change("[keys.kalshi]", "[keys.kalshi"), "allowed: \\[keys.NAME\\]"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    """The message names the entry and what is allowed; none of the canaries is in it."""
    path = keys_file(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(SigningError, match=said) as told:
        read_keys(path)
    assert not [canary for canary in canaries() if canary in str(told.value)]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Every part of a key is its owner's alone; a keys file that is missing or names nothing is refused."""
    path = keys_file(tmp_path)
    (tmp_path / "eoa").chmod(0o640)
    with pytest.raises(SigningError, match="others may read it"):
        read_keys(path)
    path.write_text("[keys]")
    with pytest.raises(SigningError, match="names no key"):
        read_keys(path)
    with pytest.raises(SigningError, match="No such file"):
        read_keys(tmp_path / "none.toml")
    path.write_bytes(b"\xff")
    with pytest.raises(SigningError, match="not text"):
        read_keys(path)
