"""Make the JSON Schema of every contract, and the manifest from which documentation and verification read.

A schema is what pydantic says of the type (contracts/base.py), with the docstring's line for each field as its
description. The manifest freezes what was published: a published schema that changes needs a new `schema_version`,
hence a new `$id`, because somebody may have stored what it described.
"""

import inspect
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from contracts import envelope, order, signed
from contracts.base import Wire, adapter

FOLDER = "contracts/schemas"
CONTRACTS: tuple[type[Wire], ...] = (
    *envelope.PAYLOADS,
    order.Account,
    order.OwnOrders,
    envelope.ReportEnvelope,
    envelope.DeadLetter,
    signed.Signed,
)
_LINE = re.compile(r"^([a-z][a-z0-9_]*(?:, [a-z][a-z0-9_]*)*)\s+(\S.*)$")


def field_lines(contract: type[Wire]) -> dict[str, str]:
    """Return field → meaning from the docstring's lines `name  meaning`, those of the base contracts included."""
    fields = set(contract.__struct_fields__)
    found: dict[str, str] = {}
    for cls in reversed(contract.__mro__):
        last: list[str] = []
        for line in inspect.cleandoc(cls.__dict__.get("__doc__") or "").splitlines()[1:]:
            match = _LINE.match(line)
            names = match[1].split(", ") if match else []
            if match and set(names) <= fields:
                last = names
                found |= dict.fromkeys(names, match[2])
            elif line.startswith("  ") and last:  # a meaning may run on, indented
                found |= {name: f"{found[name]} {line.strip()}" for name in last}
            else:
                last = []
    return found


def identity(contract: type[Wire]) -> str:
    """Return the schema's `$id`: name and version, never a place on a network."""
    return f"polytraders/contracts/{contract.__name__}/v{contract.schema_version}.json"


def _plain(schema: Any) -> Any:
    """Drop pydantic's titles of fields: they repeat the name."""
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def schema(contract: type[Wire]) -> dict[str, Any]:
    """Return the JSON Schema of one contract."""
    made = _plain(adapter(contract).json_schema())
    described = field_lines(contract)
    properties = {
        name: {**field, "description": described[name]} if name in described else field
        for name, field in made.pop("properties").items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identity(contract),
        "title": contract.__name__,
        "description": inspect.cleandoc(contract.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        "type": made.pop("type"),
        "properties": properties,
        "required": made.pop("required", []),
        **made,
    }


class Unversioned(Exception):
    """A published schema changed and kept its version."""


def files(root: Path, publish: bool = False) -> Iterator[tuple[str, str]]:
    """Yield every schema and the manifest; raises Unversioned for a published schema that changed under its `$id`.

    `publish` marks every present schema as published; a release does that.
    """
    manifest_path = root / FOLDER / "manifest.json"
    old = json.loads(manifest_path.read_text("utf-8"))["schemas"] if manifest_path.exists() else []
    published = {entry["$id"]: entry["sha256"] for entry in old if entry["published"]}
    entries = []
    for contract in sorted(CONTRACTS, key=lambda cls: cls.__name__):
        text = json.dumps(schema(contract), indent=2, ensure_ascii=False) + "\n"
        digest, name = sha256(text.encode()).hexdigest(), f"{contract.__name__}.json"
        if published.get(identity(contract), digest) != digest:
            raise Unversioned(
                f"{FOLDER}/{name}: {contract.__name__} is published as v{contract.schema_version} and has changed; "
                f"set `schema_version: ClassVar[int] = {contract.schema_version + 1}` in its class"
            )
        entries.append(
            {
                "file": name,
                "$id": identity(contract),
                "title": contract.__name__,
                "version": contract.schema_version,
                "sha256": digest,
                "published": publish or identity(contract) in published,
            }
        )
        yield f"{FOLDER}/{name}", text
    manifest = {"title": "Contracts of polytraders", "schemas": entries}
    yield f"{FOLDER}/manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
