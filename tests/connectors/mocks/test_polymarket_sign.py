"""What the mock of Polymarket verifies, against the vectors of the fact sheet: every good one, and each one bent."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.mocks.core import Denied
from connectors.mocks.polymarket_sign import l2_signature, login_signer, order_signer, order_values

VECTORS = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "polymarket_order_vectors.json").read_text("utf-8")
)
OWNER = VECTORS["meta"]["key"]["address"].lower()
ORDERS = [(case["wire_body"]["order"], case["input"]["neg_risk"], case["expected"]) for case in VECTORS["orders"]]


def deposit(case: dict[str, Any]) -> dict[str, Any]:
    """The wire order of a deposit-wallet vector."""
    given = case["input"]
    return {
        "salt": given["salt"], "maker": given["maker"], "signer": given["signer"], "tokenId": given["token_id"],
        "makerAmount": given["maker_amount"], "takerAmount": given["taker_amount"], "side": given["side"],
        "signatureType": 3, "timestamp": given["timestamp_ms"], "metadata": given["metadata"],
        "builder": given["builder"], "signature": case["expected"]["signature"],
    }  # fmt: skip


def test_all_twenty_orders_are_their_owner_s() -> None:
    """Digest and signer of every vector are the expected ones; any changed field is somebody else's."""
    assert 20 == len(ORDERS)
    for wire, neg_risk, expected in ORDERS:
        signed = order_signer(order_values(wire), wire["signature"], neg_risk=neg_risk)
        assert (expected["digest"], OWNER) == (signed.digest, str(signed.signer).lower())
        for bent in (
            {"salt": wire["salt"] + 1},
            {"takerAmount": wire["takerAmount"] + "0"},
            {"builder": "0x" + "7" * 64},
        ):
            other = order_signer(order_values({**wire, **bent}), wire["signature"], neg_risk=neg_risk)
            assert str(other.signer).lower() != OWNER
        wrong = order_signer(order_values(wire), wire["signature"], neg_risk=not neg_risk)
        assert str(wrong.signer).lower() != OWNER


def test_deposit_wallets_wrap_their_owner_s_signature() -> None:
    """The wrapped form verifies to the owner's key, and not where its tail or its wallet is another's."""
    for case in VECTORS["poly_1271_orders"]["vectors"]:
        wire, neg_risk = deposit(case), case["input"]["neg_risk"]
        assert OWNER == str(order_signer(order_values(wire), wire["signature"], neg_risk=neg_risk).signer).lower()
        cut = wire["signature"][:-2]
        assert order_signer(order_values(wire), cut, neg_risk=neg_risk).signer is None
        assert order_signer(order_values({**wire, "salt": 1}), wire["signature"], neg_risk=neg_risk).signer is None


def test_logins_and_headers_verify() -> None:
    """L1 logins are the owner's; L2 signatures are those expected, byte for byte."""
    for case in VECTORS["l1_auth"]:
        given, signature = case["input"], case["expected"]["signature"]
        found = login_signer(given["address"], given["timestamp"], given["nonce"], signature)
        assert OWNER == str(found).lower()
        assert OWNER != str(login_signer(given["address"], given["timestamp"], 99, signature)).lower()
    for case in VECTORS["l2_hmac"]["vectors"]:
        given = case["input"]
        body = (given["body"] or "").encode()
        signature = l2_signature(given["secret"], given["timestamp"], given["method"], given["request_path"], body)
        assert case["expected"]["poly_signature"] == signature


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": "0"}, "order_version_mismatch"),
        ({"feeRateBps": "0"}, "order_version_mismatch"),
        ({"salt": "1"}, "salt"),
        ({"salt": 2**53}, "salt"),
        ({"tokenId": 12}, "tokenId"),
        ({"makerAmount": "1.5"}, "makerAmount"),
        ({"side": 0}, "side"),
        ({"signatureType": "0"}, "signatureType"),
        ({"builder": "0x00"}, "builder"),
        ({"metadata": "zz"}, "metadata"),
    ],
)
def test_a_field_of_the_wrong_kind_is_no_order(change: dict[str, object], words: str) -> None:
    """Numbers are numbers, amounts are text, and the fields of the dead version are named as such."""
    with pytest.raises(Denied, match=words):
        order_values({**ORDERS[0][0], **change})


@pytest.mark.parametrize("signature", ["", "0x", "no hex", "0x" + "11" * 65, "0x" + "00" * 64 + "1b", None])
def test_what_is_no_signature_is_nobody_s(signature: object) -> None:
    """Anything but 65 sound bytes recovers nobody, or at least not the owner."""
    wire, neg_risk, _ = ORDERS[0]
    assert str(order_signer(order_values(wire), signature, neg_risk=neg_risk).signer).lower() != OWNER
