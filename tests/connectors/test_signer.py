"""The signer signs what it may, for the mode of the key, and refuses the rest without ever showing a key."""

import os
import socket
import stat
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec.structs import replace

from connectors import signer as signer_module
from connectors.errors import SigningError
from connectors.polymarket_signing import ClobOrder, hashed, prehash, sign_call, sign_login, sign_order, where_of
from connectors.signer import listening
from connectors.signer_client import SignerClient, SignerRefused, SignerUnavailable
from connectors.signer_keys import read_keys
from connectors.signer_wire import decode_answer, receive, send
from contracts import polymarket
from tests.connectors.keyring import (
    ADDRESS,
    DEPOSIT,
    OWNER,
    PASSPHRASE,
    SAFE,
    SECRET,
    canaries,
    client,
    keys_file,
    rsa,
    signing,
)
from tests.connectors.test_polymarket_signing import KEY

BUILDER = "0x" + "18" * 32
TOKEN = 67248733773426515003995316186829125729512840798697771987895352658851592189403
ORDER = ClobOrder(
    9, ADDRESS, ADDRESS, TOKEN, 55_000_000, 100_000_000, 0, 0, 1_777_400_000_000, polymarket.ZERO_BYTES32, BUILDER
)


@pytest.fixture(scope="module")
def asks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignerClient]:
    """Return who asks a signer with every kind of key."""
    with client(tmp_path_factory.mktemp("keys")) as found:
        yield found


def test_an_order_is_signed_by_its_wallets_key(asks: SignerClient) -> None:
    """For an EOA, a Safe and a deposit wallet the answer is digest and signature of exactly that order."""
    for name, maker, signs, kind in (
        ("eoa", ADDRESS, ADDRESS, 0),
        ("safe", SAFE, ADDRESS, 2),
        ("deposit", DEPOSIT, DEPOSIT, 3),
    ):
        order = replace(ORDER, maker=maker, signer=signs, signature_type=kind)
        for neg_risk in (False, True):
            answer, where = asks.order(name, "live", order, neg_risk=neg_risk), where_of(neg_risk)
            assert "0x" + hashed(order, where).digest.hex() == answer.digest
            assert sign_order(order, where, KEY) == answer.signature


def test_calls_and_logins_are_signed(asks: SignerClient) -> None:
    """The headers of Polymarket are those of the vectors' functions; the login is the owner's."""
    body = '{"heartbeat_id":""}'
    headers = asks.clob("pm", "live", 1_777_400_104, "POST", "/v1/heartbeats", body)
    assert {
        "POLY_ADDRESS": ADDRESS,
        "POLY_API_KEY": OWNER,
        "POLY_PASSPHRASE": PASSPHRASE,
        "POLY_TIMESTAMP": "1777400104",
        "POLY_SIGNATURE": sign_call(SECRET, prehash(1_777_400_104, "POST", "/v1/heartbeats", body)),
    } == headers
    login = asks.login("eoa", "live", 1_777_400_000, 3)
    assert sign_login(ADDRESS, 1_777_400_000, 3, 137, KEY) == login["POLY_SIGNATURE"]
    assert ("1777400000", "3") == (login["POLY_TIMESTAMP"], login["POLY_NONCE"])


def test_a_request_of_kalshi_is_signed(asks: SignerClient) -> None:
    """Milliseconds, method and path without query, by RSA-PSS: the public key verifies it."""
    url = "https://external-api.kalshi.com/trade-api/v2/portfolio/events/orders/3b23?exchange_index=0"
    headers = asks.kalshi("kalshi", "live", 1_777_400_002_000, "DELETE", url)
    message = b"1777400002000DELETE/trade-api/v2/portfolio/events/orders/3b23"
    assert ("5f0c-id", "1777400002000") == (headers["KALSHI-ACCESS-KEY"], headers["KALSHI-ACCESS-TIMESTAMP"])
    signature = b64decode(headers["KALSHI-ACCESS-SIGNATURE"])
    rsa().public_key().verify(signature, message, PSS(MGF1(SHA256()), 32), SHA256())


def test_what_is_public_is_told(asks: SignerClient) -> None:
    """Kind, venue, mode, account and address, and no part of a key."""
    facts = [asks.about(name, "live") for name in ("kalshi", "pm", "eoa", "deposit", "perp")]
    assert [("kalshi_rsa", "kalshi"), ("polymarket_l2", "polymarket")] == [
        (one["kind"], one["venue"]) for one in facts[:2]
    ]
    assert (ADDRESS, DEPOSIT, DEPOSIT) == (facts[2]["maker"], facts[3]["maker"], facts[3]["signer"])
    assert not [canary for canary in canaries() if canary in str(facts)]


