"""The rules as FHIR definitions: read and searched like everything else, and without any patient's data."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlencode

from service.errors import InvalidResource, NotFound
from service.fhir.definitions import Publication, Resource
from service.fhir.outgoing import validate_outgoing

DEFINED: Final = {
    "PlanDefinition": "One rule: what it finds, for whom, by which sources, and the steps it can propose.",
    "ActivityDefinition": "One step that a rule can propose.",
    "Measure": "One measure of quality: its numerator and denominator in words, and what is not counted.",
    "Library": "The rulebook as TOML: every threshold with its citation. Its identifier is the digest.",
}
"""Kinds of definitions, and what each is here."""

SEARCHED: Final[dict[str, tuple[str, str]]] = {
    "url": ("uri", "The canonical URL, with |version or without."),
    "version": ("token", "The rulebook's version."),
    "identifier": ("token", "The rule's code, the step's or measure's name, or the rulebook's digest."),
    "name": ("string", "The beginning of the name, in capitals or not."),
    "status": ("token", "Everything here is active."),
    "_id": ("token", "The resource's id."),
}
"""Name → FHIR search parameter type, and what it means here."""

_CONTROL: Final = ("_count", "_offset", "_format", "_pretty", "_summary", "_total")
_DEFAULT_COUNT: Final = 50


def read_definition(publication: Publication, kind: str, definition_id: str) -> Resource:
    """The definition of that id.

    Raises:
        NotFound: there is none.
    """
    for each in publication.all_of(kind):
        if each["id"] == definition_id:
            validate_outgoing(each)
            return each
    raise NotFound(f"there is no {kind} of that id here")


def search_definitions(
    publication: Publication, base: str, kind: str, pairs: Iterable[tuple[str, str]], *, strict: bool
) -> Resource:
    """One page of the definitions that every parameter finds, as a Bundle.

    Raises:
        InvalidResource: a number cannot be read, a modifier is used, or (strict) a parameter is not known.
    """
    asked = list(pairs)
    found = publication.all_of(kind)
    for name, value in asked:
        if name in SEARCHED:
            found = [each for each in found if any(_FINDERS[name](each, part) for part in value.split(","))]
        elif name.partition(":")[0] in SEARCHED:
            raise InvalidResource(f"{name.partition(':')[0]}: modifiers are not supported here")
        elif strict and name not in _CONTROL:
            raise InvalidResource(
                f"a search parameter is not known here; known: {', '.join((*SEARCHED, *_CONTROL))}"
            )
    count, offset = _number(asked, "_count", _DEFAULT_COUNT), _number(asked, "_offset", 0)
    page = [] if ("_summary", "count") in asked else found[offset : offset + count]
    repeated = [(name, value) for name, value in asked if name in SEARCHED]
    links = [{"relation": "self", "url": _address(base, kind, repeated, count, offset)}]
    if page and offset + count < len(found):
        links.append({"relation": "next", "url": _address(base, kind, repeated, count, offset + count)})
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    if page:
        bundle["entry"] = [
            {"fullUrl": f"{base}/{kind}/{each['id']}", "resource": each, "search": {"mode": "match"}}
            for each in page
        ]
    validate_outgoing(bundle)
    return bundle


def _address(base: str, kind: str, pairs: list[tuple[str, str]], count: int, offset: int) -> str:
    place = [("_count", str(count)), *([("_offset", str(offset))] if offset else [])]
    return f"{base}/{kind}?{urlencode([*pairs, *place])}"


def _number(pairs: list[tuple[str, str]], name: str, default: int) -> int:
    given = [value for key, value in pairs if key == name]
    if not given:
        return default
    if not (given[-1].isascii() and given[-1].isdigit() and len(given[-1]) < 10):
        raise InvalidResource(f"{name}: give a whole number")
    return int(given[-1])


def _by_url(each: Resource, value: str) -> bool:
    return value in (each["url"], f"{each['url']}|{each['version']}")


def _by_identifier(each: Resource, value: str) -> bool:
    (known,) = each["identifier"]
    system, bar, code = value.rpartition("|")
    return (not bar or system == known["system"]) and code in ("", known["value"]) and value not in ("", "|")


def _by_name(each: Resource, value: str) -> bool:
    return bool(value) and str(each["name"]).lower().startswith(value.lower())


def _token(element: str) -> Callable[[Resource, str], bool]:
    def matches(each: dict[str, Any], value: str) -> bool:
        return bool(each[element] == value.rpartition("|")[2])

    return matches


_FINDERS: Final[dict[str, Callable[[Resource, str], bool]]] = {
    "url": _by_url,
    "version": _token("version"),
    "identifier": _by_identifier,
    "name": _by_name,
    "status": _token("status"),
    "_id": _token("id"),
}
