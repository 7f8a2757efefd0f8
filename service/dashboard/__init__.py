"""Pages in the browser."""

from service.dashboard.rule_pages import routes

__all__ = ["routes"]