@pytest.mark.parametrize(
    ("key_ref", "mode", "method", "path", "said"),
    [
        ("kalshi", "testnet_probe", "GET", "/trade-api/v2/portfolio/balance", "mode 'testnet_probe'; allowed: live"),
        ("nobody", "live", "GET", "/trade-api/v2/portfolio/balance", "is not held here"),
        ("pm", "live", "GET", "/trade-api/v2/portfolio/balance", "does not sign this"),
        ("kalshi", "live", "POST", "/trade-api/v2/portfolio/intra_account_transfer", "is not signed"),
        ("kalshi", "live", "POST", "/trade-api/v2/portfolio/withdrawals", "is not signed"),
        ("kalshi", "live", "POST", "/trade-api/v2/api_keys/generate", "is not signed"),
        ("kalshi", "live", "GET", "/trade-api/v2/api_keys", "is not signed"),
        ("kalshi", "live", "POST", "/trade-api/v2/portfolio/orders", "is not signed"),
        ("kalshi", "live", "GET", "/trade-api/v2/markets/../api_keys", "is not signed"),
        ("kalshi", "live", "GET", "/trade-api/v2/markets/%2e%2e/api_keys", "is not signed"),
        ("kalshi", "live", "GET", "/trade-api/v2//portfolio/balance", "is not signed"),
        ("kalshi", "live", "PATCH", "/trade-api/v2/portfolio/events/orders", "is not signed"),
    ],
)
def test_other_keys_modes_and_paths_are_refused(
    asks: SignerClient, key_ref: str, mode: str, method: str, path: str, said: str
) -> None:
    """A withdrawal, a transfer, a key, a dead endpoint, a path that climbs: none is signed."""
    with pytest.raises(SignerRefused, match=said):
        asks.kalshi(key_ref, mode, 1, method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/api-key"),
        ("DELETE", "/auth/api-key"),
        ("POST", "/withdraw"),
        ("POST", "/data/orders"),
        ("GET", "/"),
    ],
)
def test_only_calls_of_trading_are_signed(asks: SignerClient, method: str, path: str) -> None:
    """Polymarket's key signs orders, cancels, heartbeats and reads."""
    with pytest.raises(SignerRefused, match="is not signed; allowed: orders"):
        asks.clob("pm", "live", 1, method, path, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"maker": SAFE}, "is not this key's"),
        ({"signer": SAFE}, "is not this key's"),
        ({"signature_type": 2}, "is not this key's"),
        ({"builder": polymarket.ZERO_BYTES32}, "builder code is empty"),
        ({"token_id": 7}, "combination"),
        ({"side": 5}, "could not sign"),
        ({"maker_amount": -1}, "could not sign"),
    ],
)
def test_orders_of_others_are_refused(asks: SignerClient, change: dict[str, object], said: str) -> None:
    """Another wallet, no builder code, a token of a combination, what is no order."""
    with pytest.raises(SignerRefused, match=said):
        asks.order("eoa", "live", replace(ORDER, **change), neg_risk=False)  # type: ignore[arg-type]


def test_perpetuals_are_signed_without_a_key_at_the_other_end(asks: SignerClient) -> None:
    """Bitget's demo header and Binance's query are made here; a broker tag and another interface are not."""
    params: dict[str, object] = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES", "clientOid": "abc"}
    made = asks.ccxt("probe", "testnet_probe", "v2/mix/order/place-order", ["private", "mix"], "POST", params)
    assert ("https://api.bitget.com/api/v2/mix/order/place-order", "POST", "1") == (
        made.url,
        made.method,
        made.headers["PAPTRADING"],
    )
    assert '{"symbol":"BTCUSDT","productType":"USDT-FUTURES","clientOid":"abc"}' == made.body
    assert {"ACCESS-KEY", "ACCESS-SIGN", "ACCESS-TIMESTAMP", "ACCESS-PASSPHRASE"} < made.headers.keys()
    assert "X-CHANNEL-API-CODE" not in made.headers
    order: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "newClientOrderId": "abc"}
    made = asks.ccxt("perp", "live", "order", ["fapiPrivate"], "POST", order, 5)
    assert ("https://fapi.binance.com/fapi/v1/order", {"X-MBX-APIKEY", "Content-Type"}) == (
        made.url,
        made.headers.keys(),
    )
    assert made.body is not None
    assert ("newClientOrderId=abc" in made.body, "signature=" in made.body, "x-" in made.body) == (True, True, False)
    for key, mode, part, method, path, fields in (
        ("perp", "live", ["sapi"], "POST", "capital/withdraw/apply", order),
        ("perp", "live", ["fapiPrivate"], "POST", "transfer", order),
        ("perp", "live", ["fapiPrivate"], "POST", "order", {"symbol": "BTCUSDT"}),
        ("probe", "testnet_probe", ["private", "mix"], "POST", "v2/mix/order/place-order", {"symbol": "BTCUSDT"}),
        ("probe", "testnet_probe", ["private", "spot"], "POST", "v2/spot/wallet/withdrawal", params),
        ("probe", "testnet_probe", ["private", "mix"], "POST", "v2/spot/wallet/transfer", params),
    ):
        with pytest.raises(SignerRefused):
            asks.ccxt(key, mode, path, part, method, fields)


