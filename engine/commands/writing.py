"""A file written whole or not at all: a full disk leaves what was there before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from assay.engine.errors import usage


def whole(target: Path, data: bytes) -> None:
    """The file, whole or not at all, and on the disk when this returns."""
    folder = target.absolute().parent
    name = ""
    try:
        with tempfile.NamedTemporaryFile("wb", dir=folder, delete=False) as stream:
            name = stream.name
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        os.replace(name, target)  # noqa: PTH105
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise usage(f"the file cannot be written: {error.strerror}", code="report-write") from None
