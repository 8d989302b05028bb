"""The files that a page is made of: templates, style and scripts, as they lie in the package.

Blocks: they are read once, by whoever makes a page.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"

#: The libraries, and then our own scripts: each uses those before it.
LIBRARIES = ("vendor/preact.js", "vendor/hooks.js", "vendor/htm.js")
SCRIPTS = (
    *LIBRARIES,
    "base.js",
    "parts.js",
    "book.js",
    "compare.js",
    "qemus.js",
    "types.js",
    "xml.js",
    "buses.js",
    "difference.js",
    "matrix.js",
    "app.js",
    "report.js",
)
#: What only a live page has.
LIVE_SCRIPTS = (*SCRIPTS[:-1], "service.js", "editor.js", "prove.js", SCRIPTS[-1])
#: What the page of an upgrade has.
UPGRADE_SCRIPTS = (*LIBRARIES, "base.js", "parts.js", "xml.js", "app.js", "reasons.js", "upgrade.js")
STYLES = ("base.css", "parts.css")
LIVE_STYLES = (*STYLES, "live.css")
UPGRADE_STYLES = (*STYLES, "upgrade.css")


@cache
def asset(name: str) -> str:
    """The text of one of the files."""
    return (_STATIC / name).read_text("utf-8")


def source_hash(text: str) -> str:
    """How a content-security policy names a script or style: ``'sha256-…'``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def templates() -> Environment:
    """The templates: what is put into them is escaped, and what is missing is an error."""
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
