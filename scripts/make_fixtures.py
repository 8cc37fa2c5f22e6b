"""Write the demonstration pack into fixtures/, or check that what stands there is what the generator makes.

    python -m scripts.make_fixtures            write
    python -m scripts.make_fixtures --check    compare, write nothing; exit 1 where something differs

The captures are compared uncompressed: another zlib may pack the same bytes differently.
"""

import argparse
import gzip
import sys
from pathlib import Path

from scripts.fixtures_pack.pack import SEED, Pack, make

FOLDER = Path(__file__).parent.parent / "fixtures"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the synthetic demonstration pack.")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed gives another pack (default: %(default)s)")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder to write to (default: fixtures/)")
    parser.add_argument("--check", action="store_true", help="compare with what stands there and write nothing")
    chosen = parser.parse_args(arguments)
    pack = make(chosen.seed)
    if chosen.check:
        wrong = differing(pack, chosen.into)
        for name in wrong:
            print(f"{chosen.into / name}: missing, or not what seed {chosen.seed} gives; run without --check")
        return 1 if wrong else 0
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name, data in pack.stored().items():
        (chosen.into / name).write_bytes(data)
        print(f"{chosen.into / name}: {len(data):,} bytes")
    return 0


def differing(pack: Pack, folder: Path) -> list[str]:
    """Return the names of stored files whose uncompressed content is not the pack's."""
    wrong = []
    for name, data in pack.files.items():
        path = folder / name if (folder / name).exists() else folder / (name + ".gz")
        if not path.exists():
            wrong.append(path.name)
            continue
        found = path.read_bytes()
        if (gzip.decompress(found) if path.suffix == ".gz" else found) != data:
            wrong.append(path.name)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
