"""Files: written whole or not at all, checked when they are read, removed when nobody needs them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

__all__ = [
    "StorageError",
    "read_checked",
    "remove_leftovers",
    "temporary_prefix",
    "write_checked",
]

#: The first bytes of a file: this, the SHA-256 of what follows the header, zeros. HDF5 calls it a user
#: block and skips it.
_MAGIC = b"brianprune sha256 "
_HEADER = 512
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: Seconds after which a temporary file of another machine is taken for left over.
_OLD = 24 * 3600


class StorageError(OSError):
    """A folder is full, missing or not writable: says which, what is kept, and the way on."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(number, message)

    def __str__(self):
        return self.strerror

    def __reduce__(self):
        return type(self), (self.strerror, self.errno)


def write_checked(path, content):
    """Write a file with a checksum, under a temporary name first.

    Parameters
    ----------
    path : path
    content : bytes
        Before which the checksum's header is put.

    Raises
    ------
    StorageError
        If it cannot be written; the old file, if there was one, stays.
    """
    path = Path(path)
    header = _MAGIC + hashlib.sha256(content).hexdigest().encode()
    name = None
    try:
        handle, name = tempfile.mkstemp(prefix=temporary_prefix(f".{path.name}"), dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(header.ljust(_HEADER, b"\0"))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException as error:
        if name is not None:
            with contextlib.suppress(OSError):
                os.remove(name)
        if isinstance(error, OSError):
            raise StorageError(f"{path} cannot be written ({why(error)})", error.errno) from None
        raise


def read_checked(path):
    """Read a file that `write_checked` wrote; files of older versions have no checksum.

    Raises
    ------
    FileNotFoundError
    ValueError
        If it is damaged.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise ValueError(f"{path} is damaged or not a result file: it is a folder") from None
    except OSError as error:  # which says nothing about what is in the file
        raise StorageError(f"{path} cannot be read ({why(error)})", error.errno) from None
    if content.startswith(_HDF5):
        return content
    found = _MAGIC + hashlib.sha256(memoryview(content)[_HEADER:]).hexdigest().encode()
    if content[:_HEADER] != found.ljust(_HEADER, b"\0"):
        raise ValueError(f"{path} is damaged or not a result file: its checksum does not fit")
    return content


def why(error):
    """Return an operating system's error in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left"
    return error.strerror or str(error)


def _umask():
    value = os.umask(0)
    os.umask(value)
    return value


def temporary_prefix(prefix):
    """Return the beginning of a temporary name, which says whose it is."""
    return f"{prefix}~{socket.gethostname()}~{os.getpid()}~"


def remove_leftovers(folder, prefix):
    """Remove temporary files and folders whose process has ended without doing so.

    Parameters
    ----------
    folder : path
    prefix : str
        As given to `temporary_prefix`; ``*`` stands for anything.
    """
    with contextlib.suppress(OSError):
        for path in Path(folder).glob(f"{prefix}~*~*~*"):
            with contextlib.suppress(OSError, ValueError):
                *_, host, process, _ = path.name.split("~")
                if host == socket.gethostname():
                    left = not _is_running(int(process))
                else:
                    left = time.time() - path.lstat().st_mtime > _OLD
                if left and path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                elif left:
                    path.unlink()


def _is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
