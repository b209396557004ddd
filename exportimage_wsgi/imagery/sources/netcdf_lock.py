"""The lock of the netCDF and HDF5 libraries, neither of which bears two threads."""

from __future__ import annotations

import threading

from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK


class NetcdfLock:
    """xarray's own lock, so that arrays which a program opened wait too, for threads that hold it.

    xarray takes the lock it is given while it reads numbers, opens and closes, but not while it
    reads what a file says of itself: whoever opens one has to hold it.
    """

    def __init__(self) -> None:
        self._thread = threading.local()

    def acquire(self, blocking: bool = True) -> bool:
        times = self._times()
        if not times and not NETCDF4_PYTHON_LOCK.acquire(blocking):
            return False
        self._thread.times = times + 1
        return True

    def release(self) -> None:
        self._thread.times -= 1
        if not self._thread.times:
            NETCDF4_PYTHON_LOCK.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _times(self) -> int:
        return getattr(self._thread, "times", 0)


netcdf_lock = NetcdfLock()
