"""Hand over to the command line once the interpreter is new enough.

This one file is written so that any Python from 3.6 on can read it, and say what is wrong.
"""

import os
import shutil
import sys

OLDEST = (3, 11)
NEWER_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11")


def find_newer() -> str:
    """Return the path of a Python that is new enough, or ''."""
    for name in NEWER_NAMES:
        path = shutil.which(name)
        if path:
            return path
    return ""


def main() -> None:
    """Run the installer with this interpreter, or with a newer one if this is too old."""
    if os.name != "posix":
        sys.exit("setup stopped: Linux or macOS is needed\n  next step: on Windows, use WSL")
    if sys.version_info < OLDEST:
        newer = find_newer()
        if newer:
            os.execv(newer, [newer, "-m", "installer", *sys.argv[1:]])  # noqa: S606  a shell is not wanted
        sys.exit(
            f"setup stopped: Python 3.11 or newer is needed, {sys.executable} is "
            f"{sys.version_info[0]}.{sys.version_info[1]}\n"
            "  next step: install one and name it: make PYTHON=/path/to/python3.11 ..."
        )
    from installer.command_line import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
