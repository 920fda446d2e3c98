#!/bin/sh
# Makes .venv as uv.lock says, with the machine's own Python and nothing of the user's.
#
# usage: tools/environment.sh [PYTHON]
# uv comes from PATH; where there is none, a pinned one goes into .tools/ and stays there.
set -eu

cd "$(dirname "$0")/.."
here=$(pwd)
pinned_uv="uv==0.13.8"  # the version that wrote uv.lock; any uv that reads it will do
stamp=.venv/.made-for

say() { printf '%s\n' "$*" >&2; }
stop() { say "frontdoor: $*"; exit 1; }

# The interpreter itself, never a shim or another environment's link: those come and go with the shell.
interpreter() {
    "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable)) if sys.version_info >= (3, 11) else sys.exit(1)' 2>/dev/null
}

find_python() {
    for candidate in ${1:+"$1"} python3 python3.13 python3.12 python3.11; do
        if interpreter "$candidate"; then return; fi
        [ -z "${1:-}" ] || stop "$1 is not Python 3.11 or newer."
    done
    stop "no Python 3.11 or newer found as python3, python3.13, python3.12 or python3.11. Install one, or name it: make PYTHON=/path/to/python"
}

# A version manager's shim may stand on PATH and still not run.
runs() { "$1" --version >/dev/null 2>&1; }

fetch_uv() {
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        stop "no uv on PATH, and $python cannot make an environment to install it in (no ensurepip). Install uv, or that Python's venv package (on Debian: python3-venv)."
    fi
    say "frontdoor: no uv on PATH; installing $pinned_uv into .tools/"
    rm -rf .tools
    "$python" -m venv .tools/venv
    .tools/venv/bin/python -m pip install --quiet --disable-pip-version-check "$pinned_uv" \
        || stop "could not install $pinned_uv from the package index; see pip's message above."
    mkdir -p .tools/bin  # apart from the environment's own bin, which would shadow python3
    ln -s ../venv/bin/uv ../venv/bin/uvx .tools/bin/
}

# A checkout that was moved, or whose Python was removed, has an environment that only looks made.
fresh() {
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$here" ] && .venv/bin/python -c '' 2>/dev/null \
        && [ "$stamp" -nt pyproject.toml ] && [ "$stamp" -nt uv.lock ]
}

find_uv() {
    if runs .tools/bin/uv; then uv=.tools/bin/uv; elif runs uv; then uv=uv; else fetch_uv; uv=.tools/bin/uv; fi
}

if fresh; then exit 0; fi
python=$(find_python "${1:-}")
find_uv
[ ! -f "$stamp" ] || [ "$(cat "$stamp")" = "$here" ] || rm -rf .venv
rm -f "$stamp"
say "frontdoor: making .venv with $python"
"$uv" sync --locked --quiet --python "$python" --python-preference only-system
printf '%s\n' "$here" >"$stamp"
