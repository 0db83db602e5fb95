"""Widgets that run the course's own networks in the page: `show` one in a notebook, or write it as a page of its own."""

from .show import Widget, export_page, show

__all__ = ["Widget", "export_page", "show"]
