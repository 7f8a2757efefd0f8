"""Why a resource was rejected, by the FHIR specification: slow and thorough, for a person who asks."""

import warnings

from service.errors import InvalidResource
from service.fhir.resource import resource_type

_MOST = 10


def explain_rejection(raw: bytes) -> str | None:
    """The rules of FHIR R4 that a resource breaks, as paths and kinds of error; None when it breaks none.

    No values and no names of the sender's own: an unknown field is told by the field it stands in.
    `raw` is JSON that `check_json` has passed.
    """
    # Importing the models takes a second: only when someone asks.
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        kind = resource_type(raw)
        model = get_fhir_model_class(kind)
    except InvalidResource as error:
        return error.message
    except ValueError:
        return "resourceType: not a resource type of FHIR R4"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.model_validate_json(raw)
    except ValidationError as error:
        found = [_line(kind, each["loc"], each["type"]) for each in error.errors(include_url=False)]
        return "\n".join(dict.fromkeys(found[:_MOST]))
    return None


def _line(kind: str, place: tuple[int | str, ...], error: str) -> str:
    if error == "extra_forbidden":
        place = place[:-1]
    path = kind
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return f"{path}: {error}"
