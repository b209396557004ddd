#!/bin/sh
# Serve the rasters of examples/data, and a mosaic of 200 scenes that is made of one of them:
#
#     sh examples/quickstart.sh [--port 8080] [other options of `exportimage-wsgi serve`]
#
# The first run makes the virtual environment .venv and installs the package into it; VENV names
# another place, PYTHON another interpreter (3.11 or newer). Ctrl-C stops the server.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/examples/venv.sh"
. "$root/examples/scenes.sh"

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
case $port in
    '' | *[!0-9]* | ??????*) valid=false ;;
    *) valid=$([ "$port" -le 65535 ] && echo true || echo false) ;;
esac
if [ "$valid" = false ]; then
    echo "--port must be a number from 0 to 65535, not $port" >&2
    exit 2
fi
case $prefix in //*) prefix=${prefix#/} ;; esac

prepare_venv "${VENV:-$root/.venv}" --editable .
"$venv/bin/python" - "$host" "$port" <<CODE
import sys
from exportimage_wsgi.errors import ConfigError
from exportimage_wsgi.serving import check_free
try:
    check_free(sys.argv[1], int(sys.argv[2]))
except ConfigError as error:
    sys.exit(str(error))
CODE
prepare_scenes
case $host in
    0.0.0.0) host=127.0.0.1 ;;
    *:*) host=[$host] ;;
esac
services=http://$host:$port${prefix%/}/rest/services
world=$services/world/ImageServer/exportImage
rgb=$services/Rocky/rgb/ImageServer/exportImage
elevation=$services/Rocky/elevation/ImageServer/exportImage
scenes=$services/Scenes/world/ImageServer
africa="exportImage?bbox=-18,-4,56,36&bboxSR=4326&imageSR=3857&size=900,600&f=image"
latest=%22mosaicMethod%22:%22esriMosaicAttribute%22,%22sortField%22:%22AcquisitionDate%22
clearest="%3CMosaicMethod%3EByAttribute%3C/MosaicMethod%3E%3CTileOrderField%3ECloudCover%3C/TileOrderField%3E"

cat <<TEXT
The first start compiles functions, for up to a minute. When the server says "ready", open

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
  a mosaic of 200 scenes: the north-western on top, the latest (mosaicRule), blended edges
    $scenes/$africa
    $scenes/$africa&mosaicRule=%7B$latest,%22sortValue%22:%222022-01-01%22%7D
    $scenes/$africa&mosaicRule=%7B%22mosaicOperation%22:%22MT_BLEND%22%7D
  the scene with the fewest clouds on top, in the words of release 9.3 (mosaicProperties)
    $scenes/$africa&mosaicProperties=$clearest
  the scenes with less than 3 % clouds
    $scenes/query?where=CloudCover%3C3&outFields=Name,AcquisitionDate,CloudCover&f=pjson

TEXT
exec "$venv/bin/exportimage-wsgi" serve "$root/examples/services.toml" "$@"
