"""Make every generated file from its source, or say which one is out of date.

`python -m scripts.generate` writes; `--check` writes nothing and exits 1 when a file differs from what its source says;
`--publish` freezes the schemas as they are, which a release does. The tidy tests call the check.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.makers import bots_page, reasons, schemas, signals

ROOT = Path(__file__).resolve().parent.parent


def made(publish: bool = False) -> Iterator[tuple[str, str]]:
    """Yield (path from the root, text) of every generated file."""
    yield from reasons.files(ROOT)
    yield from schemas.files(ROOT, publish)
    yield from signals.files(ROOT)
    yield from bots_page.files(ROOT)
    # Imported last and here: a flow that does not import yet must not keep the registries from being made.
    from scripts.makers import flow_picture

    yield from flow_picture.flow_picture()


def orphans(names: set[str]) -> list[str]:
    """Return schemas on disk that no contract stands behind."""
    return sorted(
        name
        for path in (ROOT / schemas.FOLDER).glob("*.json")
        if (name := path.relative_to(ROOT).as_posix()) not in names
    )


def main(arguments: list[str]) -> int:
    """Write or check every generated file; returns the exit code."""
    check = "--check" in arguments
    stale, names = [], set()
    try:
        for name, text in made("--publish" in arguments):
            names.add(name)
            path = ROOT / name
            if path.exists() and path.read_text("utf-8") == text:
                continue
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
    except schemas.Unversioned as err:
        print(err)
        return 1
    for name in orphans(names):
        stale.append(name)
        if not check:
            (ROOT / name).unlink()
    for name in stale:
        print(f"{name}: {'differs from its source; run python -m scripts.generate' if check else 'made'}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
