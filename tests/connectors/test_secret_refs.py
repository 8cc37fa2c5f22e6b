"""A reference is followed, and neither it nor what it stands for is told where it must not be."""

import copy
import json
import pickle
from pathlib import Path

import msgspec
import pytest

from connectors.errors import FeedError, SigningError
from connectors.secret_refs import Secret, held

CANARY = "canary-7f3a"


class Holder(Secret):
    """Something with a secret in it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Take it."""
        self._text = text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a secret, its owner's alone."""
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(CANARY)
    return path


def test_a_reference_is_followed(file: Path) -> None:
    """A file always; the environment where it is given, with line ends spelled out."""
    assert CANARY.encode() == held(f"file:{file}", SigningError)
    assert b"a\nb" == held("env:NAME", FeedError, {"NAME": "a\\nb"})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_touch_is_refused(file: Path, mode: int) -> None:
    """Whatever right others have, the message says which is allowed."""
    file.chmod(mode)
    with pytest.raises(SigningError, match=f"file:{file}: others may read it; allowed: a file of mode 0600"):
        held(f"file:{file}", SigningError)


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("env:NAME", "must be file:PATH"),
        ("file:", "is not shown"),
        ("", "is not shown"),
        ("file:/nonexistent/key", "No such file"),
        ("file:/tmp", "Is a directory"),
        (f"{CANARY}", "is not shown"),
        (f"file:-----BEGIN PRIVATE KEY-----\n{CANARY}", "is not shown"),
        (f"file:{CANARY}\n", "is not shown"),
        (f"file:{CANARY}" + "x" * 5_000, "is not shown"),
        (f"file:{CANARY}\0", "is not shown"),
    ],
)
def test_a_reference_that_is_none_is_refused(ref: str, said: str) -> None:
    """Without an environment only files are allowed; what may be the secret itself is not repeated."""
    with pytest.raises(SigningError) as refused:
        held(ref, SigningError)
    assert said in str(refused.value)
    assert CANARY not in str(refused.value)


def test_a_secret_is_not_shown_pickled_copied_compared_or_written() -> None:
    """Every way by which a value leaves a process by accident prints *** or raises without the secret."""
    holder = Holder(CANARY)
    assert {"Holder(***)"} == {repr(holder), str(holder), f"{holder}", f"{holder!r}", "%s" % holder}  # noqa: UP031
    for leave in (
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.to_builtins,
        hash,
        vars,
        lambda value: value == value,
        lambda value: value == CANARY,
        lambda value: value in [Holder(CANARY)],
    ):
        with pytest.raises(TypeError) as refused:
            leave(holder)
        assert CANARY not in str(refused.value)
