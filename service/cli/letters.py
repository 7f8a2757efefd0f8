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
    from service.letters.issuing import Order, issue
    from service.letters.letter import Recipient
    from service.letters.writing import plain_letter, print_letter

    settings = settings_of(clock)
    with database(settings) as engine:
        made = issue(
            engine,
            Order(alert_named(engine, alert), Recipient(to.value), language and language.value),
            rules_of(settings, engine),
            by=actor(),
            now=now(),
            form=plain_letter if out.suffix.lower() == ".txt" else print_letter,
        )
    try:
        out.write_bytes(made)
    except OSError as error:
        raise ConfigurationError(f"--out: the file cannot be written ({error.strerror})") from error
    say("letter written")
