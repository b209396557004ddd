"""Views: the picture as a value, and the lazy cube that it describes.

`read` is the one function that makes pixels of a view; the cube, the encoders and a cluster's
workers all call it for the windows that they need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..geo.grid import Grid, Window
from ..pixels import NoDataMatch, Pixels, PixelType
from .cast import Appearance, cast, shown
from .layer import Layer, nothing
from .mosaic import Mosaic, lay
from .warp import warp

if TYPE_CHECKING:
    import xarray

BLOCK = 1024
"""Rows and columns of the output that are warped at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that decides the pixels of a picture. Blocks obey it, and decide nothing."""

    grid: Grid
    """Of the output; north up."""

    layer: Layer | Mosaic
    """The raster, or the rasters, and how they are warped."""

    pixel_type: PixelType
    """Type that the values are cast to."""

    fill: tuple[float, ...] | None = None
    """What stands for no data in each band of the cube, if anything is declared; of a picture
    nothing does."""

    appearance: Appearance | None = None
    """How values become a picture; `None` where they stay values."""

    opaque: bool = False
    """Is it certain that every pixel is valid?"""

    blank: bool = False
    """Was no raster selected? Then no pixel is valid, and nothing is read."""

    @property
    def bands(self) -> int:
        """Bands of the result."""
        if self.appearance is not None and self.appearance.palette is not None:
            return 3
        return len(self.layer.bands)

    @property
    def fills_jointly(self) -> bool:
        """Is a pixel no data only where each of its bands is `fill`, as the request has it?"""
        rule = self.layer.nodata_rule
        return rule is not None and rule.match is NoDataMatch.ALL

    @property
    def result_type(self) -> PixelType:
        """Type of the result: U8 for a picture."""
        return self.pixel_type if self.appearance is None else PixelType.U8


def read(view: View, window: Window) -> Pixels:
    """Compute the pixels of a window of the view, block by block; this reads the rasters."""
    (top, bottom), (left, right) = window.rows, window.columns
    width = _width(view, bottom - top)
    if bottom - top <= BLOCK and right - left <= width:
        return _block(view, window)
    out: Pixels | None = None
    for y in range(top, bottom, BLOCK):
        for x in range(left, right, width):
            part = Window(rows=(y, min(y + BLOCK, bottom)), columns=(x, min(x + width, right)))
            pixels = _block(view, part)
            out = out or _room(pixels, window)
            if len(pixels.valid) > len(out.valid):
                out = Pixels(out.values, np.repeat(out.valid, len(pixels.valid), axis=0))
            rows, columns = (
                slice(y - top, part.rows[1] - top),
                slice(x - left, part.columns[1] - left),
            )
            out.values[:, rows, columns] = pixels.values
            out.valid[:, rows, columns] = pixels.valid
    assert out is not None
    return out


def _width(view: View, rows: int) -> int:
    """Columns of a block: more than rows where those are few, as each block costs some time.

    Still more where pixels are copied: to be warped, they must lie close together in the raster.
    """
    is_copied = isinstance(view.layer, Layer) and view.layer.offset_yx is not None
    most = 4 * BLOCK if is_copied else BLOCK // 4
    return BLOCK * max(1, most // rows)


def _room(like: Pixels, window: Window) -> Pixels:
    shape = window.shape_yx
    return Pixels(
        np.empty((len(like.values), *shape), like.values.dtype),
        np.empty((len(like.valid), *shape), np.uint8),
    )


def _block(view: View, window: Window) -> Pixels:
    pixels = _gathered(view, window)
    pixels = Pixels(cast(pixels.values, view.pixel_type), pixels.valid)
    return pixels if view.appearance is None else shown(pixels, view.appearance)


def _gathered(view: View, window: Window) -> Pixels:
    if isinstance(view.layer, Mosaic):
        return lay(view.layer, view.grid, window)
    if view.blank:
        return nothing(view.layer, window.shape_yx)
    return warp(view.layer, view.grid, window)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ViewArray:
    """A view that is read when it is indexed, as dask indexes what arrays are made from."""

    view: View

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.view.bands, *self.view.grid.shape_yx)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.view.result_type.dtype

    @property
    def ndim(self) -> int:
        return 3

    def __getitem__(self, index: tuple[slice, slice, slice]) -> NDArray[Any]:
        bands, rows, columns = index
        pixels = read(self.view, _window(rows, columns, self.view.grid.shape_yx))
        return pixels.marked(self.view.fill, self.view.fills_jointly)[bands]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ValidArray:
    """The validity of a view, read when it is indexed."""

    view: View

    @property
    def shape(self) -> tuple[int, int]:
        return self.view.grid.shape_yx

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.bool_)

    @property
    def ndim(self) -> int:
        return 2

    def __getitem__(self, index: tuple[slice, slice]) -> NDArray[np.bool_]:
        return read(self.view, _window(*index, self.view.grid.shape_yx)).alpha() > 0


def _window(rows: slice, columns: slice, shape_yx: tuple[int, int]) -> Window:
    top, bottom, _ = rows.indices(shape_yx[0])
    left, right, _ = columns.indices(shape_yx[1])
    return Window(rows=(top, bottom), columns=(left, right))


def cube(view: View, name: str, token: str) -> xarray.DataArray:
    """The view as a lazy cube `(band, y, x)`, a dask array over blocks of the output.

    x and y are pixel centres; the spatial reference, the transform and the no-data value are
    where rioxarray keeps them. The coordinate `valid` `(y, x)`, just as lazy, is true where a
    pixel is data.

    Args:
        name: of the array.
        token: names the tasks; the same token must mean the same pixels.
    """
    import dask.array
    import rioxarray  # noqa: F401 - gives arrays their .rio
    import xarray

    chunks = ((view.bands,), *(_chunks(n) for n in view.grid.shape_yx))
    values = dask.array.from_array(
        _ViewArray(view=view), chunks=chunks, name=f"pixels-{token}", asarray=False
    )
    valid = dask.array.from_array(
        _ValidArray(view=view), chunks=chunks[1:], name=f"valid-{token}", asarray=False
    )
    affine, (rows, columns) = view.grid.affine, view.grid.shape_yx
    array = xarray.DataArray(
        values,
        dims=("band", "y", "x"),
        name=name,
        coords={
            "band": np.arange(1, view.bands + 1),
            "y": affine.f + affine.e * (np.arange(rows) + 0.5),
            "x": affine.c + affine.a * (np.arange(columns) + 0.5),
            "valid": (("y", "x"), valid),
        },
    )
    placed: xarray.DataArray = array.rio.write_crs(view.grid.crs.to_wkt).rio.write_transform(affine)
    if view.fill is not None:
        placed = placed.rio.write_nodata(view.fill[0])
    return placed


def _chunks(length: int) -> tuple[int, ...]:
    whole, rest = divmod(length, BLOCK)
    return (BLOCK,) * whole + ((rest,) if rest else ())
