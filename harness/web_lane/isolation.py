"""Where pages can be cross-origin isolated, without which there are no Wasm threads."""

from __future__ import annotations

from harness.transports.served import opened_lobby
from harness.web_lane.options import SERVED, BrowserKeys


def why_no_threads(options: BrowserKeys) -> str:
    """Say why pages of this target cannot have threads, '' where they can or nobody knows yet."""
    lobby = opened_lobby() if options.browser == SERVED else None
    if lobby is None or lobby.device is None or lobby.device.can_have_threads:
        return ""
    if not lobby.device.told.secure_context:
        return "off loopback a page has threads over TLS only: serve with --tls"
    return "the page is not cross-origin isolated in this browser, so it cannot share memory"
