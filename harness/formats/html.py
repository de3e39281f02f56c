"""Tables as one HTML page that stands alone: no script, no request, names escaped to stay names."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Table
from harness.pages.document import document
from harness.pages.tables import Shown, tables_body
from harness.plugins import API_VERSION


class HtmlFormat:
    """Renders tables for a browser or a mail."""

    name = "html"
    api_version = API_VERSION
    media_type = "text/html"

    def render(self, tables: Sequence[Table]) -> str:
        """Return all tables as one page."""
        return document("edgebench", tables_body([Shown(table) for table in tables]))


PLUGIN = HtmlFormat()
