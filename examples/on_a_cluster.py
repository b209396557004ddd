"""Make a large image on a cluster of dask.distributed: the same bytes, by more machines.

python examples/on_a_cluster.py FOLDER [tcp://scheduler:8786]

Without an address it starts two worker processes of its own. Needs `pip install distributed`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, LocalCluster

from exportimage_wsgi import ExportRequest, ImageService, export_image
from exportimage_wsgi.cluster import Cluster
from exportimage_wsgi.cluster.link import close_links
from exportimage_wsgi.running import Runner

DATA = Path(__file__).parent / "data"


def main(folder: Path, address: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with scheduler_at(address) as scheduler:
        picture(folder, scheduler)
        highest(scheduler)


@contextmanager
def scheduler_at(address: str | None) -> Iterator[str]:
    """The address of a scheduler: the given one, or that of a cluster of this machine."""
    if address is not None:
        yield address
        return
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address
        close_links()  # Before the scheduler ends, which would be taken for a loss.


def picture(folder: Path, scheduler: str) -> None:
    """The world in the Robinson projection: workers read, warp and encode, strip by strip.

    A server does the same where its configuration says `[compute] scheduler = "tcp://…"`.
    """
    service = ImageService.open(DATA / "world.tif")
    request = ExportRequest(
        bbox=(-180, -90, 180, 90), bbox_sr=4326, image_sr=54030, size=(4000, 2032)
    )
    runner = Runner(driver=Cluster(address=scheduler))

    export_image(service, request, runner=runner).save(folder / "robinson.png", progress=told)


def told(done: int, total: int) -> None:
    print(f"robinson.png: {done} of {total} pieces")


def highest(scheduler: str) -> None:
    """The cube of an export is a dask array: any client computes with it, where the data are."""
    service = ImageService.open(DATA / "elevation.tif")
    heights = export_image(service, ExportRequest(size=(2000, 2400), format="tiff")).cube
    with Client(scheduler) as client:
        highest = client.compute(heights.max()).result()
    print(f"elevation: up to {float(highest):.0f} m")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), *sys.argv[2:])
