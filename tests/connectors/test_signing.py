"""What a key signed is verified, what anybody changed is not, and a private key is seen nowhere."""

import logging
import traceback
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.errors import SigningError
from connectors.signing import PublicKey, SigningKey, Verifier, make_key, public_of, signing_key
from contracts.base import Refused, read, write
from contracts.signed import CONTROL, ORDER, PURPOSES, Signed
from tests.connectors.signed_keys import KEY, OTHER, SCOPE, seeded, verifier

SIGNED = KEY.sign(CONTROL, SCOPE, 7, '{"reason":"drill, zürich"}'.encode())
RECORD = write(SIGNED)
FIELDS = ("key_id", "purpose", "scope", "sequence", "body", "signature")


def believed(record: bytes, purpose: str = CONTROL, scope: str = SCOPE) -> bool:
    """Return whether bytes are read and verified."""
    try:
        return verifier().check(read(Signed, record), purpose, scope) == ""
    except Refused:
        return False


def test_signed_and_verified() -> None:
    """What the key said is its own; the same content gives the same bytes, and another number gives others."""
    assert "" == verifier().check(SIGNED, CONTROL, SCOPE)
    assert RECORD == write(KEY.sign(CONTROL, SCOPE, 7, SIGNED.body.encode()))
    assert SIGNED.signature != KEY.sign(CONTROL, SCOPE, 8, SIGNED.body.encode()).signature


def test_the_signature_is_that_of_the_published_cases() -> None:
    """RFC 8032, 7.1, test 1: the key of that seed is the published one, and so is its signature of nothing."""
    key = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" == key.public_key().public_bytes_raw().hex()
    )
    assert (
        key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a3")
    )
    assert ("21fe31dfa154a261", 52) == (public_of(key.public_key()).key_id, len(public_of(key.public_key()).public))


