"""Carry a request to a venue's dialect and its answer back, with nothing of HTTP's library in between."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, Protocol

from connectors.mocks.core import Denied

Body = dict[str, object]


@dataclass
class Call:
    """One request as it came: `query_text` and `body` are the very bytes, header names are in lower case.

    parts   what stood in the path where the route has a name
    kind    what the request is for (misbehave.KINDS)
    account who it is, once its signature was verified
    """

    method: str
    path: str
    query_text: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    parts: dict[str, str] = field(default_factory=dict)
    kind: str = "other"
    account: str = ""

    def json(self) -> Body:
        """Read the body as an object; empty where there is none. Raises Denied 400."""
        value = self.value()
        if not isinstance(value, dict):
            raise Denied(400, "invalid_json", "an object is expected")
        return value

    def rows(self) -> list[object]:
        """Read the body as a list. Raises Denied 400."""
        value = self.value()
        if not isinstance(value, list):
            raise Denied(400, "invalid_json", "a list is expected")
        return value

    def value(self) -> object:
        """Read the body, numbers exact; an empty object where there is none. Raises Denied 400."""
        if not self.body:
            return {}
        try:
            found: object = json.loads(self.body, parse_float=Decimal)
        except ValueError as err:
            raise Denied(400, "invalid_json", "the body is no JSON") from err
        return found


class Answer(NamedTuple):
    """What goes back: status, a value to be written as JSON (or text as it is), headers; `torn` ends it halfway."""

    body: object
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    torn: bool = False


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method and a path, in which `{name}` stands for one part; `private` asks for a signature."""

    method: str
    path: str
    kind: str
    handler: Handler
    private: bool = True

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the named parts, or None where this is not the route."""
        if method != self.method:
            return None
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return None if found is None else found.groupdict()


class Line(Protocol):
    """A socket of a client, as a dialect sees it."""

    path: str
    query: dict[str, str]
    account: str
    memory: Body

    def send(self, message: object) -> None:
        """Say something, as JSON or as the text that it is; lost while the venue is frozen."""

    def answer(self, message: object) -> None:
        """Answer what keeps the line alive, frozen or not."""

    def close(self) -> None:
        """End the connection as the venue would."""


def number(value: object, name: str, *, code: str = "invalid_number") -> Decimal:
    """Read an amount exactly, from text or a JSON number. Raises Denied 400."""
    try:
        found = Decimal(str(value))
    except InvalidOperation as err:
        raise Denied(400, code, f"{name}: {value!r} is no number") from err
    if not found.is_finite():
        raise Denied(400, code, f"{name}: {value!r} is no number")
    return found


def on_grid(value: Decimal, step: Decimal) -> bool:
    """True for a whole multiple of a step."""
    return value % step == 0


def plain(value: Decimal, places: int | None = None) -> str:
    """Write an amount without an exponent: with so many decimals, or with no needless zero."""
    if places is not None:
        return f"{value:.{places}f}"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact(value: object) -> str:
    """Write JSON without spaces; an amount becomes text."""
    return json.dumps(value, separators=(",", ":"), default=str)
