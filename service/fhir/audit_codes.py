"""What each action of the audit log is in the codes of FHIR, and which of IHE's patterns it follows.

Codes: FHIR R4, value sets audit-event-type, audit-event-sub-type and audit-event-action. Patterns: IHE ITI,
Basic Audit Log Patterns (BALP) 1.1, which has them for what is done by REST.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from service.alerts.alert import Action, RemarkKind


class Code(NamedTuple):
    """A code of a code system, as it is searched for and shown."""

    system: str
    code: str
    display: str


Pattern = Literal["Read", "Query", "Create", "Update"]

_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"

REST: Final = Code("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "Restful Operation")
SOURCE_ROLE: Final = Code(_DICOM, "110153", "Source Role ID")
DESTINATION_ROLE: Final = Code(_DICOM, "110152", "Destination Role ID")
RECIPIENT: Final = Code(
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient"
)
AUTHOR: Final = Code(RECIPIENT.system, "AUT", "author (originator)")
HUMAN: Final = Code(
    "http://terminology.hl7.org/CodeSystem/extra-security-role-type", "humanuser", "human user"
)
PERSON: Final = Code("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person")
SYSTEM_OBJECT: Final = Code(PERSON.system, "2", "System Object")
PATIENT: Final = Code("http://terminology.hl7.org/CodeSystem/object-role", "1", "Patient")
DOMAIN_RESOURCE: Final = Code(PATIENT.system, "4", "Domain Resource")
QUERY: Final = Code(PATIENT.system, "24", "Query")
REQUEST_ID: Final = Code(
    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
    "XrequestId",
    "transport specific unique identifier where http X-Request-Id is used",
)
APPLICATION_SERVER: Final = Code(
    "http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"
)
BREAK_THE_GLASS: Final = Code("http://terminology.hl7.org/CodeSystem/v3-ActReason", "BTG", "break the glass")

_APPLICATION_ACTIVITY: Final = Code(_DICOM, "110100", "Application Activity")
_AUDIT_LOG_USED: Final = Code(_DICOM, "110101", "Audit Log Used")
_EXPORT: Final = Code(_DICOM, "110106", "Export")
_IMPORT: Final = Code(_DICOM, "110107", "Import")
_PATIENT_RECORD: Final = Code(_DICOM, "110110", "Patient Record")
_SECURITY_ALERT: Final = Code(_DICOM, "110113", "Security Alert")
_AUTHENTICATION: Final = Code(_DICOM, "110114", "User Authentication")


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of event an action is."""

    type: Code
    does: Literal["C", "R", "U", "D", "E"]
    """AuditEvent.action: create, read, update, delete or execute."""
    subtype: Code | None = None
    pattern: Pattern | None = None
    """Of BALP, where it follows one."""
    failed: bool = False
    """Whether it is told that something did not succeed."""


def _by_rest(pattern: Pattern, interaction: str, does: Literal["C", "R", "U", "E"]) -> Kind:
    return Kind(REST, does, Code(_INTERACTION, interaction, interaction), pattern)


_READ: Final = _by_rest("Read", "read", "R")
_SEARCH: Final = _by_rest("Query", "search-type", "E")
_CREATE: Final = _by_rest("Create", "create", "C")
_UPDATE: Final = _by_rest("Update", "update", "U")
_SEEN: Final = Kind(_PATIENT_RECORD, "R")
_ACTIVITY: Final = Kind(_APPLICATION_ACTIVITY, "E")
_LOGIN: Final = Code(_DICOM, "110122", "Login")
_NO_LOGIN: Final = Kind(_AUTHENTICATION, "E", _LOGIN, failed=True)


def _set(*names: str, as_: Code) -> dict[str, Kind]:
    return {name: Kind(_SECURITY_ALERT, "U", as_) for name in names}


_SOFTWARE: Final = Code(_DICOM, "110131", "Software Configuration")
_SECURITY: Final = Code(_DICOM, "110129", "Security Configuration")
_ACCOUNTS: Final = Code(_DICOM, "110137", "User Security Attributes Changed")

