"""Draw the demo's story, a few steps of it, as the README shows it.

From the top of the repository:

FORCE_COLOR=1 COLUMNS=100 .venv/bin/liverwatch demo --once |
    .venv/bin/python deploy/images/demo_svg.py >deploy/images/demo.svg
"""

import io
import re
import sys

from rich.console import Console
from rich.text import Text

WIDTH = 100
STEPS = {"2", "10"}
"""The steps that are drawn, beside the head and the last line. What is left out is marked."""


def draw(story: str) -> str:
    """The drawing, of what the demo wrote and nothing else."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    left_out = False
    for block in re.split(r"\n\s*\n", story.replace("\r", "").strip("\n")):
        told = Text.from_ansi("\n".join(line.rstrip() for line in block.splitlines()))
        number = re.match(r"(\d+)\. ", told.plain)
        if number and number[1] not in STEPS:
            left_out = True
            continue
        if left_out:
            console.print(Text("[...]\n", "dim"))
            left_out = False
        console.print(told, end="\n\n")
    drawing = console.export_svg(title="liverwatch demo --once")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)  # nothing is fetched to show it


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read()))
