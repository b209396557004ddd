"""The tables of the file: their keys, and what these mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..pixels import Interpolation
from ..rasters import is_elsewhere
from .values import (
    Bytes,
    Channel,
    Count,
    DefaultFormat,
    Flag,
    Network,
    Number,
    Origin,
    Prefix,
    Quality,
    Scheduler,
    Seconds,
    Url,
)


class Table(BaseModel):
    """A table of the file: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def said(self) -> dict[str, Any]:
        """Only what the file says, without what it leaves to defaults."""
        return {key: getattr(self, key) for key in self.model_fields_set}


class Server(Table):
    """Where the application is reached, and what it is called."""

    title: Annotated[str, Field(min_length=1)] = "REST Services Directory"
    """Heading of the pages."""

    url: Url | None = None
    """Public URL of the mount point, prefix included; otherwise what the client asked for."""

    prefix: Prefix = ""
    """Path at which the application begins, for servers that cannot mount."""

    trusted_proxies: tuple[Network, ...] = ()
    """Addresses, blocks of addresses or `unix`, whose `X-Forwarded-*` headers are believed."""


class Output(Table):
    """The store of finished files, to which `href` points."""

    directory: Path | None = None
    """Private, in the system's temporary place, if not said. All workers share it."""

    max_age: Annotated[Seconds, Field(gt=0)] = 600.0
    """Seconds that a file is kept."""

    max_bytes: Annotated[Bytes, Field(ge=1)] = ByteSize(1 << 30)
    """Of all files together: a number, or text such as `2 GB`."""

    @field_validator("directory", mode="before")
    @classmethod
    def _is_said(cls, directory: Any) -> Any:
        if isinstance(directory, str) and not directory.strip():
            raise ValueError("may not be empty")
        return directory

    @field_validator("directory")
    @classmethod
    def _beside_the_file(cls, directory: Path | None, info: ValidationInfo) -> Path | None:
        return None if directory is None else _folder(info) / os.path.expanduser(directory)


class Limits(Table):
    """What one request, or all of them together, may take."""

    max_image_size: tuple[Count, Count] = (15000, 4100)
    """Width, height of the largest picture, of services that don't say."""

    max_image_bytes: Annotated[Bytes, Field(ge=1)] = ByteSize(1 << 32)
    """Of its pixels, all bands together and not compressed: a number, or text such as `2 GB`."""

    deadline: Seconds = 900.0
    """Seconds after which an export is broken off; 0 for never."""

    exports: Count | None = None
    """Large exports at a time in each process; twice the cores if not said."""

    patience: Seconds = 10.0
    """Seconds that a large export waits for its turn before it is answered with 503."""

    gathered_bytes: Annotated[Bytes, Field(ge=1 << 20)] = ByteSize(2 << 30)
    """For pictures that are whole in memory before they are sent, in each process."""

    cache_bytes: Annotated[Bytes, Field(ge=1 << 20)] = ByteSize(128 << 20)
    """Of decoded blocks of rasters that each process keeps."""

    handles: Count = 256
    """Files that each process keeps open while nobody reads them."""

    async_pixels: Annotated[int, Field(strict=True, ge=0)] = 4_000_000
    """Exports of more pixels are made asynchronously where `async=true` asks for that."""

    jobs: Count = 16
    """Asynchronous exports that wait or are under way, of all processes together."""


class Compute(Table):
    """Where pixels are computed."""

    scheduler: Scheduler = "threads"
    """`threads` of each process, or the address of a scheduler of dask.distributed."""

    threads: Annotated[int, Field(strict=True, ge=0)] = 0
    """For large exports, in each process; 0 is one a core."""


class Cors(Table):
    """Which pages of other origins may read replies."""

    origins: tuple[Origin, ...] = ("*",)


class Compat(Table):
    """Which of Esri's servers is followed where they differ."""

    version: Annotated[float, Field(strict=True, ge=9.3, lt=12)] = 10.91

    default_format: DefaultFormat = "png"
    """Of requests that don't say: `png` as 9.3, `jpgpng` as 10.0 and later."""

    errors: Literal["auto", "esri", "http"] = "auto"
    """Which errors carry their true HTTP status: those of pictures and pages, none, all."""


class Look(Table):
    """How services look: what `[defaults]` says for all of them, and each for itself."""

    copyright: str = ""

    resampling: Interpolation | None = None

    compression_quality: Quality = 75

    background: tuple[Channel, Channel, Channel] = (255, 255, 255)

    lerc_nodata: Literal["mask", "fill"] = "mask"

    unscale: Flag = False

    tiles: Flag = False


class Mosaic(Table):
    """How the rasters of a mosaic are found, described and laid over each other; the keys are
    those of `MosaicSettings`, which checks them and knows what they are if they aren't said."""

    index: Any = None
    pattern: Any = None
    table: Any = None
    seamlines: Any = None
    tags: Any = None
    types: Any = None
    time: Any = None
    asset: Any = None
    footprints: Any = None
    crs: Any = None
    pixel_size: Any = None
    pixel_type: Any = None
    bands: Any = None
    method: Any = None
    operation: Any = None
    sort_field: Any = None
    sort_value: Any = None
    ascending: Any = None
    max_images: Any = None
    max_records: Any = None
    blend_width: Any = None
    on_failure: Any = None

    @field_validator("*")
    @classmethod
    def _checked_setting(cls, value: Any, info: ValidationInfo) -> Any:
        from ..mosaics.settings import checked_setting

        checked = checked_setting(str(info.field_name), value)
        if info.field_name in ("index", "table", "seamlines"):
            return _placed(checked.strip(), _folder(info))
        return checked

    @model_validator(mode="after")
    def _without_contradictions(self) -> Mosaic:
        if not self.model_fields_set:
            return self
        from ..mosaics.settings import contradiction

        fault = contradiction(self.said())
        if fault:
            raise ValueError(fault)
        return self


class Service(Look):
    """One service: its raster and how it is served."""

    source: Any
    """Path, URL, `cube.nc#variable` or `store.zarr#variable`. A mosaic: a folder, a glob, a table
    of items, a STAC document, or a list of any of these."""

    description: str = ""

    nodata: Number | None = None

    band_names: tuple[Annotated[str, Field(min_length=1)], ...] | None = None

    max_image_size: tuple[Count, Count] | None = None
    """That of `[limits]` if not said."""

    default_format: DefaultFormat | None = None
    """That of `[compat]` if not said."""

    mosaic: Mosaic = Mosaic()

    @field_validator("source")
    @classmethod
    def _checked_source(cls, source: Any, info: ValidationInfo) -> str | tuple[str, ...]:
        several = source if isinstance(source, list) else [source]
        if not several or not all(isinstance(each, str) and each.strip() for each in several):
            raise ValueError("must be the path or URL of a raster, or a list of them")
        placed = tuple(_placed(each.strip(), _folder(info)) for each in several)
        return placed if isinstance(source, list) else placed[0]


def _folder(info: ValidationInfo) -> Path:
    return (info.context or {}).get("folder") or Path.cwd()


def _placed(source: str, folder: Path) -> str:
    """A path relative to the folder, or to a home (`~`), as an absolute one; a URL as it is."""
    return source if is_elsewhere(source) else os.path.join(folder, os.path.expanduser(source))
