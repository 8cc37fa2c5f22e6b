"""Ask one provider of a chain over JSON-RPC, and spell what its contracts are asked and answer.

An answer is taken only when it is exactly what was asked for: whole, of the length its type has, and one for each
request. Everything else is a `ChainError`, whose message names the provider and the method, and never its address,
which may carry a key. Packing and hashing are eth-abi's and eth-utils'.
Source: Ethereum JSON-RPC; ERC-20 (`balanceOf`, `allowance`); ERC-1155 (`balanceOfBatch`, `isApprovedForAll`).
"""

import json
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import NamedTuple

import httpx
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import function_signature_to_4byte_selector

from connectors.errors import EdgeError
from connectors.feeds.venue import is_loopback

CONNECT_S, READ_S, WRITE_S, POOL_S = 2.0, 3.0, 2.0, 1.0
WORD, HASH_CHARS, QUANTITY_CHARS = 32, 66, 66
ANSWER_MAX = 1 << 22
_MS = 1_000_000


class ChainError(EdgeError):
    """A provider did not answer, or with something that is no answer; the message names it and the method."""


class Call(NamedTuple):
    """One request: a method and its parameters."""

    method: str
    params: tuple[object, ...]


class Provider:
    """One provider of a chain. Nothing is retried and no redirect is followed."""

    def __init__(self, name: str, url: str, transport: httpx.BaseTransport | None = None) -> None:
        """Take its name and address; raises ChainError for an address that is neither https nor of this machine."""
        try:
            where = httpx.URL(url)
        except httpx.InvalidURL:
            raise ChainError(f"{name}: no address; allowed: https, or http on this machine") from None
        if where.scheme != "https" and not (where.scheme == "http" and is_loopback(where.netloc.decode())):
            raise ChainError(f"{name}: {where.scheme}://{where.host[:80]}; allowed: https, or http on this machine")
        self.name, self._url = name, url
        self._client = httpx.Client(
            timeout=httpx.Timeout(connect=CONNECT_S, read=READ_S, write=WRITE_S, pool=POOL_S),
            transport=transport,
            trust_env=False,
        )

    def ask(self, calls: Sequence[Call]) -> tuple[list[object], int]:
        """Return the results in the order of the calls, and how long the answer took in ms; raises ChainError.

        One HTTP request, a batch; providers may answer its parts in any order.
        """
        what = f"{self.name}: {calls[0].method}"
        batch = [{"jsonrpc": "2.0", "id": n, "method": c.method, "params": list(c.params)} for n, c in enumerate(calls)]
        began = monotonic_ns()
        try:
            said = json.loads(self._post(what, batch))
        except (ValueError, RecursionError):
            raise ChainError(f"{what}: no JSON") from None
        took_ms = (monotonic_ns() - began) // _MS
        if not isinstance(said, list) or len(said) != len(calls):
            raise ChainError(f"{what}: a batch of {len(calls)} was not answered by as many")
        results: dict[int, object] = {}
        for part in said:
            number, result = self._part(calls, part)
            results[number] = result
        if len(results) != len(calls):
            raise ChainError(f"{what}: one request was answered twice, another not")
        return [results[number] for number in range(len(calls))], took_ms

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _post(self, what: str, batch: object) -> bytes:
        """Return the body of the answer, of bounded size."""
        body = b""
        try:
            with self._client.stream("POST", self._url, json=batch) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise ChainError(f"{what}: HTTP {answer.status_code}")
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > ANSWER_MAX:
                        raise ChainError(f"{what}: an answer of more than {ANSWER_MAX} bytes")
        except httpx.HTTPError as err:
            raise ChainError(f"{what}: no answer ({type(err).__name__})") from None
        return body

    def _part(self, calls: Sequence[Call], part: object) -> tuple[int, object]:
        number = part.get("id") if isinstance(part, dict) else None
        if not isinstance(part, dict) or type(number) is not int or not 0 <= number < len(calls):
            raise ChainError(f"{self.name}: {calls[0].method}: an answer to nothing that was asked")
        if part.get("error") is not None or part.get("result") is None:
            error = part.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            raise ChainError(f"{self.name}: {calls[number].method}: error {code if type(code) is int else 'unknown'}")
        return number, part["result"]


# ---- spelling ------------------------------------------------------------------------------------------------------


def contract_call(contract: str, signature: str, values: Sequence[object], block: int) -> Call:
    """Return a read of a contract at a block; `signature` as in `allowance(address,address)`; raises ChainError."""
    types = signature.partition("(")[2].removesuffix(")").split(",")
    try:
        data = function_signature_to_4byte_selector(signature) + encode(types, values)
    except EncodingError as err:
        raise ChainError(f"{signature}: {err}") from None
    return Call("eth_call", ({"to": contract, "data": "0x" + data.hex()}, hex(block)))


def number(value: object) -> int:
    """Return a hexadecimal quantity; raises ChainError."""
    if not isinstance(value, str) or not value.startswith("0x") or not 2 < len(value) <= QUANTITY_CHARS:
        raise ChainError("a quantity is 0x and hexadecimal digits")
    return _parsed(value)


def word(value: object) -> int:
    """Return the one number that a contract answers with; raises ChainError for any other length."""
    found = _decoded("uint256", value, WORD)
    if not isinstance(found, int):
        raise ChainError("a contract's answer is no number")
    return found


def flag(value: object) -> bool:
    """Return the one truth value that a contract answers with; raises ChainError."""
    return _decoded("bool", value, WORD) is True


def words(value: object, count: int) -> tuple[int, ...]:
    """Return the numbers of a list that a contract answers with; raises ChainError unless there are `count`."""
    found = _decoded("uint256[]", value, (2 + count) * WORD)
    if not isinstance(found, tuple) or len(found) != count:
        raise ChainError(f"a contract's answer is no list of {count}")
    return tuple(int(each) for each in found)


def field(value: object, name: str, read: Callable[[object], int]) -> int:
    """Return a number of an object such as a block's header; raises ChainError without it."""
    if not isinstance(value, dict) or name not in value:
        raise ChainError(f"no {name} in the answer")
    return read(value[name])


def block_hash(value: object, height: int) -> str:
    """Return the hash of a block's header, which must be the one of that height; raises ChainError."""
    if field(value, "number", number) != height or not isinstance(value, dict):
        raise ChainError("another block than was asked for")
    found = value.get("hash")
    if not isinstance(found, str) or len(found) != HASH_CHARS or not found.startswith("0x"):
        raise ChainError("a block's hash is 0x and 64 digits")
    _parsed(found)
    return found.lower()


def _parsed(text: str) -> int:
    if not all(char in "0123456789abcdefABCDEF" for char in text[2:]):
        raise ChainError("not hexadecimal")
    return int(text, 16)


def _decoded(kind: str, value: object, length: int) -> object:
    """Return what a contract's answer holds; an address without a contract answers nothing, which is no zero."""
    if not isinstance(value, str) or len(value) != 2 + 2 * length or not value.startswith("0x"):
        raise ChainError(f"a contract's answer is not {length} bytes")
    try:
        found: tuple[object, ...] = decode([kind], bytes.fromhex(value[2:]))
    except (DecodingError, ValueError):
        raise ChainError("a contract's answer cannot be read") from None
    return found[0]
