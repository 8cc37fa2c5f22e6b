"""Take the fields of a JSON object one by one, and refuse what is unknown, missing or out of bounds.

Numbers are whole or decimals, never floats. Each refusal names the place, the field, the value and what is allowed.
"""

import json
from contextlib import suppress
from decimal import Decimal, InvalidOperation

from bots.kit import micro
from contracts.base import Refused
from contracts.units import MAX_INT

MILLION, UNUSABLE = 1_000_000, -1
SIDES = {"1": 1, "-1": -1, "buy": 1, "sell": -1, "long": 1, "short": -1}
TEXT_MAX, AMOUNT_MAX = 128, 10**18


class Fields:
    """One object of a case, from which each field is taken once; whatever is left over is unknown."""

    def __init__(self, value: object, where: str) -> None:
        """Take an object; raises Refused for anything else."""
        if not isinstance(value, dict):
            raise Refused(f"{where} is {shown(value)}; allowed: an object")
        self._left, self._where, self._known = dict(value), where, set[str]()

    def take(self, name: str, default: object = None) -> object:
        """Return a field as it stands, the default where there is none."""
        self._known.add(name)
        return self._left.pop(name, default)

    def names(self) -> list[str]:
        """Return the fields that were not taken yet."""
        return list(self._left)

    def refuse(self, name: str, value: object, allowed: str) -> Refused:
        """Return the refusal of a value."""
        said = "missing" if value is None else shown(value)
        return Refused(f"{self._where}.{name} is {said}; allowed: {allowed}")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.take(name)
        value = default if value is None else value
        if not isinstance(value, str) or len(value) > TEXT_MAX or (not value and default is None):
            raise self.refuse(name, value, f"a text of 1 to {TEXT_MAX} characters")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false where there is none."""
        value = self.take(name)
        if not isinstance(value, bool | None):
            raise self.refuse(name, value, "true or false")
        return value is True

    def whole(self, name: str, default: int | None, least: int = 0, most: int = MAX_INT) -> int:
        """Return a whole number inside its bounds; None as default makes it required."""
        value = self.take(name)
        value = default if value is None else value
        if type(value) is not int or not least <= value <= most:
            raise self.refuse(name, value, f"a whole number of {least} to {most}")
        return value

    def whole_or_none(self, name: str, least: int = 0, most: int = MAX_INT) -> int | None:
        """Return a whole number, or None where there is none."""
        if self._left.get(name) is None:
            self.take(name)
            return None
        return self.whole(name, None, least, most)

    def decimal(self, name: str, least: int, most: int, unit: str) -> int | None:
        """Return a decimal as integer millionths inside its bounds (in units), or None where there is none."""
        value = self.take(name)
        if value is None:
            return None
        found = None
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            with suppress(Refused):
                found = micro(str(value))
        if found is None or not least * MILLION <= found <= most * MILLION:
            raise self.refuse(name, value, f"{unit} from {least} to {most}, a decimal with at most six places")
        return found

    def amount(self, name: str, needed: bool = False, signed: bool = False) -> int | None:
        """Return NAME_micros (a whole number) or NAME_usd (a decimal) in micros; both at once are refused."""
        least = -AMOUNT_MAX if signed else 0
        micros = self.take(f"{name}_micros")
        usd = self.decimal(f"{name}_usd", least // MILLION, AMOUNT_MAX // MILLION, "dollars")
        if micros is not None and usd is not None:
            raise self.refuse(f"{name}_usd", usd, f"only one of {name}_usd and {name}_micros")
        if micros is not None and (type(micros) is not int or not least <= micros <= AMOUNT_MAX):
            raise self.refuse(f"{name}_micros", micros, f"a whole number of {least} to {AMOUNT_MAX}")
        found = usd if micros is None else micros
        if found is None and needed:
            raise self.refuse(f"{name}_micros", None, f"{name}_micros, a whole number, or {name}_usd, a decimal")
        return int(found) if isinstance(found, int) else None

    def share(self, name: str) -> int:
        """Return a number of 0 to 1 as millionths, downwards; -1 for what is missing, no number or outside."""
        value = self.take(name)
        if isinstance(value, bool | list | dict):
            raise self.refuse(name, value, "a number from 0 to 1")
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            return UNUSABLE
        return int(number * MILLION) if number.is_finite() and 0 <= number <= 1 else UNUSABLE

    def side(self) -> int:
        """Return 1 or -1."""
        value = self.take("side")
        found = SIDES.get(str(value).lower()) if not isinstance(value, bool) else None
        if found is None:
            raise self.refuse("side", value, ", ".join(SIDES))
        return found

    def items(self, name: str) -> list[object]:
        """Return a list; an empty one where there is none."""
        value = self.take(name)
        if value is not None and not isinstance(value, list):
            raise self.refuse(name, value, "a list of objects")
        return value or []

    def end(self) -> None:
        """Refuse what is left over."""
        for name, value in self._left.items():
            raise Refused(
                f"{self._where}.{name} is {shown(value)}; no such field; allowed: {', '.join(sorted(self._known))}"
            )


def read_object(text: str, where: str) -> Fields:
    """Return the object of one line of JSON; a name that stands twice is refused."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=_once)
    except Refused as err:
        raise Refused(f"{where}: {err}") from None
    except (ValueError, RecursionError) as err:
        raise Refused(f"{where}: not JSON ({err}); allowed: one object a line") from None
    return Fields(value, where)


def shown(value: object) -> str:
    """Spell a value for a message, shortened."""
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Refused(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return found
