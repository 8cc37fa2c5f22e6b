"""Write a file whole or not at all, durably: whoever reads it sees the old content or the new, never a part.

The part is written beside it under a name of this process alone, so that two processes that write the same file do not
spoil each other's.
"""

import os
from pathlib import Path


def put_whole(path: Path, data: bytes) -> None:
    """Write a small file and wait until it is on disk (one fsync); raises OSError, and then nothing has changed."""
    part = part_of(path)
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def part_of(path: Path) -> Path:
    """Return the name under which this process makes a file or folder that will be called `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")
