#!/bin/sh
# Serve the rasters of examples/data:
#
#     sh examples/quickstart.sh [--port 8080] [other options of `exportimage-wsgi serve`]
#
# The first run makes the virtual environment .venv and installs the package into it; VENV names
# another place, PYTHON another interpreter (3.11 or newer). Ctrl-C stops the server.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/venv.sh"
prepare_venv "${VENV:-$root/.venv}" --editable .

host=127.0.0.1 port=8080 prefix='' option=''
for argument; do
    case $option$argument in
        --host | --port | --prefix) option=$argument= && continue ;;
        --host=*) host=${argument#--host=} ;;
        --port=*) port=${argument#--port=} ;;
        --prefix=*) prefix=/${argument#--prefix=} ;;
    esac
    option=''
done
[ "$host" = 0.0.0.0 ] && host=127.0.0.1
case $prefix in //*) prefix=${prefix#/} ;; esac
"$venv/bin/python" - "$host" "$port" <<CODE
import socket, sys
host, port = sys.argv[1:]
try:
    socket.create_server((host, int(port))).close()
except (OSError, ValueError) as error:
    sys.exit(f"cannot listen at {host}:{port} ({error}); choose another with --port")
CODE
services=http://$host:$port${prefix%/}/rest/services
world=$services/world/ImageServer/exportImage
rgb=$services/Rocky/rgb/ImageServer/exportImage
elevation=$services/Rocky/elevation/ImageServer/exportImage

cat <<TEXT
When the server is ready, open

  the services
    $services
  the two examples of Esri's exportImage page
    $world?bbox=-117,34,-116,35&bboxSR=4326
    $world?bbox=-117,34,-116,35&bboxSR=4326&imageSR=102113
  the United States in Albers' equal-area projection
    $world?bbox=-122,24,-72,50&bboxSR=4326&imageSR=102003&size=900,600&f=image
  the Rocky Mountain National Park in Web Mercator
    $rgb?size=900,900&imageSR=3857&f=image
  its elevation, stretched to a picture, and as numbers in a GeoTIFF
    $elevation?size=700,800&f=image
    $elevation?size=700,800&format=tiff&f=image

TEXT
exec "$venv/bin/exportimage-wsgi" serve "$root/examples/services.toml" "$@"
