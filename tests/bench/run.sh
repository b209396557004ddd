#!/bin/sh
# Measure everything, side by side with other servers and with GDAL's tools:
#
#     sh tests/bench/run.sh [interactive|large|warm_picture|memory|mosaic|mosaic_index …]
#
# Tables go to standard error; one JSON object, with a member for each benchmark, to standard
# output. The status is 1 if a mark is missed. Each is a program of its own, with options of its
# own; the times of `large` mean something on a quiet machine only.
#
# It needs mapserv, nginx and GDAL's tools (Debian: cgi-mapserver nginx-light gdal-bin). titiler,
# rio-tiler and OpenCV are installed into an environment of their own, PEERS_VENV. The first run
# makes scenes of 6 GB. VENV and PYTHON are those of examples/quickstart.sh.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/examples/venv.sh"
prepare_venv "${PEERS_VENV:-$root/.venv-peers}" \
    imagecodecs isal opencv-python-headless rio-tiler titiler.application uvicorn
export PEERS_VENV="$venv"
prepare_venv "${VENV:-$root/.venv}" --editable '.[stac]'

[ $# -gt 0 ] || set -- interactive large warm_picture memory mosaic mosaic_index
status=0 comma=
printf '{'
for name in "$@"; do
    echo "== $name" >&2
    said=$("$venv/bin/python" "$root/tests/bench/$name.py") || status=1
    printf '%s"%s": %s' "$comma" "$name" "$(printf '%s\n' "${said:-null}" | tail -n 1)"
    comma=', '
done
printf '}\n'
exit $status
