#!/bin/sh
# Check and test everything:
#
#     sh tests/run.sh [arguments of pytest]
#     sh tests/run.sh --missing-packages      Debian's packages that the tests need, and nothing else
#
# The first run makes the virtual environment .venv-test and installs the package and its tools into
# it; VENV names another place, PYTHON another interpreter (3.11 or newer).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/venv.sh"

# Programs that judge what the package makes: lines of a Debian package and its program.
missing_packages() {
    PATH=$PATH:/usr/sbin
    while read -r package program; do
        command -v "$program" >/dev/null 2>&1 || echo "$package"
    done <<LIST
gdal-bin gdalwarp
pngcheck pngcheck
libjpeg-turbo-progs djpeg
libxml2-utils xmllint
nginx-light nginx
openssl openssl
npm npm
LIST
    # For the interpreter of the system, which is not that of the tests.
    [ -e /usr/lib/python3/dist-packages/qgis/core ] || echo python3-qgis
    for program in chromium chromium-browser google-chrome; do
        command -v "$program" >/dev/null 2>&1 && return
    done
    echo chromium
}

if [ "${1-}" = --missing-packages ]; then
    missing_packages
    exit
fi

missing=$(missing_packages | tr '\n' ' ')
if [ -n "$missing" ]; then
    echo "Some tests will fail for want of programs; on Debian: apt-get install $missing" >&2
fi

prepare_venv "${VENV:-$root/.venv-test}" --editable '.[distributed,netcdf,stac,zarr]' --group test --group lint

cd "$root"
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
"$venv/bin/python" -m pytest "$@"
