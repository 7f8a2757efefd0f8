"""What the letter to the patient says beside the advice: in plain words, and translated, as advice is."""

from typing import Final

from service.languages import marked as _

TITLE: Final = _("Your liver tests")
NAME: Final = _("Name")
BORN: Final = _("Born")
DATE: Final = _("Date")
FOUND: Final = _("What we found")
FOUND_TEXT: Final = _("You had blood tests of your liver. Your last results are in this list.")
SOME_HIGH: Final = _("These tests are out of range: {tests}.")
ALL_NORMAL: Final = _("All of your last results are in the normal range.")
LIST: Final = _("Your last results")
TEST: Final = _("Test")
RESULT: Final = _("Your result")
RANGE: Final = _("Normal range")
DAY: Final = _("Day of the test")
READING: Final = _("What it says")
UP_TO: Final = _("up to {limit}")
FROM: Final = _("{limit} or more")
HIGH: Final = _("too high")
LOW: Final = _("too low")
NORMAL: Final = _("normal")
MEANS: Final = _("What it means")
NEXT: Final = _("What to do next")
HELPS: Final = _("What helps your liver")
AT_ONCE: Final = _("When to get help at once")
CLOSING: Final = _(
    "Please ask your doctor or nurse if you have questions. Bring this letter to your next visit."
)

TEXTS: Final = (
    *(TITLE, NAME, BORN, DATE, FOUND, FOUND_TEXT, SOME_HIGH, ALL_NORMAL, LIST, TEST, RESULT, RANGE, DAY),
    *(READING, UP_TO, FROM, HIGH, LOW, NORMAL, MEANS, NEXT, HELPS, AT_ONCE, CLOSING),
)
