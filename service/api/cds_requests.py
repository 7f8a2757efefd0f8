"""What CDS clients send, in the words of CDS Hooks 2.0; what nothing here needs is not read.

Messages name fields, never values.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from service.errors import InvalidResource
from service.fhir.strict_json import check_json

T = TypeVar("T")

HOOK: Final = "patient-view"
MOST_FEEDBACK: Final = 100
"""Cards that one request may tell of."""
LONGEST_COMMENT: Final = 2000

_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9.-]{1,64}")
_PATIENT = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HEX_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLACE = re.compile(r"at `\$([^`]*)`")


class _Context(msgspec.Struct, frozen=True, rename="camel"):
    user_id: str
    patient_id: str


class Call(msgspec.Struct, frozen=True, rename="camel"):
    """A user opens a patient's record."""

    hook: str
    hook_instance: str
    context: _Context
    fhir_server: str | None = None


class AcceptedSuggestion(msgspec.Struct, frozen=True):
    """One that the user has accepted."""

    id: str


class Coding(msgspec.Struct, frozen=True):
    """A reason, of ours or of the client's own."""

    code: str
    system: str | None = None
    display: str | None = None


class OverrideReason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a card was dismissed."""

    reason: Coding | None = None
    user_comment: str | None = None


class Feedback(msgspec.Struct, frozen=True, rename="camel"):
    """What a user did with one card."""

    card: str
    outcome: str
    outcome_timestamp: str
    accepted_suggestions: tuple[AcceptedSuggestion, ...] | None = None
    override_reason: OverrideReason | None = None

    @property
    def at(self) -> datetime:
        """When, in UTC.

        Raises:
            ValueError: it is no time, states no zone, or no calendar holds it in UTC.
        """
        stated = datetime.fromisoformat(self.outcome_timestamp)
        if stated.tzinfo is None:
            raise ValueError("a time needs a zone")
        try:
            return stated.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("beyond the calendar") from error


class _Told(msgspec.Struct, frozen=True):
    feedback: tuple[Feedback, ...]


_call = msgspec.json.Decoder(Call)
_told = msgspec.json.Decoder(_Told)


def read_call(raw: bytes, *, max_depth: int) -> Call:
    """The call of the hook.

    Raises:
        MalformedInput: it is not JSON.
        InvalidResource: it is no call of this hook; names the field.
    """
    call = _decoded(_call, check_json(raw, max_depth=max_depth))
    if call.hook != HOOK:
        raise InvalidResource(f"this service answers the hook {HOOK}", where="hook")
    if not _HEX_UUID.fullmatch(call.hook_instance):
        raise InvalidResource("a UUID is expected", where="hookInstance")
    if not _USER.fullmatch(call.context.user_id):
        raise InvalidResource("a type of user and an id are expected", where="context.userId")
    if not _PATIENT.fullmatch(call.context.patient_id):
        raise InvalidResource("the id of a Patient is expected", where="context.patientId")
    return call


def read_feedback(raw: bytes, *, max_depth: int) -> Sequence[Feedback]:
    """What users did with cards, in the order of the request.

    Raises:
        MalformedInput: it is not JSON.
        InvalidResource: it is no feedback; names the field.
    """
    told = _decoded(_told, check_json(raw, max_depth=max_depth)).feedback
    if not 0 < len(told) <= MOST_FEEDBACK:
        raise InvalidResource(f"1 to {MOST_FEEDBACK} entries are expected", where="feedback")
    for number, each in enumerate(told):
        _check(each, f"feedback[{number}]")
    return told


def uuid_of(text: str) -> UUID | None:
    """The UUID, in the one spelling that CDS Hooks has; None where it is none."""
    return UUID(text) if _HEX_UUID.fullmatch(text) else None


def _check(told: Feedback, where: str) -> None:
    if told.outcome not in ("accepted", "overridden"):
        raise InvalidResource("accepted or overridden is expected", where=f"{where}.outcome")
    if told.outcome == "accepted" and not told.accepted_suggestions:
        raise InvalidResource("which suggestions?", where=f"{where}.acceptedSuggestions")
    comment = told.override_reason.user_comment if told.override_reason else None
    if comment and len(comment) > LONGEST_COMMENT:
        raise InvalidResource(
            f"at most {LONGEST_COMMENT} characters", where=f"{where}.overrideReason.userComment"
        )
    try:
        _ = told.at
    except ValueError:
        raise InvalidResource("a time with its zone is expected", where=f"{where}.outcomeTimestamp") from None


def _decoded(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        where = place[1].lstrip(".") if place and place[1].isascii() else None
        raise InvalidResource("a field is missing or of another type", where=where or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidResource("this cannot be read") from None
