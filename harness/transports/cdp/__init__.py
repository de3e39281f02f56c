"""Chrome on a phone, driven by the Chrome DevTools protocol itself, through adb.

Playwright for Python cannot attach to Chrome on Android; what a run needs of the protocol is
little: a page, a script before it, one evaluation, and the page's words.
"""

from harness.transports.cdp.visits import PhoneChrome

__all__ = ["PhoneChrome"]
