"""Read which keys the signer holds, and keep each behind the few things that it may be used for.

The keys file says in TOML, for each reference, what the key is and where its parts are; it holds no key:

    [keys.kalshi-main]
    kind = "kalshi_rsa"
    venue = "kalshi"
    mode = "live"
    account = "main"
    refs = { key_id = "file:/etc/polytraders/kalshi.id", key = "file:/etc/polytraders/kalshi.pem" }

    kind            refs                          beside them
    kalshi_rsa      key_id, key (PEM)
    polymarket_eoa  key (hexadecimal)             wallet (who holds the funds), signature_type (0 to 3)
    polymarket_l2   api_key, secret, passphrase   address (of the key's owner); loopback = true lets the user channel,
                                                  whose first frame holds the secret, be one of this machine
    ccxt            api_key, secret, password     venue bitget or binance

A mode is live or testnet_probe: paper and shadow have no signatures. Every part of a key is a file, its owner's alone.
"""

import tomllib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address
from msgspec import Struct

from connectors.ccxt_signing import CcxtKey
from connectors.errors import SigningError
from connectors.feeds.kalshi_key import Signer as KalshiSigner
from connectors.polymarket_signing import ClobOrder, hashed, prehash, sign_call, sign_login, sign_order, where_of
from connectors.secret_refs import Secret, held
from connectors.signer_paths import CCXT, KALSHI, POLYMARKET, may
from connectors.signer_wire import SignerRefused
from contracts import polymarket as venue

MODES = ("live", "testnet_probe")
_ID_MAX = 128


class KeyEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the keys file."""

    kind: str
    venue: str
    mode: str
    account: str
    refs: dict[str, str]
    wallet: str = ""
    signature_type: int = 0
    address: str = ""
    loopback: bool = False


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    keys: dict[str, KeyEntry]


class KalshiKey(Secret):
    """Signs calls of Kalshi."""

    __slots__ = ("_key_id", "_public", "_signer")

    def __init__(self, key_id: str, key: RSAPrivateKey) -> None:
        """Take the key's id and the key."""
        self._key_id, self._signer = key_id, KalshiSigner(key_id, key)
        self._public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def facts(self) -> dict[str, str]:
        """Return what is public."""
        return {"key_id": self._key_id, "fingerprint": sha256(self._public).hexdigest()}

    def headers(self, at_ms: int, method: str, url: str) -> dict[str, str]:
        """Return the headers of a call; raises SignerRefused for a path that is not signed."""
        path = urlsplit(url).path
        if not may(KALSHI, method, path):
            raise SignerRefused(f"kalshi: {method[:8]} {path[:80]} is not signed; allowed: orders, and what is read")
        return self._signer.headers(path, at_ms * 1_000_000, method)


class WalletKey(Secret):
    """Signs orders and the login of Polymarket, for one wallet."""

    __slots__ = ("_key", "_type", "_wallet")

    def __init__(self, key: LocalAccount, wallet: str, signature_type: int) -> None:
        """Take the key, who holds the funds, and the kind of that wallet; raises ValueError for what does not fit."""
        own = signature_type == venue.EOA
        if signature_type not in range(4) or not (is_address(wallet) or (own and not wallet)):
            raise ValueError("wallet or signature_type")
        if own and wallet and to_checksum_address(wallet) != key.address:
            raise ValueError("wallet is not the key's own address")
        self._key, self._type = key, signature_type
        self._wallet = to_checksum_address(wallet) if wallet else str(key.address)

    def facts(self) -> dict[str, str]:
        """Return what is public."""
        owner = self._wallet if self._type == venue.POLY_1271 else str(self._key.address)
        return {
            "address": str(self._key.address),
            "maker": self._wallet,
            "signer": owner,
            "signature_type": str(self._type),
            "fingerprint": sha256(str(self._key.address).encode()).hexdigest(),
        }

    def order(self, order: ClobOrder, neg_risk: bool) -> tuple[str, str]:
        """Return digest and signature; raises SignerRefused for another wallet, no builder, or what is no order."""
        facts = self.facts()
        mine = (facts["maker"], facts["signer"], self._type)
        if (order.maker, order.signer, order.signature_type) != mine:
            raise SignerRefused("order: maker, signer or signature type is not this key's")
        if order.builder == venue.ZERO_BYTES32:
            raise SignerRefused("order: the builder code is empty; allowed: whose flow this is")
        if venue.is_combo_position(order.token_id):
            raise SignerRefused("order: a token of a combination; allowed: standard and neg-risk markets")
        where = where_of(neg_risk)
        return "0x" + hashed(order, where).digest.hex(), sign_order(order, where, self._key)

    def login(self, timestamp_s: int, nonce: int) -> dict[str, str]:
        """Return the headers by which an API key is made or found."""
        address = str(self._key.address)
        return {
            "POLY_ADDRESS": address,
            "POLY_SIGNATURE": sign_login(address, timestamp_s, nonce, venue.CHAIN_ID, self._key),
            "POLY_TIMESTAMP": str(timestamp_s),
            "POLY_NONCE": str(nonce),
        }


