"""A way into a broker is whole or refused, and gives both clients the same identity."""

from pathlib import Path

import pytest

from connectors.access import Access, kafka_python, librdkafka, read_access
from contracts.base import Refused


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a password file of mode 0600."""
    path = tmp_path / "paper.market.password"
    path.touch(0o600)
    path.write_text("hush\n")
    return path


def test_an_open_door_needs_an_address_only() -> None:
    """Without a principal neither client is told to be secure, and no file is read."""
    assert {"bootstrap_servers": ["a:1", "b:2"]} == kafka_python(Access("a:1,b:2"))
    assert {"bootstrap.servers": "a:1,b:2"} == librdkafka(Access("a:1,b:2"))


def test_both_clients_get_the_same_identity(secret: Path) -> None:
    """Principal, password, mechanism, authority and address are equal in the words of the one and of the other."""
    access = Access("a:1", "paper.market", str(secret), "ca.pem")
    ours, theirs = kafka_python(access), librdkafka(access)
    pairs = {
        "security_protocol": "security.protocol",
        "sasl_mechanism": "sasl.mechanism",
        "sasl_plain_username": "sasl.username",
        "sasl_plain_password": "sasl.password",
        "ssl_cafile": "ssl.ca.location",
    }
    assert [ours[one] for one in pairs] == [theirs[other] for other in pairs.values()]
    assert ("SASL_SSL", "hush") == (theirs["security.protocol"], theirs["sasl.password"])


def test_the_secret_is_not_part_of_the_access(secret: Path) -> None:
    """What is passed about, shown and stored names the file of the password, never the password."""
    assert "hush" not in repr(Access("a:1", "paper.market", str(secret), "ca.pem"))


@pytest.mark.parametrize("given", [("a:1", "paper.market"), ("a:1", "", "file"), ("",)])
def test_half_an_identity_is_refused(given: tuple[str, ...]) -> None:
    """A principal without a password would be open by accident."""
    with pytest.raises(ValueError, match="allowed"):
        Access(*given)


def test_a_password_that_others_may_read_is_refused(secret: Path) -> None:
    """Mode 0644 is named, and what is allowed."""
    secret.chmod(0o644)
    with pytest.raises(Refused, match="others may read it; allowed: mode 0600"):
        Access("a:1", "paper.market", str(secret), "ca.pem").password()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff"])
def test_an_unusable_password_is_refused(secret: Path, content: bytes) -> None:
    """An empty file, or one that is no text, names itself."""
    secret.write_bytes(content)
    with pytest.raises(Refused, match=r"market\.password"):
        Access("a:1", "paper.market", str(secret), "ca.pem").password()


def test_an_access_file_finds_its_files_beside_it(tmp_path: Path, secret: Path) -> None:
    """Relative names are those beside the file, wherever the program was started."""
    path = tmp_path / "market.json"
    path.write_text(
        '{"bootstrap":"a:1","principal":"paper.market","password_file":"paper.market.password","ca_file":"ca.pem"}'
    )
    found = read_access(path)
    assert ("hush", str(tmp_path / "ca.pem")) == (found.password(), found.ca_file)


@pytest.mark.parametrize("text", ["", "[]", '{"bootstrap":"a:1","password":"hush"}', '{"bootstrap":""}'])
def test_a_wrong_access_file_is_refused(tmp_path: Path, text: str) -> None:
    """No JSON, unknown fields (a password among them) and no address: refused, naming the file."""
    path = tmp_path / "access.json"
    path.write_text(text)
    with pytest.raises(Refused, match=r"access\.json"):
        read_access(path)


def test_a_missing_access_file_is_refused(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(Refused, match=r"none\.json: cannot be read"):
        read_access(tmp_path / "none.json")
