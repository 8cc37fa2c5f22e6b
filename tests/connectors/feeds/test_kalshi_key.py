"""The signature of Kalshi's handshake, and a key that is never shown."""

import json
import os
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from connectors.errors import FeedError
from connectors.feeds.kalshi_key import message_of, signer
from tests.connectors.feeds.keys import KEY_ID, pem, proves, signer_of, verified

URL = "wss://external-api-ws.kalshi.com/trade-api/ws/v2"
VECTORS = Path(__file__).resolve().parents[4] / "shared" / "facts" / "kalshi_signing_vectors.json"
ENVIRON = {"ID": KEY_ID, "KEY": pem().decode()}


def test_what_is_signed_is_what_the_published_cases_sign() -> None:
    """Time, method, path without query; and their signatures verify with the same padding."""
    if not VECTORS.is_file():
        pytest.skip("no published cases beside the checkout")
    vectors = json.loads(VECTORS.read_text("utf-8"))
    public = load_pem_public_key(vectors["meta"]["public_key_pem"].encode())
    assert isinstance(public, RSAPublicKey)
    for case in vectors["cases"]:
        given, message = case["input"], case["expected"]["message"]
        assert message == message_of(int(given["timestamp_ms"]), given["method"], given["url"])
        assert proves(public, case["example_signature_base64"], message)
        assert not proves(public, case["example_signature_base64"], message + "x")


def test_headers_prove_the_key() -> None:
    """Made for a moment: another moment has another time, and both verify; the query is left out."""
    first, second = (signer_of().headers(f"{URL}?x=1", at_ns) for at_ns in (1_777_400_003_000_999_999, 5_000_000))
    assert ("1777400003000", "5") == (first["KALSHI-ACCESS-TIMESTAMP"], second["KALSHI-ACCESS-TIMESTAMP"])
    assert verified(first, "/trade-api/ws/v2") and verified(second, "/trade-api/ws/v2")


def test_a_key_is_read_by_reference(tmp_path: Path) -> None:
    """From the environment, also with its line ends spelled out, or from a file that is its owner's alone."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem())
    file.chmod(0o600)
    spelled = {**ENVIRON, "KEY": ENVIRON["KEY"].replace("\n", "\\n")}
    for ref, environ in (("env:KEY", ENVIRON), ("env:KEY", spelled), (f"file:{file}", ENVIRON)):
        assert verified(signer("env:ID", ref, environ).headers(URL, 1), "/trade-api/ws/v2")


@pytest.mark.parametrize(
    ("key_id", "key", "said"),
    [
        ("env:ID", "env:NONE", "env:NONE: is not set"),
        ("env:NONE", "env:KEY", "env:NONE: is not set"),
        ("env:KEY", "env:KEY", "key id env:KEY: holds no key id"),
        ("env:ID", "env:ID", "key env:ID: holds no RSA private key"),
        ("env:ID", "env:EC", "key env:EC: holds no RSA private key"),
        ("env:ID", "file:/nonexistent/key.pem", "No such file"),
        ("env:ID", "vault:x", "is not shown"),
        ("env:ID", "", "is not shown"),
    ],
)
def test_a_reference_that_holds_no_key_is_refused(key_id: str, key: str, said: str) -> None:
    """The message names the reference and never what it holds."""
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(FeedError) as refused:
        signer(key_id, key, {**ENVIRON, "EC": other.decode()})
    assert said in str(refused.value)
    assert "BEGIN" not in str(refused.value) and KEY_ID not in str(refused.value)


def test_a_key_given_in_place_of_its_reference_is_not_repeated() -> None:
    """A person who pastes the key itself does not find it in the message."""
    with pytest.raises(FeedError) as refused:
        signer("env:ID", ENVIRON["KEY"], ENVIRON)
    assert "PRIVATE" not in str(refused.value) and ENVIRON["KEY"][40:60] not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """It would be everybody's key."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem())
    file.chmod(mode)
    with pytest.raises(FeedError, match="others may read it; allowed: a file of mode 0600"):
        signer("env:ID", f"file:{file}", {**os.environ, **ENVIRON})


def test_a_signer_is_never_shown_compared_or_pickled() -> None:
    """Nothing that prints, stores or compares it learns anything."""
    held = signer_of()
    assert "Signer(***)" == repr(held) == str(held) == f"{held}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(held)
    with pytest.raises(TypeError, match="not compared"):
        held == held  # noqa: B015
    with pytest.raises(TypeError):
        {held}  # noqa: B018
