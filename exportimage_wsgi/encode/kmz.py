"""KMZ: a picture in WGS 84 and the KML that lays it on the globe, in a ZIP archive."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ..geo.extent import Extent
from ..pixels import Pixels
from .format import Encoder
from .markup import in_xml

_MOST_BYTES = 5
"""That a pixel takes in any of the formats, however little it can be packed."""

_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2">
  <GroundOverlay>
    <name>{name}</name>
    <Icon>
      <href>{picture}</href>
    </Icon>
    <LatLonBox>
      <north>{north!r}</north>
      <south>{south!r}</south>
      <east>{east!r}</east>
      <west>{west!r}</west>
    </LatLonBox>
  </GroundOverlay>
</kml>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kmz:
    """An archive of `doc.kml` and the picture, which is as its own encoder makes it.

    The picture's entry is deflate in form, but stored as it is: an entry that isn't deflate
    must tell its size beforehand, and then nothing could be sent until all is made.
    """

    overlay: Encoder
    """Makes the picture."""

    extent: Extent
    """Of the picture, in degrees of longitude and latitude; east may lie beyond 180."""

    pixels: int
    """Of the picture. One that may take more than 2 GB needs ZIP64, which must be told before it;
    others are left as every reader knows them."""

    name: str
    """What a viewer calls it."""

    media_type: ClassVar[str] = "application/vnd.google-earth.kmz"
    extension: ClassVar[str] = ".kmz"
    length: ClassVar[None] = None

    @property
    def gathers(self) -> int:
        return self.overlay.gathers

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return self.overlay.strips

    def piece(self, index: int, pixels: Pixels) -> Any:
        return self.overlay.piece(index, pixels)

    def assemble(self, pieces: Iterable[Any]) -> Iterator[bytes]:
        sink = _Sink()
        is_huge = self.pixels * _MOST_BYTES > zipfile.ZIP64_LIMIT
        picture = f"overlay{self.overlay.extension}"
        # Level 0 stores; zipfile gives entries without a date the same one always.
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=0) as archive:
            with archive.open("doc.kml", "w") as file:
                file.write(self._document(picture).encode())
            with archive.open(picture, "w", force_zip64=is_huge) as file:
                for chunk in self.overlay.assemble(pieces):
                    file.write(chunk)
                    yield sink.taken()
        yield sink.taken()

    def _document(self, picture: str) -> str:
        west, east = longitudes(self.extent.xmin, self.extent.xmax)
        return _DOCUMENT.format(
            name=in_xml(self.name),
            picture=in_xml(picture),
            north=float(self.extent.ymax),
            south=float(self.extent.ymin),
            east=east,
            west=west,
        )


def longitudes(west: float, east: float) -> tuple[float, float]:
    """The sides of a box as KML wants them, each from -180 to 180.

    A box across the antimeridian has its east below its west; one that goes once around the
    world must begin at -180.
    """
    turns = 360.0 * math.floor((west + 180.0) / 360.0)
    west, east = float(west - turns), float(east - turns)
    return (west, east) if east <= 180.0 or east - west >= 360.0 else (west, east - 360.0)


class _Sink:
    """A file to write to whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is held."""

    def taken(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)
