"""The one door: a case → the letter about it, in a language, as PDF."""

from service.languages import words_in
from service.languages.phrasebook import phrasebook
from service.letters.case import Case
from service.letters.letter import Letter, Recipient
from service.letters.page import page
from service.letters.patient import patient_letter
from service.letters.pdf import pdf
from service.letters.referral import referral


def write_letter(case: Case, recipient: Recipient, language: str) -> Letter:
    """The letter in words.

    Args:
        case: what it tells.
        recipient: whom it is to.
        language: one of `service.languages.LOCALES`.

    Raises:
        ConfigurationError: what draws the chart is not installed.
        Conflict: there is nothing to tell the patient.
    """
    book = phrasebook(language)
    if recipient is Recipient.REFERRAL:
        return referral(case, book)
    return patient_letter(case, words_in(language), book)


def print_letter(letter: Letter) -> bytes:
    """The letter as PDF/UA-1.

    Raises:
        ConfigurationError: WeasyPrint, Pango or a font is missing.
    """
    return pdf(page(letter))


def plain_letter(letter: Letter) -> bytes:
    """The letter as plain text, UTF-8."""
    return "\n".join((*letter.lines(), "")).encode()
