"""Change the scope lists in a desk's file, keeping everything else as its owner wrote it.

The file is checked before and after: a change that would leave a desk that cannot be loaded is not made. A running desk
does not see it, since configuration reaches a desk only at its birth or through the control plane.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tomlkit

from contracts.base import Refused
from flows.desks import Desk, load_desk
from flows.rails import LISTS, names


def set_allowed(name: str, config_dir: Path, key: str, values: Sequence[str]) -> Desk:
    """Write `trading.KEY` of a desk's file and return the desk as it then is; raises Refused, and changes nothing.

    An empty list removes the bound; what that means in live is the guard's matter: nothing may be traded.
    """
    if key not in LISTS:
        raise Refused(f"trading.{key}: unknown; allowed: {', '.join(LISTS)}")
    load_desk(name, config_dir)
    file = config_dir / "desks" / f"{name}.toml"
    before = file.read_text("utf-8")
    document = tomlkit.parse(before)
    table = document.get("trading")
    if table is None:
        table = tomlkit.table()
        document["trading"] = table
    chosen = names(values, f"trading.{key}")
    if chosen:
        table[key] = list(chosen)
    else:
        table.pop(key, None)
    text = tomlkit.dumps(document)
    with tempfile.TemporaryDirectory(prefix="desk-") as folder:
        (Path(folder) / "desks").mkdir()
        (Path(folder) / "desks" / file.name).write_text(text, "utf-8")
        (Path(folder) / "policies").symlink_to((config_dir / "policies").resolve())
        desk = load_desk(name, Path(folder))
    _replace(file, text)
    return desk


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = file.with_suffix(".toml.new")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
