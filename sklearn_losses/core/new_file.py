"""Files that are written as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

__all__ = ["beside", "new_file"]


def beside(file: Path, ending: str) -> Path:
    """The path of a new hidden file in the same folder.

    Parameters
    ----------
    file : Path
    ending : str
        Of its name, such as ".npy".
    """
    return file.with_name(f".{uuid4().hex}{ending}")


@contextmanager
def new_file(file: Path, ending: str) -> Iterator[IO[bytes]]:
    """A context with a file to write to, which at its end takes the place of `file` at once.

    An error, or Ctrl-C, leaves `file` as it was and nothing beside it.

    Parameters
    ----------
    file : Path
    ending : str
        Of the name that the file has meanwhile.
    """
    new = beside(file, ending)
    try:
        with open(new, "xb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(new, file)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
