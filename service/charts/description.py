"""What a chart shows, in words, for who cannot see it."""

from service.charts.course import Course, Point, Standing
from service.charts.spec import TITLES
from service.charts.units import Scale
from service.clinical.analytes import Analyte
from service.clinical.limits import LOW_IS_ABNORMAL
from service.languages.phrasebook import Phrasebook


def described(course: Course, scale: Scale, book: Phrasebook) -> str:
    """How many results over which time, and where each test stands last, in the book's language."""
    counted = [each for each in course.points if each.standing is not Standing.RETRACTED]
    days = [each.day for each in counted]
    span = book.say(f"{len(counted)} results from {min(days)} to {max(days)}.") if days else ""
    last = [
        f"{each.analyte.value} {each.multiple:.1f} × ({book.say('high' if is_out(each) else 'normal')})"
        if each.multiple is not None and each.limit is not None
        else each.analyte.value
        for each in latest(course)
    ]
    title, signs = book.say(TITLES[scale]), book.signs
    told = f"{title}{signs.stop}{span} {book.say('Latest')}{signs.colon}{signs.comma.join(last)}{signs.stop}"
    return told.strip()


def latest(course: Course) -> list[Point]:
    """The latest result of each test that counts and has a limit, in the order of tests."""
    found = {
        point.analyte: point
        for point in course.points
        if point.limit is not None and point.standing in (Standing.COUNTED, Standing.CORRECTED)
    }
    return sorted(found.values(), key=lambda point: list(Analyte).index(point.analyte))


def is_out(point: Point) -> bool:
    """Whether it is beyond its limit."""
    assert point.limit is not None
    return point.value < point.limit if point.analyte in LOW_IS_ABNORMAL else point.value > point.limit
