"""`letter`: a letter about an alert, to a specialist or to the patient."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import say
from service.cli.naming import AlertId, alert_named
from service.cli.opening import AsOf, actor, database, now, rules_of, settings_of


class To(StrEnum):
    """Whom the letter is to."""

    REFERRAL = "referral"
    PATIENT = "patient"


class Language(StrEnum):
    """What it is written in."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


def letter(
    alert: AlertId,
    to: Annotated[To, typer.Option(help="The specialist (referral) or the patient.")],
    out: Annotated[
        Path, typer.Option(help="The PDF to write; a file ending in .txt gets plain text.", dir_okay=False)
    ],
    language: Annotated[
        Language | None,
        typer.Option(help="Default: English to the specialist, the source's language to the patient."),
    ] = None,
    clock: AsOf = None,
) -> None:
    """Write a letter about an alert as an accessible PDF, with its results, chart and next steps."""
    from service.errors import ConfigurationError
    from service.languages import ENGLISH
    from service.letters.case import read_case
    from service.letters.letter import Recipient
    from service.letters.writing import print_letter, write_letter
    from service.store import decisions
    from service.store.session import reading, writing

    at, settings, recipient = now(), settings_of(clock), Recipient(to.value)
    with database(settings) as engine:
        number = alert_named(engine, alert)
        with reading(engine) as connection:
            case = read_case(connection, number, rules_of(settings), at)
        its_own = case.source.settings.language if recipient is Recipient.PATIENT else ENGLISH
        spoken = language.value if language is not None else its_own
        with writing(engine) as connection:
            decisions.write_audit(
                connection,
                at=at,
                actor=actor(),
                action="write-letter",
                source_id=case.source.id,
                patient_id=case.alert.subject,
                detail={"alert": str(number), "to": recipient.value, "language": spoken},
            )
        written = write_letter(case, recipient, spoken)
        plain = out.suffix.lower() == ".txt"
        printed = "\n".join((*written.lines(), "")).encode() if plain else print_letter(written)
    try:
        out.write_bytes(printed)
    except OSError as error:
        raise ConfigurationError(f"--out: the file cannot be written ({error.strerror})") from error
    say("letter written")
