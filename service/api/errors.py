"""Every answer that is not a success, as an OperationOutcome that never echoes what was sent."""

import logging
from collections.abc import Mapping
from typing import ClassVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.errors import (
    InvalidResource,
    LiverwatchError,
    MalformedInput,
    NotFound,
    Overloaded,
    TooLarge,
    UnsupportedMediaType,
)
from service.fhir.outcomes import outcome_bytes
from service.fhir.outgoing import MEDIA_TYPE
from service.store.session import is_away, is_conflict

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2


class MethodNotAllowed(LiverwatchError):
    """The address exists and does not take this method."""

    status: ClassVar[int] = 405
    issue_code: ClassVar[str] = "not-supported"


_BY_STATUS: Mapping[int, tuple[type[LiverwatchError], str]] = {
    404: (NotFound, "there is nothing at this address"),
    405: (MethodNotAllowed, "this address does not take that method; see the Allow header"),
    413: (TooLarge, "the body is too large"),
    415: (UnsupportedMediaType, "a body of that type is not read here"),
}


def install_error_answers(app: FastAPI) -> None:
    """Make `app` answer every failure in this way."""
    app.add_exception_handler(LiverwatchError, _on_own)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(SQLAlchemyError, _on_database)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_defect)


def refusal(
    error: LiverwatchError, headers: Mapping[str, str] | None = None, status: int | None = None
) -> Response:
    """The answer that says `error`."""
    named = {"Cache-Control": "no-store", **(headers or {})}
    if error.retry_after is not None:
        named["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        named["WWW-Authenticate"] = 'Bearer realm="liverwatch"'
    return Response(outcome_bytes(error), status or error.status, named, media_type=MEDIA_TYPE)


def _on_own(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LiverwatchError)
    if error.status >= 500 and error.retry_after is None:
        log.error("a request failed", exc_info=error)
    return refusal(error)


def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind, words = _BY_STATUS.get(error.status_code, (InvalidResource, "the request cannot be handled"))
    return refusal(kind(words), error.headers, error.status_code)


def _on_validation(_request: Request, _error: Exception) -> Response:
    return refusal(InvalidResource("the request is not what this address takes"))


def _on_database(_request: Request, error: Exception) -> Response:
    if is_away(error) or is_conflict(error) or isinstance(error, NoConnectionFree):
        log.warning("the database did not answer a request", extra={"error": type(error).__name__})
        return refusal(Overloaded("the database cannot be reached just now", retry_after=RETRY_AFTER_SECONDS))
    log.error("the database refused a request", exc_info=error)
    return refusal(LiverwatchError("the service failed here; the failure is in its log"))


def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return refusal(MalformedInput("the body ended before it was complete"))


def _on_defect(_request: Request, _error: Exception) -> Response:
    # The server logs it: the exception goes on to it after this answer.
    return refusal(LiverwatchError("the service failed here; the failure is in its log"))
