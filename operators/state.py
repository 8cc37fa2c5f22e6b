"""Pack what a step remembers under a version, and take it up again or refuse.

A snapshot outlives the program that wrote it. So what is kept are values by name, pickled at the moment of the
snapshot, and beside them, readable without unpickling, whose they are and in which version. An older version is brought
up by registered pure functions, one version at a time; without one, or for a later version, the snapshot is refused,
since a state that was misread is worse than none. What a plan says again (compiled functions, configurations) is not
kept.
"""

import pickle
from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from msgspec import Struct

from contracts.base import Refused

Values = dict[str, object]
Migrations = Mapping[tuple[str, int], Callable[[Values], Values]]
MADE = ("plan", "functions", "plan_hash")
_NEW_FOLDER = "begin again in a new folder (--store)"


class Packed(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of one step.

    step_id  whose it is, as in flows/steps.toml
    version  of the values
    values   pickled: name -> value
    """

    step_id: str
    version: int
    values: bytes


_ENCODE, _DECODE = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Packed).decode


class Keep:
    """What one run keeps of its steps between processes: nothing, unless versions are given.

    versions    step id -> version of its values; only these are kept
    migrations  (step id, version) -> values of that version to values of the next
    paused      the input ends here, but the run does not: a step must not close
    warm        the steps are the ones that were snapshotted: nothing is to be taken up
    heard       is told the id of a step whose snapshot is about to be made
    """

    def __init__(self, versions: Mapping[str, int] | None = None, migrations: Migrations | None = None) -> None:
        """Keep the steps that have a version."""
        self.versions, self.migrations = dict(versions or {}), dict(migrations or {})
        self.paused = self.warm = False
        self.heard: Callable[[str], None] = lambda step_id: None

    def pack(self, step_id: str, step: object) -> bytes | None:
        """Return an immutable copy of what a step remembers. About 20 ns a value; None where nothing is kept."""
        if not self.versions:
            return None
        self.heard(step_id)
        values = pickle.dumps(values_of(step), pickle.HIGHEST_PROTOCOL)
        return _ENCODE(Packed(step_id, self.versions[step_id], values))

    def unpack(self, step_id: str, kept: bytes | None, step: object) -> None:
        """Fill a new step with what was kept; raises Refused for another step, a version without a way up, a ruin."""
        if kept is None or self.warm:
            return
        fill(step, self._values(step_id, kept), step_id)

    def _values(self, step_id: str, kept: bytes) -> Values:
        try:
            packed = _DECODE(kept)
            version, wanted = packed.version, self.versions[step_id]
            if packed.step_id != step_id:
                raise Refused(f"snapshot of step {packed.step_id!r} stands under {step_id!r}; {_NEW_FOLDER}")
            steps = [self.migrations.get((step_id, older)) for older in range(version, wanted)]
            if version > wanted or None in steps:
                raise Refused(
                    f"snapshot of step {step_id!r} has version {version}; this program reads {wanted}"
                    f"{_spelled(step_id, self.migrations)}: go on with the program that wrote it, or {_NEW_FOLDER}"
                )
            values: Values = pickle.loads(packed.values)  # noqa: S301 - as trusted as code, and kept from others so
        except (msgspec.MsgspecError, pickle.UnpicklingError, AttributeError, ImportError, EOFError) as err:
            raise Refused(f"snapshot of step {step_id!r} cannot be read ({err}); {_NEW_FOLDER}") from None
        for step in steps:
            assert step is not None
            values = step(values)
        return values


def values_of(step: object) -> Values:
    """Return what a step remembers, by name."""
    state: object = step.__getstate__()
    parts = state if isinstance(state, tuple) else (state,)  # attributes, or attributes and slots
    values: Values = {}
    for part in parts:
        values |= cast("Values", part or {})
    return {name: value for name, value in values.items() if name not in MADE}


def fill(step: object, values: Values, step_id: str) -> None:
    """Give a new step its values; raises Refused where their names are not the step's own."""
    own = values_of(step)
    if own.keys() != values.keys():
        differ = ", ".join(sorted(own.keys() ^ values.keys()))
        raise Refused(f"snapshot of step {step_id!r} holds other values under its version ({differ}); {_NEW_FOLDER}")
    set_state = getattr(type(step), "__setstate__", None)
    if set_state is not None:
        set_state(step, {name: getattr(step, name) for name in MADE if hasattr(step, name)} | values)
        return
    for name, value in values.items():
        setattr(step, name, value)


def _spelled(step_id: str, migrations: Migrations) -> str:
    known = sorted(version for known_id, version in migrations if known_id == step_id)
    return f" and can bring up {', '.join(map(str, known))}" if known else ""
