"""Settings of a service: what its operator says of it, and the rules that this must keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import shown
from .mosaics.settings import MosaicSettings
from .pixels import Interpolation


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What the operator says of a service; everything has a default."""

    description: str = ""

    copyright: str = ""

    nodata: float | None = None
    """In place of the no-data value that the raster declares."""

    band_names: tuple[str, ...] | None = None

    resampling: Interpolation | None = None
    """Of requests that don't say; `None`: nearest for palettes and bits, else bilinear."""

    max_image_size: tuple[int, int] = (15000, 4100)
    """Width, height of the largest picture."""

    max_image_bytes: int = 1 << 32
    """Of the pixels of the largest picture, all bands together and not compressed."""

    compression_quality: int = 75
    """Of JPEG where a request doesn't say."""

    unscale: bool = False
    """Apply scale and offset that a GeoTIFF carries."""

    background: tuple[int, int, int] = (255, 255, 255)
    """Colour of no data in JPEG and BMP."""

    lerc_nodata: str = "mask"
    """`mask` or `fill`: how LERC tells which pixels are no data."""

    tiles: bool = False
    """Say a scheme of tiles, so that some clients ask for them in place of pictures."""

    default_format: str = "png"
    """Of requests that don't say: `png` as 9.3, `jpgpng` as 10.0 and later."""

    mosaic: MosaicSettings = field(default_factory=MosaicSettings)
    """Of a service of several rasters."""

    def __post_init__(self) -> None:
        """Take names as TOML has them, and refuse what breaks a rule.

        Raises:
            ValueError: by the name of the setting.
        """
        if isinstance(self.resampling, str):
            names = {kernel.value: kernel for kernel in Interpolation}
            object.__setattr__(self, "resampling", names.get(self.resampling, self.resampling))
        for pair in ("max_image_size", "background", "band_names"):
            if isinstance(getattr(self, pair), list):
                object.__setattr__(self, pair, tuple(getattr(self, pair)))
        for name, (holds, rule) in _RULES.items():
            value = getattr(self, name)
            if not holds(value):
                raise ValueError(f"{name}={shown(repr(value))}: must be {rule}")

    def fitted(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """The size, or one of its shape that is no larger than a picture may be."""
        scale = min(
            1.0, *(most / size for most, size in zip(self.max_image_size, size_wh, strict=True))
        )
        width, height = (max(1, int(size * scale)) for size in size_wh)
        return width, height


def _is_count(value: Any, least: int = 1, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _are_counts(values: Any, number: int, least: int = 1, most: float = float("inf")) -> bool:
    fits = isinstance(values, tuple) and len(values) == number
    return fits and all(_is_count(value, least, most) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "description": (lambda v: isinstance(v, str), "text"),
    "copyright": (lambda v: isinstance(v, str), "text"),
    "nodata": (lambda v: v is None or _is_number(v), "a number"),
    "band_names": (lambda v: v is None or _are_texts(v), "a list of names"),
    "resampling": (
        lambda v: v is None or isinstance(v, Interpolation),
        "nearest, bilinear, cubic or majority",
    ),
    "max_image_size": (lambda v: _are_counts(v, 2), "width and height, at least 1 each"),
    "max_image_bytes": (_is_count, "a whole number, at least 1"),
    "compression_quality": (lambda v: _is_count(v, 0, 100), "from 0 to 100"),
    "unscale": (lambda v: isinstance(v, bool), "True or False"),
    "background": (lambda v: _are_counts(v, 3, 0, 255), "red, green, blue, 0 to 255 each"),
    "lerc_nodata": (lambda v: v in ("mask", "fill"), "mask or fill"),
    "mosaic": (
        lambda v: isinstance(v, MosaicSettings),
        "an exportimage_wsgi.mosaics.settings.MosaicSettings",
    ),
    "tiles": (lambda v: isinstance(v, bool), "True or False"),
    "default_format": (lambda v: v in ("png", "jpgpng"), "png or jpgpng"),
}
