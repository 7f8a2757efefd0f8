"""The chart of a letter, as SVG, and in words."""

from service.charts.description import described
from service.charts.palette import on_paper
from service.charts.spec import chart_spec
from service.charts.units import Scale
from service.errors import ConfigurationError, LiverwatchError
from service.languages.phrasebook import Phrasebook
from service.letters.case import Case
from service.letters.letter import Figure

_VEGA_LITE = "6.4"
"""The version that specs are written for, as the pages have it."""
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
    words = described(case.course, Scale.MULTIPLES, book)
    spec = chart_spec(
        case.course,
        Scale.MULTIPLES,
        book.say,
        on_paper,
        description=words,
        width=_WIDTH,
        height=_HEIGHT,
    )
    try:
        svg = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[])
    except ValueError:  # its text may quote the spec, which holds results
        raise LiverwatchError("the chart could not be drawn") from None
    return Figure(svg, words)
