#!/usr/bin/env bash
# Prints where a Python of version $1 is, exits 1 when there is none: on PATH, or among pyenv's.
set -euo pipefail
for python in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/python; do
  if [ -n "$python" ] && "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$1" 2>/dev/null; then
    echo "$python"
    exit
  fi
done
exit 1
