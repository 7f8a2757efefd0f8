"""Texts that a spreadsheet is given."""

from typing import Any


def harmless(cell: Any) -> Any:
    """What a spreadsheet would take for a formula, and run, is marked as the text that it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
