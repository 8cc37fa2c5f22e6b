"""Make a keys file with throw-away keys and canaries, and run a signer on it in a thread."""

import tempfile
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.signer import Signer, listening, run
from connectors.signer_client import SignerClient
from connectors.signer_keys import read_keys

DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SAFE = "0xd93B25cb943D14d0d34FBaF01Fc93a0f8b5F6E47"
DEPOSIT = "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50"
OWNER = "00000000-0000-4000-8000-000000000001"
SECRET = urlsafe_b64encode(b"canary-hmac-5e1f0c".ljust(32, b"!")).decode()
PASSPHRASE, PERP_SECRET = "canary-passphrase-77aa", "canary-perp-secret-19cd"


@cache
def rsa() -> RSAPrivateKey:
    """Return one RSA key for the whole process; making one takes a while."""
    return generate_private_key(65_537, 2_048)


def canaries() -> list[str]:
    """Return every secret of the keys file, in the forms in which one might leak."""
    pem = rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    plain = [DEVELOPMENT_KEY[2:], SECRET, PASSPHRASE, PERP_SECRET, pem.splitlines()[5]]
    return [*plain, *(text.encode().hex() for text in plain)]


def keys_file(folder: Path, *, loopback: bool = True) -> Path:
    """Write every part of every key into a folder, and the keys file that names them."""
    pem = rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    parts = {
        "kalshi.id": "5f0c-id",
        "kalshi.pem": pem,
        "eoa": DEVELOPMENT_KEY,
        "api.key": OWNER,
        "api.secret": SECRET,
        "api.pass": PASSPHRASE,
        "perp.key": "perp-key-id",
        "perp.secret": PERP_SECRET,
        "perp.pass": PASSPHRASE,
    }
    for name, text in parts.items():
        (folder / name).touch(0o600)
        (folder / name).write_text(text + "\n")
    said = f"""
[keys.kalshi]
kind = "kalshi_rsa"
venue = "kalshi"
mode = "live"
account = "main"
refs = {{ key_id = "file:{folder}/kalshi.id", key = "file:{folder}/kalshi.pem" }}
[keys.pm]
kind = "polymarket_l2"
venue = "polymarket"
mode = "live"
account = "main"
address = "{ADDRESS}"
loopback = {str(loopback).lower()}
refs.api_key = "file:{folder}/api.key"
refs.secret = "file:{folder}/api.secret"
refs.passphrase = "file:{folder}/api.pass"
[keys.probe]
kind = "ccxt"
venue = "bitget"
mode = "testnet_probe"
account = "main"
refs.api_key = "file:{folder}/perp.key"
refs.secret = "file:{folder}/perp.secret"
refs.password = "file:{folder}/perp.pass"
[keys.perp]
kind = "ccxt"
venue = "binance"
mode = "live"
account = "main"
refs = {{ api_key = "file:{folder}/perp.key", secret = "file:{folder}/perp.secret" }}
"""
    for name, wallet, number in (("eoa", "", 0), ("safe", SAFE, 2), ("deposit", DEPOSIT, 3)):
        said += f"""
[keys.{name}]
kind = "polymarket_eoa"
venue = "polymarket"
mode = "live"
account = "main"
wallet = "{wallet}"
signature_type = {number}
refs = {{ key = "file:{folder}/eoa" }}
"""
    path = folder / "keys.toml"
    path.write_text(said)
    return path


@contextmanager
def signing(keys: Path) -> Iterator[Path]:
    """Run a signer, and return where it listens; the path is short, since a socket's may not be long."""
    with tempfile.TemporaryDirectory(prefix="pt") as folder:
        path, over = Path(folder) / "s", threading.Event()
        link = listening(path)
        thread = threading.Thread(target=run, args=(Signer(read_keys(keys)), link, path, over.is_set))
        thread.start()
        try:
            yield path
        finally:
            over.set()
            thread.join(5)


@contextmanager
def client(folder: Path) -> Iterator[SignerClient]:
    """Run a signer with every key, and return who asks it."""
    with signing(keys_file(folder)) as path:
        asks = SignerClient(path)
        yield asks
        asks.close()
