"""Letters as PDF/UA-1: what a screen reader finds in them, and what is said where they cannot be made."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from sqlalchemy import Engine

from service.letters.letter import Block, Figure, Items, Letter, Paragraph, Recipient, Section, Table
from service.letters.page import page
from service.letters.writing import write_letter
from service.store.session import open_engine
from tests.letters.conftest import printed
from tests.letters.posting import case_of

pytestmark = pytest.mark.filterwarnings("default")  # WeasyPrint's and its fonts' own
VIGNETTE = "persistent-mild-alt"


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Letter]:
    from service.store.migrate import migrate

    engine: Engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('letters') / 'x.db'}", durable=False)
    migrate(engine)
    case = case_of(VIGNETTE, engine)
    engine.dispose()
    return {
        f"{to.value}.{language}": write_letter(case, to, language)
        for to in Recipient
        for language in ("en", "zh-CN")
    }


def elements(node: Any) -> Iterator[Any]:
    """Every element of a structure tree."""
    if isinstance(node, pikepdf.Array):
        for each in node:
            yield from elements(each)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from elements(node.K)


def tags(pdf: pikepdf.Pdf) -> list[str]:
    return [str(each.S) for each in elements(pdf.Root.StructTreeRoot)]


@pytest.mark.parametrize("which", ["referral.en", "referral.zh-CN", "patient.en", "patient.zh-CN"])
def test_a_letter_is_tagged_titled_and_in_its_language(which: str, letters: dict[str, Letter]) -> None:
    letter = letters[which]
    with pikepdf.open(io.BytesIO(printed(page(letter)))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == letter.language
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert str(pdf.docinfo.Title) == letter.title
        with pdf.open_metadata() as metadata:
            assert metadata["pdfuaid:part"] == "1"
            assert metadata["dc:title"] == letter.title
        found = tags(pdf)
        assert {"/H1", "/H2", "/P", "/Table", "/TR", "/TH", "/TD"} <= set(found)
        assert found.count("/H1") == 1
        assert found.count("/H2") == len(letter.sections)


def test_the_chart_has_words_for_who_cannot_see_it(letters: dict[str, Letter]) -> None:
    letter = letters["referral.en"]
    (figure,) = [one for each in letter.sections for one in each.blocks if isinstance(one, Figure)]
    with pikepdf.open(io.BytesIO(printed(page(letter)))) as pdf:
        shown = [each for each in elements(pdf.Root.StructTreeRoot) if str(each.S) == "/Figure"]
        assert [str(each.Alt) for each in shown] == [figure.description]
    assert "ALT 2.5 × (high)" in figure.description


@pytest.mark.parametrize("which", ["referral.en", "patient.zh-CN"])
def test_every_font_is_embedded(which: str, letters: dict[str, Letter]) -> None:
    with pikepdf.open(io.BytesIO(printed(page(letters[which])))) as pdf:
        described = [
            each
            for each in pdf.objects
            if isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/FontDescriptor"
        ]
        assert described
        assert all({"/FontFile2", "/FontFile3"} & set(each.keys()) for each in described)


@pytest.mark.parametrize("which", ["referral.en", "referral.zh-CN"])
def test_a_referral_takes_no_more_than_two_pages(which: str, letters: dict[str, Letter]) -> None:
    with pikepdf.open(io.BytesIO(printed(page(letters[which])))) as pdf:
        assert len(pdf.pages) <= 2


def test_chinese_can_be_read_out_of_the_file_again(letters: dict[str, Letter]) -> None:
    document = pypdfium2.PdfDocument(printed(page(letters["patient.zh-CN"])))
    assert "您的肝功能检查" in document[0].get_textpage().get_text_range()


HOSTILE = "</p><script>x</script><img src='http://bad.test/x'>"


def test_what_stands_in_a_record_is_text_and_fetches_nothing() -> None:
    blocks: list[Block] = [
        Paragraph(HOSTILE),
        Items([HOSTILE]),
        Table(HOSTILE, [HOSTILE, "b"], [[HOSTILE, HOSTILE]]),
    ]
    letter = Letter(
        Recipient.PATIENT, "en", HOSTILE, [(HOSTILE, HOSTILE)], [Section(HOSTILE, blocks)], HOSTILE
    )
    html = page(letter)
    assert "<script" not in html
    assert "<img" not in html
    document = pypdfium2.PdfDocument(printed(html))
    assert "<script>x</script>" in document[0].get_textpage().get_text_range()


WITHOUT_CHINESE = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><selectfont><rejectfont><pattern>
<patelt name="lang"><string>zh-cn</string></patelt></pattern></rejectfont></selectfont></fontconfig>"""


def test_without_a_chinese_font_it_says_what_to_install_and_prints_nothing(tmp_path: Path) -> None:
    printed("<p>.</p>")
    (tmp_path / "fonts.conf").write_text(WITHOUT_CHINESE, encoding="utf-8")
    script = (
        "from service.errors import ConfigurationError\nfrom service.letters.pdf import pdf\n"
        "try:\n    pdf('<html lang=zh-CN><title>t</title><p>\\u809d\\u810f')\n"
        "except ConfigurationError as error:\n    print(error.message)\n"
    )
    environment = os.environ | {"FONTCONFIG_FILE": str(tmp_path / "fonts.conf")}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert "fonts-noto-cjk" in ran.stdout
    assert "\u809d" not in ran.stdout + ran.stderr


def test_without_weasyprint_or_pango_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    from service.errors import ConfigurationError
    from service.letters.pdf import pdf

    real = builtins.__import__

    def refusing(why: Exception) -> Any:
        def imported(name: str, *rest: Any, **more: Any) -> Any:
            if name == "weasyprint":
                raise why
            return real(name, *rest, **more)

        return imported

    for why, told in (
        (ImportError("no module"), r"liverwatch\[letters\]"),
        (OSError("no pango"), "libpango"),
    ):
        monkeypatch.setattr(builtins, "__import__", refusing(why))
        with pytest.raises(ConfigurationError, match=told):
            pdf("<p>.</p>")
        monkeypatch.undo()
