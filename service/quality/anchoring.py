"""Where the head of the chain is kept outside: who has the database alone cannot write another past."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx2

from service.errors import ConfigurationError, LiverwatchError
from service.fhir.exchange import open_http
from service.store.audit_chain import Head
from service.urls import is_guarded

log = logging.getLogger(__name__)

EVENT: Final = "audit log sealed"
TIMEOUT_SECONDS: Final = 10.0

Anchor = Callable[[Head, datetime], None]
"""Told a head, and when it was the head."""


class NotAnchored(LiverwatchError):
    """The outside could not be told."""


def anchor_of(setting: str) -> Anchor:
    """What a setting names: `log` (a line of the log), a URL that is posted to, or a file that is added to.

    Raises:
        ConfigurationError: the URL would be read on its way.
    """
    if setting == "log":
        return _to_log
    if "://" not in setting:
        return _ToFile(Path(setting))
    if not is_guarded(setting):
        raise ConfigurationError("audit_anchor: a URL must begin with https:// (http:// to this machine)")
    return _ToUrl(setting)


def read_anchors(path: Path) -> Iterator[Head]:
    """The heads in a file of anchors, or in a log that holds them; other lines are passed over.

    Raises:
        ConfigurationError: it cannot be read, or holds no head at all.
    """
    found = False
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                head = _read(line)
                if head is not None:
                    found = True
                    yield head
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    if not found:
        raise ConfigurationError(f"{path}: holds no head of the audit log")


def _read(line: str) -> Head | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("event") != EVENT:
        return None
    position, hash_ = said.get("position"), said.get("hash")
    return Head(position, hash_) if isinstance(position, int) and isinstance(hash_, str) else None


def _told(head: Head, at: datetime) -> dict[str, object]:
    return {"event": EVENT, "position": head.position, "hash": head.hash, "at": at.isoformat()}


def _to_log(head: Head, at: datetime) -> None:
    log.info(EVENT, extra={"position": head.position, "hash": head.hash, "at": at.isoformat()})


class _ToFile:
    """A line of JSON for each head; on the disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, head: Head, at: datetime) -> None:
        try:
            self._path.touch(mode=0o640)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_told(head, at)) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotAnchored(f"{self._path}: cannot be added to ({error.strerror})") from error


class _ToUrl:
    """A POST for each head; neither redirects nor proxies of the environment are followed."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, head: Head, at: datetime) -> None:
        try:
            with open_http(TIMEOUT_SECONDS) as http:
                answer = http.post(self._url, json=_told(head, at))
        except httpx2.HTTPError as error:
            raise NotAnchored(f"the anchor's URL did not answer: {type(error).__name__}") from error
        if not 200 <= answer.status_code < 300:
            raise NotAnchored(f"the anchor's URL answered {answer.status_code}")
