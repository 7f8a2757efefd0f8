"""The chart of a letter, as SVG, and in words."""

from service.charts.course import Standing
from service.charts.spec import TITLES, chart_spec
from service.charts.units import Scale
from service.errors import ConfigurationError, LiverwatchError
from service.languages.phrasebook import Phrasebook
from service.letters.case import Case
from service.letters.letter import Figure
from service.letters.values import is_out, latest

_VEGA_LITE = "6.4"
"""The version whose schema Altair writes."""
_WIDTH, _HEIGHT = 500, 190


def figure(case: Case, book: Phrasebook) -> Figure:
    """The chart of the case in multiples of the limit.

    Raises:
        ConfigurationError: what draws it is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - only who prints letters needs it
    except ImportError as error:
        raise ConfigurationError(
            "letters need more packages: pip install 'liverwatch[letters]'", where="vl-convert-python"
        ) from error
    words = described(case, book)
    spec = chart_spec(case.course, Scale.MULTIPLES, book.say, description=words, width=_WIDTH, height=_HEIGHT)
    try:
        svg = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[])
    except ValueError:  # its text may quote the spec, which holds results
        raise LiverwatchError("the chart could not be drawn") from None
    return Figure(svg, words)


def described(case: Case, book: Phrasebook) -> str:
    """What the chart shows: how many results over which time, and where each test stands last."""
    counted = [each for each in case.course.points if each.standing is not Standing.RETRACTED]
    title = book.say(TITLES[Scale.MULTIPLES])
    days = [each.day for each in counted]
    span = book.say(f"{len(counted)} results from {min(days)} to {max(days)}.") if days else ""
    last = [
        f"{each.analyte.value} {each.multiple:.1f} × ({book.say('high' if is_out(each) else 'normal')})"
        if each.multiple is not None and each.limit is not None
        else each.analyte.value
        for each in latest(case.course)
    ]
    signs = book.signs
    told = f"{title}{signs.stop}{span} {book.say('Latest')}{signs.colon}{signs.comma.join(last)}{signs.stop}"
    return told.strip()
