"""A file of vectors is checked case by case: what is made again is equal, and one changed digit differs."""

import json
from pathlib import Path

import pytest

from connectors.sign_vectors import DIFFERS, EQUAL, VERIFIED, check
from contracts.base import Refused

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
POLYMARKET, KALSHI = FOLDER / "polymarket_order_vectors.json", FOLDER / "kalshi_signing_vectors.json"


def test_every_vector_holds() -> None:
    """20 orders, 2 of a deposit wallet, 2 logins, 6 calls, 10 amounts and a book are equal; 5 requests verified."""
    found = check(POLYMARKET)
    assert [EQUAL] * 41 == [verdict.result for verdict in found]
    assert {"S": 20, "P": 2, "A": 2, "M": 6, "a": 10, "b": 1} == {
        kind: sum(verdict.name.startswith(kind) for verdict in found) for kind in "SPAMab"
    }
    assert [(f"K0{number}", VERIFIED, "") for number in range(1, 6)] == [tuple(one) for one in check(KALSHI)]


def changed(tmp_path: Path, source: Path, *keys: str | int, value: object) -> Path:
    """Write a vector file in which one value is another."""
    file = json.loads(source.read_text())
    inside = file
    for key in keys[:-1]:
        inside = inside[key]
    inside[keys[-1]] = value
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(file))
    return path


@pytest.mark.parametrize(
    ("keys", "value", "name", "said"),
    [
        (("orders", 0, "expected", "signature"), "0x00", "S01", "signature"),
        (("orders", 1, "expected", "maker_amount"), "100000001", "S02", "maker_amount"),
        (("orders", 2, "input", "salt"), 7, "S03", "struct_hash"),
        (("orders", 3, "wire_body", "orderType"), "FOK", "S04", "wire_body"),
        (("orders", 4, "input", "side"), "HOLD", "S05", "cannot be made"),
        (("orders", 5, "input", "token_id"), "x", "S06", "cannot be made"),
        (("orders", 6, "expected", "novel"), "1", "S07", "is not made here"),
        (("poly_1271_orders", "vectors", 1, "expected", "signature_bytes"), 316, "P02", "signature_bytes"),
        (("l1_auth", 0, "input", "nonce"), 5, "A01", "signature"),
        (("l2_hmac", "vectors", 5, "input", "body"), "[]", "M06", "prehash"),
        (("amount_rounding_cases", "cases", 0, "maker_amount"), "2484012000", "amount-01", "maker_amount"),
        (("book_hash_cases", "cases", 0, "payload", "tick_size"), "0.1", "book-01", "sha1"),
    ],
)
def test_one_changed_value_differs(
    tmp_path: Path, keys: tuple[str | int, ...], value: object, name: str, said: str
) -> None:
    """The case with the change differs and says where; every other one holds."""
    found = check(changed(tmp_path, POLYMARKET, *keys, value=value))
    assert [name] == [verdict.name for verdict in found if verdict.result == DIFFERS]
    assert said in next(verdict.detail for verdict in found if verdict.name == name)
    assert 41 == len(found)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("method", "POST", "message"),
        ("url", "https://external-api.kalshi.com/trade-api/v2/portfolio/fills", "signed_path"),
        ("timestamp_ms", "later", "timestamp_ms"),
    ],
)
def test_a_request_that_is_signed_otherwise_differs(tmp_path: Path, key: str, value: str, said: str) -> None:
    """Time, method and path enter the message; the signature must verify over it."""
    found = check(changed(tmp_path, KALSHI, "cases", 0, "input", key, value=value))
    assert [(DIFFERS, True), *[(VERIFIED, False)] * 4] == [(one.result, said in one.detail) for one in found]


def test_a_signature_of_another_message_does_not_verify(tmp_path: Path) -> None:
    """The signature of the second request does not stand for the first, nor does text that is no base64."""
    other = json.loads(KALSHI.read_text())["cases"][1]["example_signature_base64"]
    for text in (other, "?", ""):
        found = check(changed(tmp_path, KALSHI, "cases", 0, "example_signature_base64", value=text))
        assert ("K01", DIFFERS, "example_signature_base64: does not verify") == tuple(found[0])


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """No file, no JSON, another shape, no case, no key: each is one refusal that repeats no key."""
    path = tmp_path / "vectors.json"
    with pytest.raises(Refused, match="No such file"):
        check(path)
    for text in ("", "[", "[]", '{"meta": 1}', '{"meta": {}}', '{"meta": {"public_key_pem": "x"}}'):
        path.write_text(text)
        with pytest.raises(Refused, match="--vectors"):
            check(path)
    for source, keys in ((POLYMARKET, ("meta", "key", "private_key")), (KALSHI, ("meta", "public_key_pem"))):
        with pytest.raises(Refused, match="is missing"):
            check(changed(tmp_path, source, *keys, value=""))
    with pytest.raises(Refused, match="is no key") as told:
        check(changed(tmp_path, POLYMARKET, "meta", "key", "private_key", value="0xcanary"))
    assert "canary" not in str(told.value)
