"""Make the certificates of a local broker when it is made: an authority, and a server that it signed.

Keys in a repository are keys that everybody has. These live as long as the broker's folder, and never leave it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=365)
SKEW = timedelta(minutes=5)  # a clock that runs a little behind must still believe it
PRIVATE = 0o600
_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def make_certificates(authority: Path, server: Path, address: str, names: Sequence[str] = ()) -> None:
    """Write the authority's certificate, and the server's key with its chain (mode 0600), both PEM, P-256, one year.

    `address` is the IP address that clients connect to, `names` by what else they call the server. The authority's own
    key is thrown away: it signs once. Raises OSError.
    """
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("polytraders local authority")
    limits = x509.BasicConstraints(ca=True, path_length=0)
    mark = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    signed_root = (
        _builder(issuer, issuer, root.public_key())
        .add_extension(limits, critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(mark, critical=False)
    )
    hosts = [x509.DNSName(name) for name in ("localhost", *names)]
    called = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address)), *hosts])
    signed = (
        _builder(_name(address), issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(called, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(mark), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    pem = serialization.Encoding.PEM
    root_pem = signed_root.sign(root, hashes.SHA256()).public_bytes(pem)
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server.touch(PRIVATE)
    server.write_bytes(key_pem + signed.sign(root, hashes.SHA256()).public_bytes(pem) + root_pem)
    authority.write_bytes(root_pem)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
