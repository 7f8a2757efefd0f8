"""The README is held to what it says: its commands are run, its settings and links compared with what is."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "deploy").rglob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
BY_HAND = "## One Observation by hand"
END = "--- the end of a block ---"
TIDY = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
"""However it ends, no service stays behind."""


def blocks() -> Iterator[tuple[str, str]]:
    """What is typed by hand, and what is to be answered; `…` stands for anything."""
    section = README.partition(BY_HAND)[2].partition("\n## ")[0]
    yield from re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", section, re.DOTALL)


def answered_as(told: str, answer: str) -> bool:
    pattern = re.escape(told.strip()).replace("…", ".*")
    return re.fullmatch(pattern, answer.strip()) is not None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_is_typed_by_hand_is_answered_as_the_readme_says(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    told = list(blocks())
    assert len(told) > 5
    typed = TIDY + f"echo; echo {shlex.quote(END)}\n".join(["", *(each for each, _ in told), ""])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with subprocess.Popen(
        ["bash", "-e"],
        cwd=tmp_path,
        env={**environment, f"{PREFIX}PORT": str(port)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            out, err = shell.communicate(typed.replace("127.0.0.1:8080", f"127.0.0.1:{port}"), timeout=100)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    answers = out.split(END)[1:]
    for (command, expected), answer in zip(told, answers, strict=False):
        assert answered_as(expected, answer), f"{command}\nwas answered:\n{answer}\n{err}"
    assert shell.returncode == 0, err
    assert len(answers) == len(told) + 1


def test_every_setting_is_told_with_its_default() -> None:
    rows = dict(re.findall(rf"^\| `({PREFIX}\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert set(rows) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.default is not PydanticUndefined
        told = rows[f"{PREFIX}{name.upper()}"]
        if field.default not in (None, ()):
            shown = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            assert told == f"`{shown}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [each for each in links if not (page.parent / each).exists()] == []


def typed(page: Path) -> Iterator[list[str]]:
    """The command lines of `liverwatch` in the blocks of a page."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        if re.match(r" *[\w./]*liverwatch ", line):
            words = [
                found
                for word in shlex.split(line, comments=True)
                for found in (map(str, ROOT.glob(word)) if "*" in word else [word])
            ]
            yield list(takewhile(lambda word: word not in ("&", "|", ">", "2>", "…"), words[1:]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_could_be_typed(page: Path) -> None:
    """Its commands and options exist, and take such values."""
    from typer.main import get_command

    from service.cli import app

    for words in typed(page):
        command, rest = get_command(app), words
        while rest and rest[0] in getattr(command, "commands", {}):
            name, *rest = rest
            command = command.commands[name]  # type: ignore[attr-defined]
        with command.make_context("liverwatch", rest):
            pass


def test_every_command_of_the_readme_exists() -> None:
    from typer.main import get_command

    from service.cli import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"`liverwatch ([a-z-]+)", README)) | set(
        re.findall(r"^liverwatch ([a-z-]+)", README, re.MULTILINE)
    )
    assert named - known == set()
