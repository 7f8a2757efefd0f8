"""A population as files: NDJSON, one file a type, compressed, written as it is made."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from service.errors import ConfigurationError
from service.population.generate import History
from service.population.resources import Resource


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def line(resource: Resource) -> bytes:
    """One line of NDJSON, without its end."""
    return _ENCODER.encode(resource).encode()


def write(histories: Iterable[History], folder: Path) -> Counter[str]:
    """Write `Patient.ndjson.gz` and the like; the same histories give the same bytes.

    Args:
        histories: who is written, taken one at a time.
        folder: made where it is not there; files of these names are replaced.

    Returns:
        How many resources of each type were written.

    Raises:
        ConfigurationError: the folder cannot be written to.
    """
    counts: Counter[str] = Counter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files: dict[str, BinaryIO] = {}
            for history in histories:
                for resource in history.resources:
                    kind = resource["resourceType"]
                    if kind not in files:
                        files[kind] = _opened(folder / f"{kind}.ndjson.gz", stack)
                    files[kind].write(line(resource) + b"\n")
                    counts[kind] += 1
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}") from error
    return counts


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    """Compressed without the name and time that gzip else notes: they would make equal files differ."""
    plain = stack.enter_context(path.open("wb"))
    return stack.enter_context(gzip.GzipFile("", "wb", 6, plain, mtime=0))  # type: ignore[return-value]
