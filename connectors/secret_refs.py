"""Fetch what a secret's reference stands for, and give secrets a form that is never shown, compared or pickled.

A configuration, a command line and a log carry references only: `file:PATH`, and where a program allows it `env:NAME`.
What a reference stands for goes no further than the object that uses it.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from connectors.errors import EdgeError

OTHERS = 0o077
NAME_MAX = 4_096


class Secret:
    """What holds a secret: it prints as ***, and refuses to be pickled, copied, written as JSON or compared."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not compared")

    __hash__ = None  # type: ignore[assignment]  # what is not compared is no key of a table

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled")


def held(ref: str, failed: type[EdgeError], environ: Mapping[str, str] | None = None) -> bytes:
    """Return what a reference stands for; without `environ` only a file is allowed, and it must be its owner's alone.

    Raises `failed` naming the reference, and never what it holds. A reference that looks like a secret put in its place
    is not repeated either.
    """
    allowed = "file:PATH" if environ is None else "env:NAME or file:PATH"
    kind, _, name = ref.partition(":")
    known = kind == "file" or (kind == "env" and environ is not None)
    if not known or not name or len(name) > NAME_MAX or "-----" in name or not name.isprintable():
        raise failed(f"a key's reference must be {allowed}; what was given is not, and is not shown")
    if kind == "env" and environ is not None:
        if not environ.get(name):
            raise failed(f"{ref}: is not set; allowed: {allowed}")
        return environ[name].replace("\\n", "\n").encode()
    try:
        with Path(name).open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & OTHERS:
                raise failed(f"{ref}: others may read it; allowed: a file of mode 0600")
            return stream.read()
    except OSError as err:
        raise failed(f"{ref}: {err.strerror or err}; allowed: a readable file") from None
