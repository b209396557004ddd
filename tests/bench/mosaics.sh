#!/bin/sh
# Measure mosaics: pictures of several scenes against GDAL, then how planning grows with the items:
#
#     sh tests/bench/mosaics.sh [--places 12] [--rounds 5] [--compression jpeg] [--folder FOLDER]
#
# Tables go to standard error and JSON to standard output. The first run makes 64 scenes of
# 4096 × 4096 pixels, which takes a minute or two and 100 MB (500 MB with deflate).
# VENV and PYTHON are those of examples/quickstart.sh.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/examples/venv.sh"
prepare_venv "${VENV:-$root/.venv}" --editable '.[stac]'
"$venv/bin/python" "$root/tests/bench/mosaic.py" "$@"
exec "$venv/bin/python" "$root/tests/bench/mosaic_index.py"
