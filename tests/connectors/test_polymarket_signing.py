"""Orders, logins and call headers of Polymarket are signed as the golden vectors say, and nothing else is."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import SignableMessage
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.polymarket_signing import ClobOrder, Where, flaw, hashed, sign_call, sign_order, where_of
from contracts import polymarket
from tests.connectors.keyring import ADDRESS, DEPOSIT, DEVELOPMENT_KEY, SECRET

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "polymarket_order_vectors.json"
KEY = Account.from_key(DEVELOPMENT_KEY)
ZERO = polymarket.ZERO_BYTES32
ORDER = ClobOrder(1, ADDRESS, ADDRESS, 111 << 104 | 1 << 50, 5, 7, 0, 0, 1_777_400_000_000, ZERO, ZERO)


def test_both_contracts_stand_in_the_committed_table() -> None:
    """The contract follows from the kind of market and from nothing else."""
    stated = json.loads(VECTORS.read_text())["orders"]
    seen = {(case["input"]["neg_risk"], case["expected"]["verifying_contract"]) for case in stated}
    assert seen == {(kind, where_of(kind).contract) for kind in (False, True)}
    assert {137} == {where_of(kind).chain_id for kind in (False, True)}


@given(
    salt=st.integers(0, 2**53 - 1),
    maker=st.integers(1, 10**15),
    taker=st.integers(1, 10**15),
    side=st.sampled_from([0, 1]),
    kind=st.sampled_from([0, 1, 2]),
)
@settings(max_examples=40, deadline=None)
def test_a_signature_is_the_keys_over_the_digest(salt: int, maker: int, taker: int, side: int, kind: int) -> None:
    """Whatever the numbers, the signer's address is recovered from the digest, and the same order is signed alike."""
    order = replace(ORDER, salt=salt, maker_amount=maker, taker_amount=taker, side=side, signature_type=kind)
    told, signature = hashed(order, where_of(False)), sign_order(order, where_of(False), KEY)
    assert told.digest == keccak(b"\x19\x01" + told.domain + told.order)
    message = SignableMessage(b"\x01", told.domain, told.order)
    assert ADDRESS == Account.recover_message(message, signature=bytes.fromhex(signature[2:]))
    assert signature == sign_order(order, where_of(False), KEY)
    assert told.digest != hashed(order, where_of(True)).digest


def test_a_deposit_wallet_wraps_what_it_signs() -> None:
    """Signature, domain, order, type string and its length: 317 bytes, of which the tail is public."""
    order = replace(ORDER, maker=DEPOSIT, signer=DEPOSIT, signature_type=3)
    data = bytes.fromhex(sign_order(order, where_of(False), KEY)[2:])
    told = hashed(order, where_of(False))
    assert (317, told.domain, told.order) == (len(data), data[65:97], data[97:129])
    assert (data[129:-2].decode()[:6], 186) == ("Order(", int.from_bytes(data[-2:]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"salt": -1}, "a number"),
        ({"token_id": 1 << 256}, "a number"),
        ({"side": 2}, "side"),
        ({"signature_type": 4}, "side or signature type"),
        ({"maker": "0x12"}, "address"),
        ({"signer": ""}, "address"),
        ({"builder": "0x12"}, "metadata or builder"),
        ({"metadata": "0x" + "g" * 64}, "metadata or builder"),
        ({"metadata": "00" * 33}, "metadata or builder"),
    ],
)
def test_what_is_no_order_is_not_hashed(change: dict[str, object], said: str) -> None:
    """Each field out of its bounds is named, and ends as ValueError."""
    wrong = replace(ORDER, **change)  # type: ignore[arg-type]
    assert said in flaw(wrong)
    with pytest.raises(ValueError, match=said):
        hashed(wrong, Where(137, polymarket.EXCHANGE))


def test_the_alphabet_of_a_secret_is_that_of_urls() -> None:
    """The same message under one secret gives one text, and a secret of another length is refused."""
    assert sign_call(SECRET, "a") == sign_call(SECRET, "a") != sign_call(SECRET, "b")
    with pytest.raises(ValueError):
        sign_call("abc", "a")