class ApiKey(Secret):
    """Signs calls of Polymarket's trading interface."""

    __slots__ = ("_address", "_key", "_passphrase", "_secret")

    def __init__(self, address: str, key: str, secret: str, passphrase: str) -> None:
        """Take who the key belongs to, and its three parts; raises ValueError for a secret of another alphabet."""
        sign_call(secret, "")
        self._address, self._key, self._secret, self._passphrase = address, key, secret, passphrase

    def facts(self) -> dict[str, str]:
        """Return what is public: the id travels in every order as its owner."""
        return {"address": self._address, "owner": self._key, "fingerprint": sha256(self._key.encode()).hexdigest()}

    def headers(self, timestamp_s: int, method: str, path: str, body: str) -> dict[str, str]:
        """Return the headers of a call; raises SignerRefused for a path that is not signed."""
        if not may(POLYMARKET, method, path):
            what = f"{method[:8]} {path[:80]}"
            raise SignerRefused(f"polymarket: {what} is not signed; allowed: orders, and what is read")
        return {
            "POLY_ADDRESS": self._address,
            "POLY_API_KEY": self._key,
            "POLY_PASSPHRASE": self._passphrase,
            "POLY_TIMESTAMP": str(timestamp_s),
            "POLY_SIGNATURE": sign_call(self._secret, prehash(timestamp_s, method, path, body)),
        }

    def opening(self, markets: tuple[str, ...]) -> str:
        """Return the first frame of the user channel; it holds the secret and goes to the venue and nowhere else."""
        auth = {"apiKey": self._key, "secret": self._secret, "passphrase": self._passphrase}
        frame: dict[str, object] = {"type": "user", "auth": auth}
        return msgspec.json.encode(frame | ({"markets": list(markets)} if markets else {})).decode()


Key = KalshiKey | WalletKey | ApiKey | CcxtKey


class Held:
    """A key and what its entry says."""

    __slots__ = ("entry", "key")

    def __init__(self, entry: KeyEntry, key: Key) -> None:
        """Take both."""
        self.entry, self.key = entry, key

    def facts(self) -> dict[str, str]:
        """Return what is public."""
        entry = self.entry
        said = {"kind": entry.kind, "venue": entry.venue, "mode": entry.mode, "account": entry.account}
        return said | self.key.facts()


def read_keys(path: Path) -> dict[str, Held]:
    """Return every key of a keys file; raises SigningError naming the entry and field, and never what a file holds."""
    try:
        read = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, UnicodeDecodeError) as err:
        raise SigningError(f"{path}: {getattr(err, 'strerror', None) or 'not text'}; allowed: a keys file") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as err:
        raise SigningError(f"{path}: {err}; allowed: [keys.NAME] with kind, venue, mode, account, refs") from None
    if not read.keys:
        raise SigningError(f"{path}: names no key")
    return {name: _held(name, entry) for name, entry in read.keys.items()}


def _held(name: str, entry: KeyEntry) -> Held:
    kind = _KINDS.get(entry.kind)
    if kind is None:
        raise SigningError(f"{name}.kind: {entry.kind[:40]!r}; allowed: {', '.join(_KINDS)}")
    venues, wanted, make = kind
    if entry.mode not in MODES:
        raise SigningError(f"{name}.mode: {entry.mode[:40]!r}; allowed: {', '.join(MODES)}")
    if entry.venue not in venues:
        raise SigningError(f"{name}.venue: {entry.venue[:40]!r}; allowed: {', '.join(venues)}")
    if not set(wanted) <= entry.refs.keys() <= {*wanted, *_OPTIONAL.get(entry.kind, ())}:
        raise SigningError(f"{name}.refs: {', '.join(sorted(entry.refs))[:80]}; allowed: {', '.join(wanted)}")
    parts = {part: held(ref, SigningError) for part, ref in entry.refs.items()}
    try:
        return Held(entry, make(entry, parts))
    except SigningError as err:
        raise SigningError(f"{name}: {err}") from None
    except Exception as err:  # whatever a library says of a key may hold the key
        raise SigningError(f"{name}: holds no usable {entry.kind} key ({type(err).__name__})") from None


def _line(parts: Mapping[str, bytes], name: str) -> str:
    """Return a part that is one line of text."""
    text = parts[name].decode("ascii").strip()
    if not text or len(text) > _ID_MAX or not text.isprintable() or "BEGIN" in text:
        raise SigningError(f"refs.{name}: allowed: one line of text")
    return text


def _kalshi(entry: KeyEntry, parts: Mapping[str, bytes]) -> Key:
    try:
        key = load_pem_private_key(parts["key"], password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise SigningError("refs.key: holds no RSA private key; allowed: PEM without a password")
    return KalshiKey(_line(parts, "key_id"), key)


def _wallet(entry: KeyEntry, parts: Mapping[str, bytes]) -> Key:
    account: LocalAccount = Account.from_key(_line(parts, "key"))
    return WalletKey(account, entry.wallet, entry.signature_type)


def _api(entry: KeyEntry, parts: Mapping[str, bytes]) -> Key:
    if not is_address(entry.address):
        raise SigningError("address: allowed: the address of the key that made this one")
    address = to_checksum_address(entry.address)
    return ApiKey(address, _line(parts, "api_key"), _line(parts, "secret"), _line(parts, "passphrase"))


def _ccxt(entry: KeyEntry, parts: Mapping[str, bytes]) -> Key:
    password = _line(parts, "password") if "password" in parts else ""
    live = entry.mode == "live"
    return CcxtKey(entry.venue, _line(parts, "api_key"), _line(parts, "secret"), password, live=live)


_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[KeyEntry, Mapping[str, bytes]], Key]]] = {
    "kalshi_rsa": (("kalshi",), ("key_id", "key"), _kalshi),
    "polymarket_eoa": ((venue.VENUE_ID,), ("key",), _wallet),
    "polymarket_l2": ((venue.VENUE_ID,), ("api_key", "secret", "passphrase"), _api),
    "ccxt": (tuple(CCXT), ("api_key", "secret"), _ccxt),
}
_OPTIONAL = {"ccxt": ("password",)}
