"""exportImage: a picture, or the values, of a box of a service (spec: exportImage, 9.3 to 11)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..encode.format import Encoder, placed
from ..errors import ItemError, ParameterError, SizeLimitError
from ..geo.extent import Extent
from ..imagery.view import cube
from ..mosaics import failures
from ..mosaics.dataset import MosaicDataset
from ..running import Runner, close
from ..service import ImageService
from .pieces import Chunk, Stream, assembled, make_opaque_piece, make_piece, watched
from .planning import ExportPlan, plan_export, plan_kmz
from .request import ExportRequest
from .saving import Progress, Shown, is_device, pour, put

if TYPE_CHECKING:
    import xarray


_log = logging.getLogger(__name__)
_runner = Runner()
Done = TypeVar("Done")

_KINDS = {".jpeg": ".jpg", ".tiff": ".tif"} | {
    kind: kind for kind in (".bip", ".bmp", ".bsq", ".gif", ".jpg", ".kmz", ".lerc", ".png", ".tif")
}
"""Endings of files' names, and the extension that stands for each."""


def export_image(
    service: ImageService,
    request: ExportRequest,
    *,
    kmz: bool = False,
    runner: Runner | None = None,
) -> Export:
    """Prepare an image of the service; no pixel is read until it is streamed.

    Args:
        service: what to draw.
        request: how to draw it.
        kmz: draw it in WGS 84 and wrap it in a KMZ (`f=kmz`).
        runner: threads and limits; the process's own if not given.

    Raises:
        ParameterError: the request asks for what the service cannot give, or the runner cannot
            hold in memory.
        SourceError: statistics were needed, and the raster cannot be read.
    """
    planner = Planner(service=service, request=request, kmz=kmz)
    return Export(planner, runner or _runner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Makes the plan of an export, and makes it again where items of a mosaic may be left out."""

    service: ImageService

    request: ExportRequest

    kmz: bool

    def plan(self) -> ExportPlan:
        return (plan_kmz if self.kmz else plan_export)(self.service, self.request)

    def leaves_out(self, error: ItemError) -> bool:
        """Will the next plan do without the item? Not if the service wants all of them."""
        source = self.service.source
        if not isinstance(source, MosaicDataset) or source.settings.on_failure != "skip":
            return False
        if not error.raster:
            return False
        _log.warning("service %s: %s; it is left out", self.service.name, error)
        failures.remember(error.raster, error.version, error.reason)
        return True


class Export:
    """An image that is planned, and made when it is streamed."""

    def __init__(self, planner: Planner, runner: Runner) -> None:
        self.plan = plan = planner.plan()
        self._planner = planner
        self._runner = runner
        self._check_memory()
        self._settled: Encoder | None = None if plan.translucent else plan.encoder
        self._kept: list[Any] | None = None
        self._settling = threading.Lock()

    def __repr__(self) -> str:
        view = self.plan.view
        return (
            f"<Export {self._planner.service.name}: {self.width} x {self.height} pixels, "
            f"{view.bands} x {view.result_type.name}, {str(view.grid.crs)[:30]}>"
        )

    @property
    def extent(self) -> Extent:
        """What is really drawn, in the picture's spatial reference."""
        return self.plan.view.grid.extent

    @property
    def width(self) -> int:
        return self.plan.view.grid.shape_yx[1]

    @property
    def height(self) -> int:
        return self.plan.view.grid.shape_yx[0]

    @property
    def token(self) -> str:
        """Equal tokens are equal bytes."""
        return self.plan.token

    @property
    def media_type(self) -> str:
        """Of jpgpng this reads pixels, to find out which of the two it is."""
        return self.settle().media_type

    @property
    def extension(self) -> str:
        """With its dot. Of jpgpng this reads pixels, as `media_type` does."""
        return self.settle().extension

    @property
    def length(self) -> int | None:
        """Bytes of the file where they are known before the pixels are."""
        return self._settled.length if self._settled else None

    @cached_property
    def cube(self) -> xarray.DataArray:
        """The pixels as a lazy cube `(band, y, x)` with `.rio`; its coordinate `valid` is true
        where a pixel is data."""
        return cube(self.plan.view, self._planner.service.name, self.token)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of a mosaic: items that were left out, or were too many."""
        return self.plan.notes

    def without(self, error: ItemError) -> Export:
        """The same export without an item that cannot be read.

        Raises:
            ItemError: the error itself, where the service fails rather than leave it out.
        """
        if not self._planner.leaves_out(error):
            raise error
        return Export(self._planner, self._runner)

    def leave_out(self, error: BaseException) -> None:
        """Let the next exports do without an item that this one, half sent, broke off at, if the
        service leaves such items out."""
        if isinstance(error, ItemError):
            self._planner.leaves_out(error)

    def settle(self, progress: Progress | None = None) -> Encoder:
        """Decide which encoder it is; for jpgpng this reads pixels until one is no data."""
        with self._settling:
            if self._settled is None:
                self._settled = self._opaque_or_not(progress)
        return self._settled

    def stream(self, progress: Progress | None = None) -> Stream[bytes]:
        """The file as an iterator of bytes, made as it is read, in bounded memory."""
        return self._begun(lambda encoder, pieces: encoder.assemble(pieces), progress)

    def _begun(
        self, told: Callable[[Encoder, Iterator[Any]], Iterator[Chunk]], progress: Progress | None
    ) -> Stream[Chunk]:
        """The file as an encoder tells it, given its pieces."""
        encoder = self.settle(progress)
        kept, self._kept = self._kept, None
        stop = self._runner.stop()
        if kept is not None:
            return Stream(told(encoder, iter(kept)), iter(()), stop)
        count = len(encoder.strips)
        pieces = self._runner.pieces(partial(make_piece, self.plan.view, encoder), count, stop)
        pieces = watched(pieces, count, progress)
        chunks = assembled(partial(told, encoder), pieces)
        if count > 1 and encoder.gathers:
            chunks = self._runner.within(encoder.gathers, chunks, stop)
        return Stream(chunks, pieces, stop)

    def save(self, path: str | PathLike[str], progress: bool | Progress | None = None) -> Path:
        """Write the file; it appears under its name only when it is complete. A device or a pipe,
        such as `/dev/stdout`, is given its bytes then.

        Of a mosaic that leaves out what cannot be read, it may be begun several times.

        Args:
            path: of the file.
            progress: `True` draws a bar on the terminal; a callable is told `(done, total)`.

        Raises:
            ParameterError: the name ends as files of another format do.
        """
        target = Path(path)
        self._check_name(target)
        return persistently(self, lambda export: export._write(target, progress))

    def _write(self, target: Path, progress: bool | Progress | None) -> Path:
        with Shown(progress, self.width * self.height) as tell:
            if is_device(target):
                with self.stream(tell) as chunks:
                    pour(chunks, target)
            else:
                with self._begun(placed, tell) as parts:
                    put(parts, target)
        return target

    def _check_memory(self) -> None:
        """A file that would never find room to be made whole isn't begun."""
        wanted = self.plan.encoder.gathers
        if not self._runner.admission.holds(wanted):
            kind = self.plan.encoder.extension[1:]
            rule = f"{kind} needs {wanted / 2**20:.0f} MiB of memory for it, more than is allowed"
            raise SizeLimitError("size", f"{self.width},{self.height}", rule)

    def _check_name(self, target: Path) -> None:
        """A picture in a file called .tif would be found out much later."""
        said = _KINDS.get(target.suffix.lower())
        made = {self.plan.encoder.extension}
        if self.plan.translucent is not None:
            made.add(self.plan.translucent.extension)
        if said is not None and said not in made:
            listed = " or ".join(sorted(each[1:] for each in made))
            raise ParameterError("format", listed, f"the name {target.name} says otherwise")

    def _opaque_or_not(self, progress: Progress | None) -> Encoder:
        """jpgpng: make the JPEG, and give it up at the first pixel that is no data."""
        encoder, translucent = self.plan.encoder, self.plan.translucent
        assert translucent is not None
        work = partial(make_opaque_piece, self.plan.view, encoder)
        count = len(encoder.strips)
        pieces = self._runner.pieces(work, count, self._runner.stop())
        pieces = watched(pieces, count, progress)
        kept = []
        try:
            for piece in pieces:
                if piece is None:
                    return translucent
                kept.append(piece)
        finally:
            close(pieces)
        self._kept = kept
        return encoder


def persistently(export: Export, deed: Callable[[Export], Done]) -> Done:
    """What a deed gives, done again without each item that it finds unreadable, if such items
    may be left out."""
    found: set[tuple[str, str]] = set()
    while True:
        try:
            return deed(export)
        except ItemError as error:
            if (error.raster, error.version) in found:
                raise
            found.add((error.raster, error.version))
            export = export.without(error)
