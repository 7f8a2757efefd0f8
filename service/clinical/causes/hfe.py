"""The test of the HFE gene, as laboratories word it: how many copies of C282Y there are."""

import re
from enum import StrEnum

from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, measured
from service.clinical.results import Answer, Measurement

_SYNONYMS = (
    (re.compile(r"p?\.?\(?cys282tyr\)?|c\.845g>a|p\.c282y"), "c282y"),
    (re.compile(r"p?\.?\(?his63asp\)?|p\.h63d"), "h63d"),
)
_TWO = re.compile(
    r"c282y\s*[/+]\s*c282y|homozyg\w*(?: \w+){0,3} c282y|c282y(?: mutation| variant)?[\s:(,-]{0,3}homozyg"
)
_ONE = re.compile(
    r"c282y\s*/\s*(?:h63d|s65c|wt|wild)|(?:h63d|s65c|wt|wild[- ]?type)\s*/\s*c282y|compound heterozyg"
    r"|heterozyg\w*(?: \w+){0,3} c282y|c282y(?: mutation| variant)?[\s:(,-]{0,3}heterozyg"
)
_NONE = re.compile(
    r"c282y(?: mutation| variant)?[\s:(,-]{0,3}(?:not (?:detected|present|found)|negative|absent|wild)"
    r"|(?:no|without|negative for)(?: \w+){0,3} c282y"
)
_DENIED = re.compile(r"(?<!\w)(?:not|no|non)[ -](?:\w+ )?h(?:om|et)")


class Copies(StrEnum):
    """Of the variant C282Y."""

    TWO = "two copies"
    ONE = "one copy"
    NONE = "no copy"


def copies(given: Measurement) -> Copies | None:
    """As the result of the variant itself, or of a test of several, says; None where that cannot be told."""
    text = given.text.casefold()
    for synonym, name in _SYNONYMS:
        text = synonym.sub(name, text)
    if given.what == "hfe-c282y" and "c282y" not in text:
        text = f"c282y: {text}"
    if _DENIED.search(text):
        return None
    told = ((Copies.TWO, _TWO), (Copies.ONE, _ONE), (Copies.NONE, _NONE))
    found = [number for number, words in told if words.search(text)]
    if not found and given.what == "hfe-genotype" and "c282y" not in text and "h63d" not in text:
        return Copies.NONE if given.answer is Answer.NEGATIVE else None
    return found[0] if len(found) == 1 else None


def hfe(weighing: Weighing, on: OnRecord) -> None:
    """It stands for good. Two copies make the common form; with fewer, the iron in the liver decides."""
    results = [each for each in (on.newest("hfe-c282y"), on.newest("hfe-genotype")) if each is not None]
    for found in sorted(results, key=lambda each: (each.day, each.key), reverse=True)[:1]:
        words = f"{measured('HFE gene test', found)}: {found.text}"
        number = copies(found)
        if number is Copies.TWO:
            weighing.speaks_for(f"{words}. Two copies of C282Y: the common hereditary form.", found)
        elif number is Copies.ONE:
            weighing.unknown(f"{words}. One copy of C282Y is no proof: the iron in the liver decides.", found)
        elif number is Copies.NONE:
            weighing.speaks_against(f"{words}. Without C282Y only the rarer forms remain.", found)
        else:
            weighing.unknown(f"{words}: how many copies of C282Y cannot be told.", found)
