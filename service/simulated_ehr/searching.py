"""Finding resources by the search parameters this server understands; any other is refused, not ignored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from service.simulated_ehr.records import Records, Refusal, Resource

CONTROL: Final = frozenset({"_count", "_offset", "_sort", "_total", "_format", "_pretty"})
"""Parameters that choose how the answer looks, not what is in it."""

_PREFIXES: Final[dict[str, Callable[[datetime, datetime], bool]]] = {
    "ge": lambda is_, asked: is_ >= asked,
    "gt": lambda is_, asked: is_ > asked,
    "le": lambda is_, asked: is_ <= asked,
    "lt": lambda is_, asked: is_ < asked,
}


def find(records: Records, kind: str, parameters: Iterable[tuple[str, str]]) -> list[Resource]:
    """Every resource of a type that fits all parameters, in the order asked for.

    Raises:
        Refusal: 400 for a parameter or value that is not understood.
    """
    wanted = [(name, value) for name, value in parameters if name not in CONTROL]
    sort = next((value for name, value in parameters if name == "_sort"), None)
    found = [each for each in records.every(kind) if all(fits(each, *one) for one in wanted)]
    if sort in ("_lastUpdated", "-_lastUpdated"):
        found.sort(key=lambda each: str(each["meta"]["lastUpdated"]), reverse=sort.startswith("-"))
    elif sort is not None:
        raise Refusal(400, "not-supported", "only _sort=_lastUpdated and _sort=-_lastUpdated are supported")
    return found


def fits(resource: Resource, name: str, asked: str) -> bool:
    """Whether a resource fits one parameter, whose value may list alternatives after commas.

    Raises:
        Refusal: 400 for a parameter or value that is not understood.
    """
    return any(_fits_one(resource, name, each) for each in asked.split(","))


def _fits_one(resource: Resource, name: str, asked: str) -> bool:
    if name == "_id":
        return bool(resource["id"] == asked)
    if name == "_lastUpdated":
        return _fits_time(str(resource["meta"]["lastUpdated"]), asked)
    if name == "_tag":
        return any(_is_coded(each, asked, "code") for each in resource["meta"].get("tag", ()))
    if name == "identifier":
        return any(_is_coded(each, asked, "value") for each in resource.get("identifier", ()))
    if name in ("code", "category"):
        concepts = elements_of(resource, (name,))
        return any(_is_coded(each, asked, "code") for one in concepts for each in one.get("coding", ()))
    if name == "status":
        return bool(resource.get("status") == asked)
    if name in ("patient", "subject", "target"):
        elements = ("patient", "subject") if name != "target" else ("target",)
        return any(_is_reference(each, asked) for each in elements_of(resource, elements))
    raise Refusal(400, "not-supported", "a search parameter is not supported")


def elements_of(resource: Resource, names: Sequence[str]) -> Iterator[Any]:
    """The values of some elements, lists taken apart."""
    for name in names:
        value = resource.get(name)
        yield from value if isinstance(value, list) else () if value is None else (value,)


def _is_coded(element: Resource, asked: str, part: str) -> bool:
    system, bar, code = asked.rpartition("|")
    if not bar:
        return bool(element.get(part) == code)
    return element.get("system", "") == system and (not code or element.get(part) == code)


def _is_reference(element: Resource, asked: str) -> bool:
    reference = str(element.get("reference", ""))
    return reference == asked or ("/" not in asked and reference.rpartition("/")[2] == asked)


def _fits_time(stands: str, asked: str) -> bool:
    compare = _PREFIXES.get(asked[:2])
    try:
        moment = datetime.fromisoformat(asked[2:] if compare else asked)
        is_ = datetime.fromisoformat(stands)
        return compare(is_, moment) if compare else is_ == moment
    except (ValueError, TypeError) as error:
        raise Refusal(400, "value", "_lastUpdated: a date with time and zone is expected") from error
