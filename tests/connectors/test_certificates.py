"""The certificates of a local broker are signed by its own authority, for its address, for a year."""

import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.certificates import SKEW, VALID, make_certificates


def test_the_server_is_signed_for_its_address(tmp_path: Path) -> None:
    """The chain is server, then authority; the name is the address; the key belongs to the certificate."""
    authority, server = tmp_path / "authority.pem", tmp_path / "server.pem"
    make_certificates(authority, server, "127.0.0.1")
    leaf, root = x509.load_pem_x509_certificates(server.read_bytes())
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [ip_address("127.0.0.1")] == names.get_values_for_type(x509.IPAddress)
    assert root == x509.load_pem_x509_certificate(authority.read_bytes())
    assert VALID + SKEW == leaf.not_valid_after_utc - leaf.not_valid_before_utc >= timedelta(days=365)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server)
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_no_key_is_made_twice_and_the_server_s_is_private(tmp_path: Path) -> None:
    """Two brokers share nothing; the key's file is its owner's; the authority's key is nowhere."""
    for name in ("a", "b"):
        make_certificates(tmp_path / f"{name}.pem", tmp_path / f"{name}_server.pem", "127.0.0.1")
    assert (tmp_path / "a.pem").read_bytes() != (tmp_path / "b.pem").read_bytes()
    assert 0o600 == (tmp_path / "a_server.pem").stat().st_mode & 0o777
    assert b"PRIVATE" not in (tmp_path / "a.pem").read_bytes()
    assert 1 == (tmp_path / "a_server.pem").read_bytes().count(b"BEGIN PRIVATE KEY")
