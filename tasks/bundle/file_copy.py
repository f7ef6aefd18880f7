"""Files copied by the kernel, without a way through this program's memory."""

from __future__ import annotations

import errno
import os
from io import FileIO

AT_ONCE = 64 * 1024 * 1024
CHUNK = 4 * 1024 * 1024
CANNOT = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)


def copy_by_kernel(source: FileIO, out: FileIO, size: int) -> int:
    """Copy so many bytes between two open files, from their positions on; return how many there were.

    Where the kernel cannot, as between some file systems, they are read and written.

    Raises:
        OSError: reading or writing failed, such as on a full disk
    """
    left = size
    try:
        while left and (copied := os.copy_file_range(source.fileno(), out.fileno(), min(AT_ONCE, left))):
            left -= copied
    except OSError as error:
        if error.errno not in CANNOT:
            raise
    while left and (piece := source.read(min(CHUNK, left))):  # also where the kernel says end too early, as of /proc
        write_all(out, piece)
        left -= len(piece)
    return size - left


def write_all(out: FileIO, content: bytes) -> None:
    """Write bytes to an unbuffered file, which may take them in several pieces."""
    view = memoryview(content)
    while view:
        view = view[out.write(view) or 0 :]