def test_only_the_keys_owner_reaches_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket has mode 0600, and a connection of another user is closed unanswered."""
    with signing(keys_file(tmp_path)) as path:
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        monkeypatch.setattr(signer_module, "_user", lambda link: os.getuid() + 1)
        with pytest.raises(SignerUnavailable, match=r"closed|reset|[Bb]roken"):
            SignerClient(path).about("kalshi", "live")


def test_a_second_signer_is_refused_and_a_dead_ones_socket_is_taken(tmp_path: Path) -> None:
    """One signer on a path; what a killed one left behind is no hindrance; what is no socket is not touched."""
    with signing(keys_file(tmp_path)) as path, pytest.raises(SigningError, match="a signer listens there"):
        listening(path)
    left = path.parent / "pt-left"
    left.parent.mkdir(exist_ok=True)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(left))
    dead.close()
    listening(left).close()
    left.unlink()
    left.write_text("mine")
    with pytest.raises(SigningError, match="is no socket"):
        listening(left)
    assert "mine" == left.read_text()
    with pytest.raises(SigningError, match="at most 107"):
        listening(tmp_path / ("x" * 200))
    left.unlink()
    left.parent.rmdir()


def test_what_is_no_request_is_answered_and_the_next_is_heard(tmp_path: Path) -> None:
    """Noise, an unknown operation and an unknown field are one refusal each; a frame too long ends the connection."""
    with signing(keys_file(tmp_path)) as path, socket.socket(socket.AF_UNIX) as link:
        link.connect(str(path))
        for data in (b"\xff", b"{}", b'{"op":"export","key_ref":"eoa","mode":"live"}', b'{"op":"about","key":"eoa"}'):
            send(link, data)
            assert "no request that is known here" == decode_answer(receive(link)).error
        send(link, b'{"op":"about","key_ref":"kalshi","mode":"live"}')
        assert "kalshi" == decode_answer(receive(link)).facts["venue"]
        link.sendall(b"\xff\xff\xff\xff")
        assert b"" == receive(link)


def test_a_signer_that_is_away_or_slow_is_unavailable(tmp_path: Path) -> None:
    """Nobody listens; somebody listens and says nothing; a signer that came back is asked again at once."""
    with pytest.raises(SignerUnavailable, match=r"No such file.*pt signer"):
        SignerClient(tmp_path / "nobody").about("kalshi", "live")
    keys = keys_file(tmp_path)
    with signing(keys) as path:
        kept = SignerClient(path)
        assert "kalshi" == kept.about("kalshi", "live")["venue"]
        silent = path.parent / "silent"
        link = listening(silent)
        began = time.monotonic()
        with pytest.raises(SignerUnavailable, match="no answer in time"):
            SignerClient(silent, 0.2).about("kalshi", "live")
        assert time.monotonic() - began < 2
        link.close()
        assert kept._link is not None
        kept._link.shutdown(socket.SHUT_RDWR)
        assert "kalshi" == kept.about("kalshi", "live")["venue"]
        silent.unlink()
    with pytest.raises(SignerUnavailable):
        kept.about("kalshi", "live")


def test_several_ask_at_once(asks: SignerClient) -> None:
    """Four threads over one client get each their own answer."""
    wrong: list[int] = []

    def ask(number: int) -> None:
        for turn in range(20):
            order = replace(ORDER, salt=1_000 * number + turn)
            digest = "0x" + hashed(order, where_of(False)).digest.hex()
            if asks.order("eoa", "live", order, neg_risk=False).digest != digest:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [] == wrong


def test_no_secret_leaves_in_a_refusal_or_a_repr(asks: SignerClient, tmp_path: Path) -> None:
    """Every key prints as ***; every refusal above, and what is thrown inside, shows none of the canaries."""
    held = read_keys(keys_file(tmp_path))
    shown = "".join(f"{one.key!r}{one.facts()}" for one in held.values())
    for call in (
        lambda: asks.order("eoa", "live", replace(ORDER, metadata="0x" + "zz" * 32), neg_risk=False),
        lambda: asks.ccxt("perp", "live", "order", ["fapiPrivate"], "POST", {"newClientOrderId": {"a": [1]}}),
        lambda: asks.clob("pm", "live", 1, "GET", "/secret/" + SECRET[:4], ""),
    ):
        try:
            call()
        except SignerRefused as err:
            shown += str(err)
    assert not [canary for canary in canaries() if canary in shown]
    assert shown.count("Key(***)") == len(held)
