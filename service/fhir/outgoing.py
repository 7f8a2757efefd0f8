"""The last check before a resource leaves, and the bytes it leaves as."""

from typing import Any

import msgspec
from fhir.resources import get_fhir_model_class as get_r5_model_class
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.subscription import Subscription
from pydantic import BaseModel, ValidationError

from service.errors import LiverwatchError
from service.fhir.capabilities import Release
from service.fhir.required_codes import KNOWN_TYPES, wrong_codes

MEDIA_TYPE = "application/fhir+json"

_encoder = msgspec.json.Encoder(decimal_format="number")


class InvalidOutgoing(LiverwatchError):
    """A resource of our own making that is not valid FHIR: a defect here, never sent. Names paths only."""

    issue_code = "invariant"


def to_bytes(resource: dict[str, Any]) -> bytes:
    """JSON as it is sent: elements in the order they were put, decimals with every digit they have."""
    return _encoder.encode(resource)


def validate_outgoing(resource: dict[str, Any], release: Release = "R4") -> None:
    """Refuse a resource that is not valid: structure by `fhir.resources`, required codes by our tables.

    Raises:
        InvalidOutgoing: with the paths that are wrong and never what stands there.
    """
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in KNOWN_TYPES:
        raise InvalidOutgoing("refused to send a resource of a type this service does not write")
    wrong = [
        f"{path}: code outside its required value set" for path in wrong_codes(resource, r5=release == "R5")
    ]
    try:
        _model(kind, resource, release).model_validate(_as_fhir_ids(resource))
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            place = ".".join(str(part) for part in each["loc"])
            wrong.append(f"{kind}.{place}: {each['type']}")
    if wrong:
        raise InvalidOutgoing(f"refused to send an invalid {kind}: {'; '.join(wrong[:5])}", where=kind)


def _model(kind: str, resource: dict[str, Any], release: Release) -> type[BaseModel]:
    """R4B's model stands for R4; a Subscription to a topic of its own element is R5's."""
    if release == "R5":
        r5_model: type[BaseModel] = get_r5_model_class(kind)
        return r5_model
    if kind == "Subscription" and "topic" in resource:
        return Subscription
    model: type[BaseModel] = get_fhir_model_class(kind)
    return model


def _as_fhir_ids(resource: dict[str, Any]) -> dict[str, Any]:
    """Without an id that a server has given against the rules (`fhir.resources` refuses an underscore)."""
    server_given = isinstance(resource.get("id"), str) and "_" in resource["id"]
    return {name: value for name, value in resource.items() if name != "id"} if server_given else resource
