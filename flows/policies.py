"""Read the policy of a desk from its file: what guards are told of roles, law, grants, keys and contracts.

A file config/policies/NAME.toml spells a PolicyBundle field by field. What lies in the configuration folder is as much
trusted as the desk's own file, so it counts as signed by it; a bundle that reaches a running desk is a signed control
entry (`connectors/control_entries.py`). A file states no time: the policy is issued when the desk is born.
"""

import tomllib
from hashlib import sha256
from pathlib import Path

import msgspec

from contracts.base import Refused, read, write
from contracts.control import PolicyBundle

GIVEN = ("bundle_id", "bundle_hash", "signed_by", "issued_ns")
LISTS = ("market_ids", "event_tickers", "series_tickers", "denied", "certified_venues")
EMPTY: dict[str, object] = {name: [] for name in LISTS}


def load_policy(name: str, config_dir: Path) -> PolicyBundle:
    """Return the policy `name`; raises Refused naming the file, the field, the value and what is allowed."""
    folder = config_dir / "policies"
    file = folder / f"{name}.toml"
    known = sorted(item.stem for item in folder.glob("*.toml"))
    if name not in known:
        raise Refused(f"policy {name!r}: unknown; available in {folder}: {', '.join(known) or 'none'}")
    try:
        data = file.read_bytes()
        raw = tomllib.loads(data.decode())
    except OSError as err:
        raise Refused(f"{file}: cannot be read ({err.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"{file}: not TOML ({err})") from None
    for key in raw:
        if key in GIVEN or key not in PolicyBundle.__struct_fields__:
            allowed = ", ".join(field for field in PolicyBundle.__struct_fields__ if field not in GIVEN)
            raise Refused(f"{file}: unknown key {key!r}; allowed: {allowed}")
    own = {"bundle_id": name, "bundle_hash": sha256(data).hexdigest(), "signed_by": f"config:{name}", "issued_ns": 0}
    try:
        return read(PolicyBundle, write(msgspec.convert(EMPTY | raw | own, PolicyBundle)))
    except (msgspec.ValidationError, Refused) as err:
        raise Refused(f"{file}: {err}") from None
