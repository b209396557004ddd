"""What a process may keep of rasters between two reads: decoded blocks, and open files."""

from __future__ import annotations


def keep_at_most(cache_bytes: int, handles: int) -> None:
    """Bound both for this process; no library is loaded for that before a raster is opened.

    Args:
        cache_bytes: of decoded blocks, of all rasters together.
        handles: files that are open while nobody reads them.
    """
    _bounds.update(cache_bytes=cache_bytes, handles=handles)


def most_tile_bytes() -> int:
    """Of tiles that are unpacked without GDAL: half of all, together with their tables."""
    return _bounds["cache_bytes"] // 2 - most_table_bytes()


def most_table_bytes() -> int:
    """Of the tables that tell where tiles lie: far fewer bytes than these, far more often used."""
    return _bounds["cache_bytes"] // 16


def gdal_bytes(others: int) -> int:
    """Of blocks that GDAL unpacks: what tiles and tables leave, in steps: it seldom changes."""
    left = _bounds["cache_bytes"] - -(-others // _STEP) * _STEP
    return max(left, _bounds["cache_bytes"] - most_tile_bytes() - most_table_bytes())


def handles() -> int:
    """As was said, but no more than a quarter of the files that the system lets a process open."""
    try:
        import resource
    except ImportError:  # not on Windows
        return _bounds["handles"]
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    unlimited = allowed == resource.RLIM_INFINITY
    return _bounds["handles"] if unlimited else max(1, min(_bounds["handles"], allowed // 4))


_STEP = 8 * 2**20
_bounds = {"cache_bytes": 128 * 2**20, "handles": 256}
