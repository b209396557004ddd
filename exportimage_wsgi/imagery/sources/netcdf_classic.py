"""How long a classic NetCDF file must be: the library reads zeros past the end of a short one."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import TypeVar

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    begin: int
    """Where its values, or those of its first record, begin."""

    size: int
    """Bytes of its values, or of one record of them."""

    has_records: bool


def shortest_length(path: str) -> int:
    """Bytes that the header promises; 0 for a file of another kind.

    Raises:
        ValueError: the header is cut short or isn't one.
    """
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic[:3] != b"CDF" or magic[3:] not in (b"\x01", b"\x02", b"\x05"):
            return 0
        return _Header(file, magic[3]).length()


class _Header:
    """Reads the header from where the numbers after the magic begin."""

    def __init__(self, file: BufferedReader, version: int) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._count_format = ">q" if version == 5 else ">i"
        self._offset_format = ">i" if version == 1 else ">q"

    def length(self) -> int:
        """Bytes up to the end of the last value."""
        records = self._number(self._count_format)
        dimensions = self._list(self._dimension)
        self._list(self._attribute)
        variables = self._list(lambda: self._variable(dimensions))
        fixed = [each.begin + each.size for each in variables if not each.has_records]
        recurring = [each for each in variables if each.has_records]
        step = sum(-(-each.size // 4) * 4 for each in recurring)
        if len(recurring) == 1:
            step = recurring[0].size
        if records > 0:  # -1 is a file that is still written.
            fixed += [each.begin + (records - 1) * step + each.size for each in recurring]
        return max(fixed, default=0)

    def _number(self, form: str) -> int:
        size = struct.calcsize(form)
        data = self._file.read(size)
        if len(data) < size:
            raise ValueError("the header is cut short")
        return int(struct.unpack(form, data)[0])

    def _count(self) -> int:
        count = self._number(self._count_format)
        if count < 0:
            raise ValueError("the header holds a number that cannot be")
        return count

    def _list(self, read: Callable[[], _T]) -> list[_T]:
        self._number(">i")
        return [read() for _ in range(self._count())]

    def _skip(self, size: int) -> None:
        """Pass over bytes, which are filled up to four."""
        padded = -(-size // 4) * 4
        if self._file.seek(padded, os.SEEK_CUR) > self._size:
            raise ValueError("the header is cut short")

    def _dimension(self) -> int:
        """Its length; 0 is that of the records."""
        self._skip(self._count())
        return self._count()

    def _attribute(self) -> None:
        self._skip(self._count())
        size = _SIZES.get(self._number(">i"), 1)
        self._skip(self._count() * size)

    def _variable(self, dimensions: list[int]) -> _Variable:
        self._skip(self._count())
        numbers = [self._count() for _ in range(self._count())]
        if max(numbers, default=-1) >= len(dimensions):
            raise ValueError("the header names a dimension that there is not")
        shape = [dimensions[number] for number in numbers]
        self._list(self._attribute)
        size = _SIZES.get(self._number(">i"), 1)
        self._number(self._count_format)
        has_records = shape[:1] == [0]
        return _Variable(
            begin=self._number(self._offset_format),
            size=size * math.prod(shape[1:] if has_records else shape),
            has_records=has_records,
        )
