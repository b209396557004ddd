#!/bin/sh
# Serve the rasters of examples/data with gunicorn, as one would in production:
#
#     sh examples/gunicorn.sh [--bind 127.0.0.1:8080] [other options of gunicorn]
#
# conf/gunicorn.conf.py tells gunicorn how to run it, EXPORTIMAGE_CONFIG the application what to
# serve. VENV and PYTHON are those of quickstart.sh.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/venv.sh"
. "$root/examples/scenes.sh"
prepare_venv "${VENV:-$root/.venv}" --editable .
prepare_scenes

EXPORTIMAGE_CONFIG=${EXPORTIMAGE_CONFIG:-$root/examples/services.toml}
export EXPORTIMAGE_CONFIG
exec "$venv/bin/python" -m gunicorn --config "$root/conf/gunicorn.conf.py" "$@" \
    exportimage_wsgi.wsgi:application
