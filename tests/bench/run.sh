#!/bin/sh
# Measure the CPU time of a picture against rasterio and Pillow:
#
#     sh tests/bench/run.sh [--rounds 5] [--places 30] [--folder FOLDER]
#
# A table goes to standard error and JSON to standard output; the status is 1 if a mark is missed.
# The first run makes a scene of 30000 × 30000 pixels, which takes some minutes and 3 GB for a while.
# VENV and PYTHON are those of examples/quickstart.sh.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/examples/venv.sh"
prepare_venv "${VENV:-$root/.venv}" --editable .
exec "$venv/bin/python" "$root/tests/bench/warm_picture.py" "$@"
