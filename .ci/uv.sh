#!/usr/bin/env bash
# Prints where uv is: on PATH, else in .cache/uv, into which pip puts it. PYTHON is the Python that has pip.
set -euo pipefail
if command -v uv; then exit; fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -x .cache/uv/bin/uv ]; then
  python=${PYTHON:-python3}
  # Debian's python3 comes without pip and venv; either is enough.
  if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .cache/uv uv >&2
  elif "$python" -m venv .cache/pip >/dev/null 2>&1; then
    .cache/pip/bin/pip install --quiet --disable-pip-version-check --target .cache/uv uv >&2
  else
    rm -rf .cache/pip
    echo "error: neither uv, pip nor venv is here. Install one: apt-get install python3-venv (Debian), or https://docs.astral.sh/uv/" >&2
    exit 1
  fi
fi
echo .cache/uv/bin/uv
