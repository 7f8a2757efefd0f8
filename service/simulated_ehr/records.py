"""Versioned resources in memory: every version of each, the newest last."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Resource = dict[str, Any]


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status."""
        self.code = code
        """A code of http://hl7.org/fhir/issue-type."""
        self.message = message


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one resource."""

    number: str
    updated: datetime
    resource: Resource | None
    """As it is answered, with its meta; None: deleted."""


@dataclass(frozen=True, slots=True)
class Change:
    """A version that has come into being, for those who are to be told."""

    interaction: Literal["create", "update", "delete"]
    kind: str
    id: str
    version: Version
    content: Resource
    """The resource as it is now; of a deleted one, as it was last."""


class Records:
    """All resources by type and id. One thread at a time."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], tuple[Version, ...]] = {}
        self._changes: list[Change] = []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo everything done inside when it raises."""
        before, changes = dict(self._versions), [*self._changes]
        try:
            yield
        except BaseException:
            self._versions, self._changes = before, changes
            raise

    def take_changes(self) -> list[Change]:
        """What has changed since this was last asked, in order."""
        changes, self._changes = self._changes, []
        return changes

    def put(self, resource: Resource) -> Version:
        """Store a resource as the newest version of its type and id; its version and time are given here."""
        past = self._versions.get(_key(resource), ())
        return self._append(_key(resource), str(_next(past)), datetime.now(UTC), resource)

    def import_as_it_stands(self, resource: Resource) -> None:
        """Store a resource under the version and time it carries; nothing where that is known already."""
        meta = resource.get("meta", {})
        number = str(meta.get("versionId", "1"))
        past = self._versions.get(_key(resource), ())
        if any(each.number == number for each in past):
            return
        updated = datetime.fromisoformat(meta["lastUpdated"]) if "lastUpdated" in meta else datetime.now(UTC)
        self._append(_key(resource), number, updated, resource)

    def delete(self, kind: str, id_: str) -> None:
        """Say that it exists no more; nothing where it does not."""
        past = self._versions.get((kind, id_), ())
        if past and past[-1].resource is not None:
            deleted = Version(str(_next(past)), datetime.now(UTC), None)
            self._versions[kind, id_] = (*past, deleted)
            self._changes.append(Change("delete", kind, id_, deleted, past[-1].resource))

    def current(self, kind: str, id_: str) -> Version | None:
        """The newest version, which may be a deletion; None where there never was one."""
        past = self._versions.get((kind, id_))
        return past[-1] if past else None

    def read(self, kind: str, id_: str) -> Resource:
        """The resource as it is now.

        Raises:
            Refusal: 404 where there never was one, 410 where it was deleted.
        """
        version = self.current(kind, id_)
        if version is None:
            raise Refusal(404, "not-found", f"{kind}: there is none of that id")
        if version.resource is None:
            raise Refusal(410, "deleted", f"{kind}: it was deleted")
        return version.resource

    def versions(self, kind: str, id_: str) -> tuple[Version, ...]:
        """Every version, the oldest first.

        Raises:
            Refusal: 404 where there is none.
        """
        if (kind, id_) not in self._versions:
            raise Refusal(404, "not-found", f"{kind}: there is none of that id")
        return self._versions[kind, id_]

    def every(self, kind: str) -> list[Resource]:
        """All of a type that exist now, in order of first arrival."""
        return [
            past[-1].resource
            for (each, _), past in self._versions.items()
            if each == kind and past[-1].resource is not None
        ]

    def deleted(self, kind: str, since: datetime) -> list[str]:
        """Ids of those of a type that were deleted since then and do not exist now."""
        return [
            id_
            for (each, id_), past in self._versions.items()
            if each == kind and past[-1].resource is None and past[-1].updated >= since
        ]

    def _append(self, key: tuple[str, str], number: str, updated: datetime, resource: Resource) -> Version:
        stamp = updated.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        meta = {**resource.get("meta", {}), "versionId": number, "lastUpdated": stamp}
        version = Version(number, updated, {**resource, "meta": meta})
        past = self._versions.get(key, ())
        self._versions[key] = (*past, version)
        assert version.resource is not None
        is_new = not past or past[-1].resource is None
        self._changes.append(Change("create" if is_new else "update", *key, version, version.resource))
        return version


def _key(resource: Resource) -> tuple[str, str]:
    return str(resource["resourceType"]), str(resource["id"])


def _next(past: tuple[Version, ...]) -> int:
    return 1 + max((int(each.number) for each in past if each.number.isdecimal()), default=0)
