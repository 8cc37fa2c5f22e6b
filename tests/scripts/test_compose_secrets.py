"""The secrets of infra/compose are made once, each for its owner alone, and fit together."""

import os
import re
from pathlib import Path

import pytest
from cryptography import x509

from connectors.access import read_access
from connectors.topic_layout import principals, read_layout
from scripts import compose_secrets


def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The folder is private and so is each secret in it; the authority's certificate alone may be read."""
    folder = tmp_path / "secrets"
    names = compose_secrets.make(folder)
    assert 0o700 == folder.stat().st_mode & 0o777
    assert ["authority.pem"] == [name for name in names if (folder / name).stat().st_mode & 0o077]


def test_each_principal_has_its_own_password(tmp_path: Path) -> None:
    """Each principal of both modes has an access file and a password of its own, with which the broker is formatted."""
    folder = tmp_path / "secrets"
    compose_secrets.make(folder)
    words = (folder / "kafka_format").read_text("utf-8").splitlines()
    formatted = dict(re.findall(r"\[name=([\w.]+),password=([\w-]+)\]", "\n".join(words)))
    assert ["--cluster-id", 22] == [words[0], len(words[1])]
    known = [name for mode in ("paper", "shadow") for name in principals(read_layout(), mode)]
    assert {"admin", *known} == formatted.keys()
    assert len(formatted) == len(set(formatted.values()))
    for name, password in formatted.items():
        access = read_access(folder / f"{name}.json")
        assert ("kafka:9092", name, password) == (access.bootstrap, access.principal, access.password())
    assert "127.0.0.1:9094" == read_access(folder / "host.json").bootstrap


def test_the_certificate_is_for_the_names_of_the_broker(tmp_path: Path) -> None:
    """The server's certificate holds for the service's name, for localhost and for the loopback address."""
    folder = tmp_path / "secrets"
    compose_secrets.make(folder)
    pem = (folder / "kafka_server.pem").read_bytes()
    server = x509.load_pem_x509_certificates(pem)[0]
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ["localhost", "kafka"] == names.get_values_for_type(x509.DNSName)
    assert ["127.0.0.1"] == [str(each) for each in names.get_values_for_type(x509.IPAddress)]


def test_the_users_of_clickhouse_hold_a_digest(tmp_path: Path) -> None:
    """The default user, who has no password, is removed; ours has a digest, not the password."""
    compose_secrets.make(tmp_path / "secrets")
    users = (tmp_path / "secrets" / "clickhouse_users.xml").read_text("utf-8")
    password = (tmp_path / "secrets" / "clickhouse.password").read_text("utf-8").strip()
    assert '<default remove="1"/>' in users and password not in users
    assert re.search(r"<password_sha256_hex>[0-9a-f]{64}</password_sha256_hex>", users)


def test_it_says_what_to_write_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time it says which numbers `.env` needs; the second time it refuses and changes nothing."""
    folder = tmp_path / "secrets"
    assert 0 == compose_secrets.main([str(folder)])
    owner = os.geteuid() or compose_secrets.OWNER
    assert f"POLYTRADERS_UID={owner} " in capsys.readouterr().out
    assert {owner} == {path.stat().st_uid for path in (folder, *folder.iterdir())}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert 2 == compose_secrets.main([str(folder)])
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "exists" in capsys.readouterr().err
