"""The files of a source: which they are, in what order, and whether they are still the same."""

import os
import re
from collections.abc import Iterable
from glob import glob
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["File", "Paths", "same_file", "the_files"]

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class File(NamedTuple):
    """A file as it was when its source was made.

    Attributes
    ----------
    name : str
        As the user wrote it, for messages.
    path : str
        From the root on, so that other processes find it.
    size : int
        Bytes.
    changed : int
        The time of its last change, in nanoseconds.
    """

    name: str
    path: str
    size: int
    changed: int


def the_files(paths: Paths, kind: str) -> list[File]:
    """The files of a pattern in the natural order of their names, or those of a list in its order.

    Parameters
    ----------
    paths : str, path, or iterable of them
        A pattern such as ``"part-*.npy"``, in which ``**`` stands for any folders; "part-2" comes
        before "part-10".
    kind : str
        What the files are, for messages.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    if isinstance(paths, (str, os.PathLike)):
        pattern = os.fspath(paths)
        names = [pattern] if Path(pattern).exists() else sorted(glob(pattern, recursive=True), key=_natural)
        if not names:
            raise FileNotFoundError(f"No file matches {pattern!r}.")
    else:
        names = [os.fspath(path) for path in paths]
        if not names:
            raise ValueError(f"The list of {kind} is empty.")
    return [_file(name, kind) for name in names]


def same_file(file: File) -> str:
    """The path of a file that is as it was.

    Raises
    ------
    FileNotFoundError
        Where it is gone.
    ValueError
        Where it has changed.
    """
    try:
        now = os.stat(file.path)
    except OSError as error:
        raise FileNotFoundError(
            f"{file.name} existed when the source was made, but cannot be read now: {error.strerror}."
        ) from error
    if (now.st_size, now.st_mtime_ns) != (file.size, file.changed):
        raise ValueError(f"{file.name} has changed since the source was made; make the source again, and start a new fit.")
    return file.path


def _file(name, kind):
    try:
        stat = os.stat(name)
    except OSError as error:
        raise FileNotFoundError(f"{name} cannot be read: {error.strerror}.") from error
    if os.path.isdir(name):
        raise ValueError(f"{name} is a folder. Give a pattern for the {kind} in it, such as {os.path.join(name, '*')!r}.")
    return File(name, os.path.abspath(name), stat.st_size, stat.st_mtime_ns)


def _natural(name):
    """A key that sorts numbers inside names as numbers."""
    pieces = re.split(r"(\d+)", name)
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name
