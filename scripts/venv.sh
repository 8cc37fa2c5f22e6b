#!/bin/sh
# Make .venv with Python 3.11 or 3.12, install one lock file with its hashes checked, and link the project into it.
# Usage: sh scripts/venv.sh requirements/run.txt
set -eu
lock=$1

# A name on the path may be a shim that fails when called, so each candidate is asked for its version.
suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

if ! { [ -x .venv/bin/python ] && suits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    found=
    for name in ${PYTHON:-} python3.12 python3.11 python3 python; do
        if suits "$name"; then found=$name; break; fi
    done
    if [ -z "$found" ]; then
        echo "polytraders needs Python 3.11 or 3.12, and found neither as python3.12, python3.11 or python3." >&2
        echo "Install one, or name it: make demo PYTHON=/path/to/python3.11" >&2
        exit 2
    fi
    if ! "$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "$found cannot make virtual environments: install its venv package" >&2
        echo "(on Debian and Ubuntu: apt-get install python3-venv)." >&2
        exit 2
    fi
    echo "making .venv with $("$found" -c 'import sys; print(sys.executable, sys.version.split()[0])')"
    rm -rf .venv
    "$found" -m venv .venv
fi

echo "installing $lock, every file checked against its hash"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --no-index -e .
