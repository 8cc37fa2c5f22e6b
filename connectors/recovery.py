"""Keep what an unfinished run needs to go on, in a folder of its own beside the store's engine.

    DIR/recovery/DESK/run.json        what the run is: whoever differs must not go on with it
    DIR/recovery/DESK/part-0.sqlite3  the dataflow's snapshots, one set per epoch; the newest whole one counts

Snapshots are pickles: the folder is as trusted as code. It is made for its owner alone, one that others could have
written to is refused, and it goes when the run has ended. It appears whole or not at all.
"""

import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec
from bytewax.recovery import RecoveryConfig, init_db_dir
from msgspec import Struct

from connectors.store import StoreError
from connectors.whole import part_of, put_whole

FOLDER, ABOUT = "recovery", "run.json"
FORMAT = 1
PARTITIONS = 1
OTHERS = 0o077
SHOWN = 5


class Begun(Struct, frozen=True, forbid_unknown_fields=True):
    """What decides a run, by name; two runs that agree in all of it give the same envelopes.

    format  version of this file
    run_id  the run
    parts   what is compared -> its digest or its own words, as in `capture a.jsonl`, `bot strat.maker_tight`
    """

    format: int
    run_id: str
    parts: dict[str, str]


class Recovery:
    """The recovery folder of one desk of a store, or of one program. Whoever uses it is alone with it."""

    def __init__(self, store: Path, name: str, partitions: int = PARTITIONS) -> None:
        """Name the folder; nothing is touched. `partitions` is at least the most workers that will ever share it."""
        self.store, self.folder, self._partitions = store, store / FOLDER / name, partitions

    def begun(self) -> Begun | None:
        """Return the run that was begun here and has not ended; raises StoreError for a folder that cannot be used."""
        try:
            about = self.folder.stat()
            if about.st_uid != os.geteuid() or about.st_mode & OTHERS:
                raise StoreError(
                    f"{self.folder}: others may write to it (mode {about.st_mode & 0o777:04o}), and a snapshot is as "
                    f"trusted as code; allowed: your own folder of mode 0700"
                )
            return msgspec.json.decode((self.folder / ABOUT).read_bytes(), type=Begun)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as err:
            raise StoreError(f"{self.folder / ABOUT}: not one of ours ({err}); {_AGAIN}") from None
        except OSError as err:
            raise StoreError(f"{self.folder}: cannot be used ({err.strerror})") from None

    def begin(self, run: Begun) -> None:
        """Make the folder for a run, in the place of any other; raises StoreError."""
        part = part_of(self.folder)
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.end()
            part.mkdir(mode=0o700)
            init_db_dir(part, self._partitions)
            put_whole(part / ABOUT, msgspec.json.encode(run))
            part.replace(self.folder)
        except OSError as err:
            raise StoreError(f"{self.folder}: cannot be made ({err.strerror})") from None

    def config(self) -> RecoveryConfig:
        """Return what the dataflow is given. No snapshot is kept longer than it is needed."""
        return RecoveryConfig(self.folder, timedelta(0))

    def end(self) -> None:
        """Remove the folder, and what a process that was killed left of making one."""
        for old in (self.folder, *self.folder.parent.glob(f".{self.folder.name}.*.part")):
            shutil.rmtree(old, ignore_errors=True)


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return what differs between two runs, by name, as `name (there X, here Y)`."""
    names = [*here, *(name for name in there if name not in here)]
    said = [(name, there.get(name, "none"), here.get(name, "none")) for name in names]
    return [f"{name} (there {old[:SHOWN_CHARS]}, here {new[:SHOWN_CHARS]})" for name, old, new in said if old != new]


def refusal(where: str, there: Begun, here: Begun) -> StoreError:
    """Return the error that names what differs from the run that was begun, and what to do."""
    found = differences(there.parts, here.parts) or [f"run {there.run_id}, here {here.run_id}"]
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return StoreError(
        f"{where}: holds an unfinished run that differs in {', '.join(found[:SHOWN])}{more}; "
        f"go on with the command and the program that began it, or use a new folder"
    )


SHOWN_CHARS = 24
_AGAIN = "remove the folder to begin the run again"
