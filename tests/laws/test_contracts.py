"""Hold every contract to one meaning: msgspec and pydantic accept and refuse the same values, and say which field.

The laws run over every type that crosses a wire without being asked. Valid values are drawn from the types
themselves; each is then damaged at a drawn place in a drawn way, and both validators must come to the same verdict.
"""

import json
import math
import re
import types
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts import base, envelope, order, signed
from contracts.base import Refused, Wire
from contracts.units import REASON_PATTERN
from scripts.makers import schemas
from tests import world

CONTRACTS: tuple[type[Wire], ...] = (
    *envelope.PAYLOADS,
    envelope.ReportEnvelope,
    envelope.DeadLetter,
    order.Account,
    order.OwnOrders,
    signed.Signed,
)
EACH = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda cls: cls.__name__)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


class Bounds(NamedTuple):
    """What a unit allows, merged from its annotations."""

    ge: float | None = None
    le: float | None = None
    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None


def _bounds(meta: tuple[Any, ...]) -> Bounds:
    for item in meta:
        if isinstance(item, msgspec.Meta):
            return Bounds(item.ge, item.le, item.min_length or 0, item.max_length, item.pattern)
    return Bounds()


def _text(bounds: Bounds) -> st.SearchStrategy[str]:
    if bounds.pattern and (digits := re.search(r"\[0-9a-f\]\{(\d+)\}", bounds.pattern)):
        return st.text("0123456789abcdef", min_size=int(digits[1]), max_size=int(digits[1]))
    if bounds.pattern:
        return st.sampled_from(["RISK_STALE_BOOK", "INTEL_DEF_PUBLISHED", "GOV_A1"])
    return TEXT.filter(lambda text: len(text) >= bounds.min_length)


def valid(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of plain values that the type allows."""
    meta: tuple[Any, ...] = ()
    while get_origin(hint) is Annotated:
        meta += hint.__metadata__
        hint = hint.__origin__
    bounds = _bounds(meta)
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([st.none() if part is type(None) else valid(part) for part in get_args(hint)])
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if parts[-1] is Ellipsis:
            return st.lists(valid(parts[0]), max_size=2)
        return st.tuples(*map(valid, parts)).map(list)
    if isinstance(hint, type) and issubclass(hint, Wire):
        return values_of(hint)
    if hint is bool:
        return st.booleans()
    if hint is int:
        low, high = int(bounds.ge if bounds.ge is not None else -99), int(bounds.le if bounds.le is not None else 99)
        return st.one_of(st.sampled_from([low, high]), st.integers(low, high))
    if hint is float:
        return st.floats(bounds.ge, bounds.le, allow_nan=False)
    assert hint is str, hint
    return _text(bounds)


def values_of(contract: type[Wire]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of plain dictionaries that the contract allows."""
    hints = get_type_hints(contract, include_extras=True)
    fields = {field.name: valid(hints[field.name]) for field in msgspec.structs.fields(contract)}
    return st.fixed_dictionaries(fields, optional={"kind": st.just(contract.__name__)})


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _paths(inner, (*path, key))
    return found


STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, -2, 1.5, 2.0, 1 << 63, -(1 << 63) - 1, 10**30, 1e301, "", "x", "12", "x" * 200, "é\n",
    "RISK_A\n", "a" * 64 + "\n", "A" * 64, "RISK_lower", "OTHER_CODE", "\ud800", "x" * 4_097, [], ["x"],
    [[1, 2]], {}, {"kind": "Other"},
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, contract: type[Wire]) -> dict[str, Any]:
    """Return a valid dictionary with one place damaged: replaced, removed, or joined by an unknown field."""
    value = draw(values_of(contract))
    path = draw(st.sampled_from([*_paths(value), ("no_such_field",)]))
    target: Any = value
    for key in path[:-1]:
        target = target[key]
    if isinstance(target, dict) and path[-1] in target and draw(st.booleans()):
        del target[path[-1]]
    elif isinstance(target, dict) and draw(st.integers(0, 4)) == 0:
        target["unknown"] = 1
    else:
        target[path[-1]] = draw(st.sampled_from(STRANGE))
    return value


def by_msgspec(contract: type[Wire], data: bytes) -> Wire | None:
    """Return what msgspec makes of JSON; None when it refuses."""
    try:
        return base.read(contract, data)
    except Refused:
        return None


def by_pydantic(contract: type[Wire], data: bytes) -> Wire | None:
    """Return what pydantic makes of JSON; None when it refuses."""
    try:
        made: Wire = base.adapter(contract).validate_json(data)
    except ValidationError:
        return None
    return made


@EACH
def test_both_validators_accept_every_valid_value_and_agree_on_it(contract: type[Wire]) -> None:
    """What the types allow is accepted by both, as the same value, and survives JSON."""

    @given(values_of(contract))
    def law(values: dict[str, Any]) -> None:
        data = json.dumps(values).encode()
        made = by_msgspec(contract, data)
        assert made is not None
        assert by_pydantic(contract, data) == made
        assert base.admit(contract, values) == made
        assert base.read(contract, base.write(made)) == made
        assert base.write(base.read(contract, base.write(made))) == base.write(made)

    law()


@EACH
def test_both_validators_come_to_the_same_verdict_on_damaged_values(contract: type[Wire]) -> None:
    """An unknown field, a missing one, a wrong type or a number out of bounds is refused by both or by neither."""

    @given(damaged(contract))
    def law(values: dict[str, Any]) -> None:
        data = json.dumps(values).encode()
        assert by_pydantic(contract, data) == by_msgspec(contract, data), data

    law()


