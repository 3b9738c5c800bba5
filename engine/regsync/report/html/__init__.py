"""A run as one HTML page. Knows how it looks; neither where it is written nor how it came about."""

from __future__ import annotations

from regsync.report.html.page import render_html

__all__ = ["render_html"]
