"""The servers that are compared: ours, MapServer, titiler; and rio-tiler and the limit."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from processes import Server
from work import Box, Row

PROCESSES = 2
"""Of each server."""
CLIENTS = 8
CACHE = 256
"""MiB of decoded blocks that each process may keep: ours, MapServer's and the limit's."""
_MEDIA = {"png": "image/png", "jpeg": "image/jpeg", "tiff": "image/tiff"}


class Ours(Server):
    name = "ours"

    def start(self) -> None:
        lines = ["[limits]", "max_image_size = [40000, 40000]", f'cache_bytes = "{CACHE} MiB"']
        for name, path in self.rasters.items():
            # A mosaic is a folder to ours, and a VRT of its rasters to the others.
            source = path.with_suffix("") if path.suffix == ".vrt" else path
            lines += [f"[services.{name}]", f'source = "{source}"']
        config = self.folder / "services.toml"
        config.write_text("\n".join(lines) + "\n")
        options = ["--port", self.port, "--workers", PROCESSES, "--threads", CLIENTS]
        self.run([sys.executable, "-m", "exportimage_wsgi", "serve", config, *options])

    def url(self, row: Row, box: Box) -> str:
        query = {
            "bbox": ",".join(map(repr, box)),
            "bboxSR": row.crs,
            "imageSR": row.crs,
            "size": "{},{}".format(*row.size),
            "format": {"png": "png24", "jpeg": "jpg", "tiff": "tiff"}[row.format],
            "interpolation": "RSP_BilinearInterpolation",
            "adjustAspectRatio": "false",
            "f": "image",
        }
        if row.bands:
            query["bandIds"] = ",".join(map(str, row.bands))
        return f"/rest/services/{row.scene}/ImageServer/exportImage?{urlencode(query)}"


class MapServer(Server):
    """FastCGI processes behind nginx, which keep their rasters open."""

    name = "MapServer"

    def start(self) -> None:
        (self.folder / "bench.map").write_text(_mapfile(self.rasters, self.rows))
        settings = self.folder / "mapserver.conf"
        settings.write_text('CONFIG\n  ENV\n    MS_MAP_PATTERN "."\n  END\n  MAPS\n  END\nEND\n')
        said = {
            "MAPSERVER_CONFIG_FILE": str(settings),
            "GDAL_CACHEMAX": str(CACHE),
        }
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            for _ in range(PROCESSES):
                self.run(["/usr/bin/mapserv"], stdin=listener, env=os.environ | said)
        front = self.folder / "nginx.conf"
        front.write_text(_NGINX.format(folder=self.folder, port=self.port, address=address))
        self.run(["/usr/sbin/nginx", "-c", front, "-p", self.folder])

    def url(self, row: Row, box: Box) -> str:
        query = {
            "map": self.folder / "bench.map",
            "SERVICE": "WMS",
            "VERSION": "1.1.1",
            "REQUEST": "GetMap",
            "LAYERS": row.name,
            "STYLES": "",
            "SRS": f"EPSG:{row.crs}",
            "BBOX": ",".join(map(repr, box)),
            "WIDTH": row.size[0],
            "HEIGHT": row.size[1],
            "FORMAT": _MEDIA[row.format],
        }
        return f"/?{urlencode(query)}"


_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  fastcgi_buffers 64 64k;
  upstream maps {{ server {address}; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass maps;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param SERVER_NAME 127.0.0.1;
      fastcgi_param SERVER_PORT {port};
      fastcgi_param SCRIPT_NAME /;
    }}
  }}
}}
"""


def _mapfile(rasters: Mapping[str, Path], rows: Sequence[Row]) -> str:
    """A layer for each row of the table."""
    return _MAPFILE.format(layers="\n".join(_layer(row, rasters[row.scene]) for row in rows))


def _layer(row: Row, path: Path) -> str:
    said = ["CLOSE_CONNECTION=DEFER"]
    if row.means:  # of pixels as many as ours and the limit take
        said += ["RESAMPLE=AVERAGE", "OVERSAMPLE_RATIO=4"]
    elif row.smooth:
        said.append("RESAMPLE=BILINEAR")
    if row.bands:
        said.append("BANDS=" + ",".join(str(band + 1) for band in row.bands))
    said += [f"SCALE_{number}={a},{b}" for number, (a, b) in enumerate(row.stretch, 1)]
    processing = "".join(f'    PROCESSING "{each}"\n' for each in said)
    return _LAYER.format(name=row.name, path=path, processing=processing)


_LAYER = """
  LAYER
    NAME "{name}"
    TYPE RASTER
    STATUS ON
    DATA "{path}"
{processing}
    PROJECTION
      "epsg:32613"
    END
  END
"""

_MAPFILE = """
MAP
  NAME "bench"
  SIZE 400 400
  MAXSIZE 40000
  EXTENT 540000 4440000 570000 4470000
  PROJECTION
    "epsg:32613"
  END
  OUTPUTFORMAT
    NAME "png"
    DRIVER "AGG/PNG"
    MIMETYPE "image/png"
    IMAGEMODE RGB
    FORMATOPTION "COMPRESSION=1"
  END
  OUTPUTFORMAT
    NAME "jpeg"
    DRIVER "AGG/JPEG"
    MIMETYPE "image/jpeg"
    IMAGEMODE RGB
    FORMATOPTION "QUALITY=75"
  END
  OUTPUTFORMAT
    NAME "tiff"
    DRIVER "GDAL/GTiff"
    MIMETYPE "image/tiff"
    IMAGEMODE FLOAT32
  END
  WEB
    METADATA
      "wms_title" "bench"
      "wms_enable_request" "*"
      "wms_srs" "EPSG:32613 EPSG:3857 EPSG:4326"
    END
  END
{layers}
END
"""


class Titiler(Server):
    """uvicorn with two processes, and the settings of GDAL that titiler's manual recommends."""

    name = "titiler"

    def start(self) -> None:
        command = [peers_python(), "-m", "uvicorn", "titiler.application.main:app"]
        options = ["--port", self.port, "--workers", PROCESSES, "--log-level", "warning"]
        self.run([*command, *options], env=os.environ | GDAL_OF_TITILER)

    def url(self, row: Row, box: Box) -> str:
        kind = {"png": "png", "jpeg": "jpeg", "tiff": "tif"}[row.format]
        resampling = "bilinear" if row.smooth else "nearest"
        query: list[tuple[str, object]] = [
            ("url", self.rasters[row.scene]),
            ("coord_crs", f"epsg:{row.crs}"),
            ("dst_crs", f"epsg:{row.crs}"),
            ("resampling", resampling),
            ("reproject", resampling),
            ("return_mask", "false"),
        ]
        query += [("bidx", band + 1) for band in row.bands]
        query += [("rescale", f"{low},{high}") for low, high in row.stretch]
        where = ",".join(map(repr, box))
        return f"/cog/bbox/{where}/{row.size[0]}x{row.size[1]}.{kind}?{urlencode(query)}"


GDAL_OF_TITILER = {
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
    "TITILER_API_CORS_ORIGINS": "*",
}


def peers_python() -> Path:
    """The interpreter of the environment that the peers are installed in."""
    return Path(os.environ["PEERS_VENV"]) / "bin" / "python"