@EACH
def test_every_field_gets_the_same_verdict_on_every_strange_value(contract: type[Wire]) -> None:
    """Field by field, nothing strange enters through one validator that the other keeps out."""
    whole = msgspec.to_builtins(world.plainest(contract))
    for field in msgspec.structs.fields(contract):
        for strange in STRANGE:
            data = json.dumps({**whole, field.name: strange}).encode()
            assert by_pydantic(contract, data) == by_msgspec(contract, data), f"{field.name} = {strange!r}"


@EACH
def test_a_refusal_names_the_field(contract: type[Wire]) -> None:
    """Whoever reads the message knows which field to mend, whichever validator spoke."""
    whole = msgspec.to_builtins(world.plainest(contract))
    for field in msgspec.structs.fields(contract):
        broken = {**whole, field.name: {"not": "this"}}
        with pytest.raises(Refused, match=rf"{contract.__name__}.*\b{field.name}\b"):
            base.read(contract, json.dumps(broken).encode())
        with pytest.raises(Refused, match=rf"{contract.__name__}.*\b{field.name}\b"):
            base.admit(contract, broken)
    with pytest.raises(Refused, match="no_such_field"):
        base.read(contract, json.dumps({**whole, "no_such_field": 1}).encode())
    with pytest.raises(Refused, match="no_such_field"):
        base.admit(contract, {**whole, "no_such_field": 1})


@EACH
def test_no_number_that_is_not_finite_enters(contract: type[Wire]) -> None:
    """NaN and infinity are refused by both in every field that holds a float."""
    hints = get_type_hints(contract, include_extras=True)
    whole = msgspec.to_builtins(world.plainest(contract))
    for name, hint in hints.items():
        if get_origin(hint) is not Annotated or hint.__origin__ is not float:
            continue
        for number in (math.nan, math.inf, -math.inf):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({**whole, name: number}, contract)
            with pytest.raises(Refused, match=name):
                base.admit(contract, {**whole, name: number})
            assert by_msgspec(contract, json.dumps({**whole, name: number}).encode()) is None
    assert base.admit(contract, whole) == world.plainest(contract)


@EACH
def test_every_field_has_a_line_in_the_docstring(contract: type[Wire]) -> None:
    """A stranger finds what each field means, and nothing is described that is not there."""
    fields = {field.name for field in msgspec.structs.fields(contract)}
    described = schemas.field_lines(contract)
    assert fields == described.keys(), "write one line `name  meaning` per field in the docstring"
    assert all(described.values())


@EACH
def test_both_describe_the_same_fields(contract: type[Wire]) -> None:
    """The schema that pydantic writes has the fields, requirements and closedness that msgspec enforces."""
    ours = schemas.schema(contract)
    theirs = msgspec.json.schema(contract)["$defs"][contract.__name__]
    required = {field.name for field in msgspec.structs.fields(contract) if field.required}
    assert set(ours["properties"]) == set(theirs["properties"])
    assert required == set(ours.get("required", ()))
    assert required == set(theirs["required"]) - {"kind"}
    assert ours["additionalProperties"] is False
    assert theirs["additionalProperties"] is False
    for name, field in ours["properties"].items():
        for bound in ("minimum", "maximum", "minLength", "maxLength"):
            assert field.get(bound) == theirs["properties"][name].get(bound), f"{contract.__name__}.{name} {bound}"


@EACH
def test_a_contract_is_a_frozen_leaf_or_tree(contract: type[Wire]) -> None:
    """A value cannot be changed, hashes like what it equals, and holds no list or dictionary."""
    value = world.plainest(contract)
    first = next(iter(msgspec.structs.fields(contract))).name
    with pytest.raises(AttributeError):
        setattr(value, first, getattr(value, first))
    assert value == world.plainest(contract)
    assert hash(value) == hash(world.plainest(contract))


@pytest.mark.parametrize("contract", [order.PlannedOrder, order.SignedOrderRequest], ids=lambda cls: cls.__name__)
def test_an_order_without_builder_code_cannot_be_read(contract: type[Wire]) -> None:
    """The bound stands on the contract: both validators refuse an empty builder code and name it."""
    whole = {**msgspec.to_builtins(world.plainest(contract)), "builder_code": ""}
    with pytest.raises(Refused, match="builder_code"):
        base.read(contract, json.dumps(whole).encode())
    with pytest.raises(Refused, match="builder_code"):
        base.admit(contract, whole)


def test_a_contract_can_be_a_field_of_a_pydantic_model() -> None:
    """A ready instance passes as it is; a dictionary becomes one."""

    class Request(BaseModel):
        intent: type(world.intent())  # type: ignore[valid-type]

    ready = world.intent()
    assert Request(intent=ready).intent is ready
    assert Request.model_validate({"intent": msgspec.to_builtins(ready)}).intent == ready
    with pytest.raises(ValidationError, match="size_lots"):
        Request.model_validate({"intent": {**msgspec.to_builtins(ready), "size_lots": -1}})


def test_the_reason_pattern_stands_in_the_schemas() -> None:
    """Whoever reads only the schema still knows what a reason code looks like."""
    assert schemas.schema(type(world.vote()))["properties"]["reason"]["pattern"] == REASON_PATTERN


def test_no_payload_has_the_name_of_another() -> None:
    """The tag `kind` tells payloads apart, so names are unique."""
    names = [cls.__name__ for cls in CONTRACTS]
    assert sorted(set(names)) == sorted(names)