KINDS: Final[dict[str, Kind]] = {
    "read": _READ,
    **dict.fromkeys(("read-patient", "read-chart"), _READ),
    "search": _SEARCH,
    "read-worklist": _SEARCH,
    "ehr.write": _UPDATE,
    **{f"dispose-{each}": _UPDATE for each in Action},
    **{f"remark-{each}": _CREATE for each in RemarkKind},
    **dict.fromkeys(("cds-cards", "read-alerts", "read-episodes", "read-outbox", "read-quarantine"), _SEEN),
    **dict.fromkeys(("read-as-of", "replay", "replay-all"), _SEEN),
    **dict.fromkeys(("evaluate-measure", "read-measures", "read-measure-people"), _SEEN),
    **dict.fromkeys(("read-population", "read-population-people"), _SEEN),
    **dict.fromkeys(("read-simulations", "read-simulation-people"), _SEEN),
    **dict.fromkeys(("read-shadow", "read-shadow-people"), _SEEN),
    **dict.fromkeys(("read-looks", "read-break-glass"), Kind(_AUDIT_LOG_USED, "R")),
    **dict.fromkeys(("write-letter", "patient-export"), Kind(_EXPORT, "R")),
    **dict.fromkeys(("load", "source-export", "source-catchup"), Kind(_IMPORT, "C")),
    "read-holds": _SEEN,
    **dict.fromkeys(("hold", "hold-release"), Kind(_PATIENT_RECORD, "U")),
    "erase": Kind(_PATIENT_RECORD, "D"),
    "sign-in": Kind(_AUTHENTICATION, "E", _LOGIN),
    "sign-in-failed": _NO_LOGIN,
    "sign-in-held-off": _NO_LOGIN,
    "sign-out": Kind(_AUTHENTICATION, "E", Code(_DICOM, "110123", "Logout")),
    "service-start": Kind(_APPLICATION_ACTIVITY, "E", Code(_DICOM, "110120", "Application Start")),
    "break-glass": Kind(_SECURITY_ALERT, "E", Code(_DICOM, "110127", "Emergency Override Started")),
    **_set("source-add", "source-set", "source-remove", "source-connect", "source-disconnect", as_=_SOFTWARE),
    **_set(
        "source-secret",
        "reader-add",
        "reader-revoke",
        "key-new",
        "key-retire",
        "database-grant-role",
        as_=_SECURITY,
    ),
    **_set("user-add", "user-set", "user-remove", "user-take-up", "user-password", as_=_ACCOUNTS),
    "account-preferences": Kind(_APPLICATION_ACTIVITY, "U", _SOFTWARE),
    "password-change": Kind(_SECURITY_ALERT, "U", _ACCOUNTS),
    "password-change-failed": Kind(_SECURITY_ALERT, "U", _ACCOUNTS, failed=True),
    **dict.fromkeys(("quarantine-replay", "outbox-retry", "outbox-cancel"), _ACTIVITY),
    **dict.fromkeys(("rejudge", "sweep", "simulate", "rulebook-rejudged"), _ACTIVITY),
    **_set("shadow-begin", "shadow-end", as_=_SOFTWARE),
    **_set("rulebook-propose", "rulebook-confirm", "rulebook-withdraw", as_=_SOFTWARE),
    "rulebook-confirm-refused": Kind(_SECURITY_ALERT, "U", _SOFTWARE, failed=True),
}
"""Every action that is written to the audit log."""


def kind_of(action: str) -> Kind:
    """What sort of event an action is; what another release has written is some activity."""
    return KINDS.get(action, _ACTIVITY)


def actions_of(codes: Iterable[tuple[str | None, str]], *elements: Literal["type", "subtype"]) -> set[str]:
    """The actions of which one of the elements has one of the codes: (system, code), None for any system."""
    wanted = set(codes)
    return {
        action
        for action, kind in KINDS.items()
        for element in elements
        if (code := getattr(kind, element)) and {(code.system, code.code), (None, code.code)} & wanted
    }