@given(st.sampled_from(FIELDS), st.integers(0, 1_023))
def test_any_bit_flipped_in_any_field_is_refused(field: str, place: int) -> None:
    """One bit of a text's UTF-8 or of the number, anywhere: the door or the signature refuses it."""
    before = getattr(SIGNED, field)
    if isinstance(before, int):
        after: object = before ^ 1 << place % 63
    else:
        data = bytearray(before.encode())
        data[place // 8 % len(data)] ^= 1 << place % 8
        try:
            after = data.decode()
        except UnicodeDecodeError:
            return  # no text at all: the record could not be read
    assert not believed(write(replace(SIGNED, **{field: after})))


def test_every_bit_flipped_in_a_record_is_refused() -> None:
    """Each of its bits, one after the other: nothing but what was signed is believed."""
    assert believed(RECORD)
    for place in range(8 * len(RECORD)):
        data = bytearray(RECORD)
        data[place // 8] ^= 1 << place % 8
        assert not believed(bytes(data)), place


@pytest.mark.parametrize("said", PURPOSES)
@pytest.mark.parametrize("asked", PURPOSES)
@pytest.mark.parametrize("scope", [SCOPE, "paper/other", "live/lab", "paper/la", "paper/lab "])
@pytest.mark.parametrize("asked_scope", [SCOPE, "paper/other", "live/lab"])
def test_purposes_and_scopes_are_not_interchangeable(said: str, asked: str, scope: str, asked_scope: str) -> None:
    """A signature counts for the purpose and scope that it was made for, and relabelling it does not help."""
    signed = KEY.sign(said, scope, 1, b"{}")
    relabelled = replace(signed, purpose=asked, scope=asked_scope)
    same = (said, scope) == (asked, asked_scope)
    assert same == believed(write(signed), asked, asked_scope)
    assert same == believed(write(relabelled), asked, asked_scope)


@pytest.mark.parametrize(
    ("signed", "purpose", "scope", "said"),
    [
        (SIGNED, ORDER, SCOPE, "purpose 'control'; allowed: order"),
        (SIGNED, CONTROL, "live/lab", "scope 'paper/lab'; allowed: live/lab"),
        (replace(SIGNED, key_id="0" * 16), CONTROL, SCOPE, "key '0000000000000000' is unknown; allowed: "),
        (OTHER.sign(CONTROL, SCOPE, 1, b"{}"), CONTROL, SCOPE, "may not sign for control; allowed: "),
        (replace(SIGNED, signature="0" * 128), CONTROL, SCOPE, "signature is not that of key "),
        (replace(SIGNED, signature="no hex"), CONTROL, SCOPE, "signature is not that of key "),
        (replace(SIGNED, body="\ud800"), CONTROL, SCOPE, "signature is not that of key "),
        (replace(SIGNED, scope="x" * 9_999), CONTROL, SCOPE, "scope 'xxx"),
    ],
)
def test_the_check_says_why(signed: Signed, purpose: str, scope: str, said: str) -> None:
    """Key, purpose, scope, signature: the first that is wrong is named, with what is allowed; nothing long is told."""
    why = verifier().check(signed, purpose, scope)
    assert said in why
    assert len(why) < 300


def test_a_new_key_is_known_beside_the_old_one() -> None:
    """While keys change both are believed, and once the old one is out only the new one is."""
    old, new = KEY, seeded(9)
    public = dict([old.public, new.public])
    both = Verifier(public, {CONTROL: {old.public.key_id, new.public.key_id}})
    after = Verifier(public, {CONTROL: [new.public.key_id]})
    said = [key.sign(CONTROL, SCOPE, 1, b"{}") for key in (old, new)]
    assert ["", ""] == [both.check(each, CONTROL, SCOPE) for each in said]
    assert [False, True] == [after.check(each, CONTROL, SCOPE) == "" for each in said]


def test_a_verifier_is_refused_what_cannot_be_meant() -> None:
    """A key under another's id, a text that is no key, a purpose or id that nobody knows: each is named."""
    key_id, public = KEY.public
    raw = b64decode(public.partition(":")[2])
    for keys, allowed, said in (
        ({"0" * 16: public}, {}, f"is another key's id; allowed: {key_id}"),
        ({key_id: public.upper()}, {}, "holds no public key; allowed: ed25519:BASE64"),
        ({key_id: "rsa:" + public}, {}, "holds no public key"),
        ({key_id: "ed25519:"}, {}, "holds no public key"),
        ({key_id: f"ed25519:{b64encode(raw[:31]).decode()}"}, {}, "holds no public key"),
        ({key_id: f"{public}\n"}, {}, "holds no public key"),
        ({key_id: public}, {"envelope": [key_id]}, "purpose 'envelope'; allowed: control, order"),
        ({key_id: public}, {CONTROL: ["1" * 16]}, f"key '{'1' * 16}' has no public key; allowed: {key_id}"),
    ):
        with pytest.raises(SigningError) as refused:
            Verifier(keys, allowed)
        assert said in str(refused.value)


def test_two_control_keys_that_begin_alike_are_refused() -> None:
    """What they enter would share ids, so one of them must be another; for orders they may."""
    made: dict[str, SigningKey] = {}
    for number in range(1_000):
        key = seeded(number)
        like = made.setdefault(key.public.key_id[:3], key)
        if like is not key:
            break
    keys = dict([key.public, like.public])
    with pytest.raises(SigningError, match="begin alike; make another"):
        Verifier(keys, {CONTROL: list(keys)})
    assert "" == Verifier(keys, {ORDER: list(keys)}).check(key.sign(ORDER, SCOPE, 0, b"{}"), ORDER, SCOPE)


@pytest.mark.parametrize(
    ("purpose", "scope", "sequence", "body", "said"),
    [
        ("envelope", SCOPE, 1, b"{}", "Signed.purpose: 'envelope'; allowed: control, order"),
        (CONTROL, "", 1, b"{}", "scope"),
        (CONTROL, SCOPE, -1, b"{}", "sequence"),
        (CONTROL, SCOPE, 1, b"x" * 100_001, "body"),
    ],
)
def test_what_could_not_be_read_again_is_not_signed(
    purpose: str, scope: str, sequence: int, body: bytes, said: str
) -> None:
    """The contract's bounds hold before a signature exists."""
    with pytest.raises(Refused, match=said):
        KEY.sign(purpose, scope, sequence, body)


# ---- keys in files -------------------------------------------------------------------------------------------------


def test_a_key_is_made_and_read_by_reference(tmp_path: Path) -> None:
    """The file is its owner's alone, a second key never takes its place, and what is read signs as the made one."""
    path = tmp_path / "control.pem"
    public = make_key(path)
    assert 0o600 == path.stat().st_mode & 0o777
    with pytest.raises(SigningError, match=r"control\.pem: File exists; allowed: a new file"):
        make_key(path)
    with pytest.raises(SigningError, match="No such file or directory"):
        make_key(tmp_path / "none" / "key.pem")
    key = signing_key(f"file:{path}")
    assert public == key.public
    verifies = Verifier(dict([public]), {ORDER: [public.key_id]})
    assert "" == verifies.check(key.sign(ORDER, SCOPE, 0, b"{}"), ORDER, SCOPE)


def test_two_keys_differ(tmp_path: Path) -> None:
    """Each is drawn anew."""
    made: set[PublicKey] = {make_key(tmp_path / f"{number}") for number in range(4)}
    assert 4 == len(made)


def canaries(key: Ed25519PrivateKey) -> set[str]:
    """Return every spelling of a private key that must be seen nowhere."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    raw = key.private_bytes_raw()
    return {pem.splitlines()[1], raw.hex(), raw.hex().upper(), b64encode(raw).decode(), str(raw), str(list(raw))}


def test_a_private_key_is_seen_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in what is printed, not in an error or its trace, not in a log, not in what it signed."""
    caplog.set_level(logging.DEBUG)
    secret = Ed25519PrivateKey.generate()
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    texts: list[str] = []
    files = {
        "others.pem": (pem, 0o644),
        "torn.pem": (pem[:-40], 0o600),
        "doubled.pem": (pem.replace(b"\n", b"\n\n", 2)[9:], 0o600),
        "ec.pem": (generate_ec(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600),
        "locked.pem": (pem + pem[::-1], 0o604),
        "text": (pem.splitlines()[1], 0o600),
    }
    refs = [pem.decode(), f"file:{pem.decode()}", f"env:{pem.decode()}"]
    for name, (content, mode) in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
        refs.append(f"file:{tmp_path / name}")
    for ref in refs:
        with pytest.raises(SigningError) as refused:
            signing_key(ref)
        texts += [str(refused.value), repr(refused.value), "".join(traceback.format_exception(refused.value))]
    key = SigningKey(secret)
    logging.getLogger("polytraders").warning("signs with %s %r", key, {"key": key})
    signed = key.sign(CONTROL, SCOPE, 1, b"{}")
    texts += [repr(key), str(key), f"{key}", str([key]), caplog.text, repr(signed), write(signed).decode()]
    assert "SigningKey(***)" in caplog.text
    assert [] == [canary for canary in canaries(secret) for text in texts if canary in text]
    assert (len(refs) * 3 + 7, True) == (len(texts), all(texts))
