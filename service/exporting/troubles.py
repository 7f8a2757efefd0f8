"""What a server says went wrong while it exported: counted by severity and code, its words never repeated."""

from collections import Counter
from functools import partial

import msgspec

from service.exporting.exporter import Exporter
from service.exporting.reading import RemoteFile
from service.exporting.waiting import patiently
from service.fhir.bulk_manifest import ExportedFile, Manifest
from service.fhir.required_codes import ISSUE_TYPE
from service.loading.files import Rejection, read_pieces

_SEVERITIES = frozenset({"fatal", "error", "warning", "information"})


class _Issue(msgspec.Struct):
    severity: str = ""
    code: str = ""


class _Outcome(msgspec.Struct):
    issue: list[_Issue] = []


_outcome = msgspec.json.Decoder(_Outcome)
_UNREADABLE = _Outcome([_Issue("error", "exception")])


def read_troubles(exporter: Exporter, manifest: Manifest) -> None:
    """Count what the files of errors say.

    Raises:
        RemoteError: the server refused, or did not answer several times in a row.
    """
    for file in manifest.error:
        exporter.exported.troubles += patiently(exporter, partial(_counted, exporter, file, manifest))


def _counted(exporter: Exporter, file: ExportedFile, manifest: Manifest) -> Counter[str]:
    counts: Counter[str] = Counter()
    limits = exporter.loader.limits
    remote = RemoteFile(exporter.client.bulk, file, manifest)
    for piece in read_pieces(remote, max_line=limits.line_bytes, max_document=limits.document_bytes):
        for issue in (_UNREADABLE if isinstance(piece, Rejection) else _decoded(piece.raw)).issue:
            severity = issue.severity if issue.severity in _SEVERITIES else "error"
            counts[f"{severity} {issue.code if issue.code in ISSUE_TYPE else 'unknown'}"] += 1
    return counts


def _decoded(raw: bytes) -> _Outcome:
    try:
        return _outcome.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _UNREADABLE
