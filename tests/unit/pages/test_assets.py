"""The files of a page: all of them used, the libraries as they were published, and nothing that leads outside."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import prober.pages.assets as assets
from prober.pages.assets import LIVE_SCRIPTS, LIVE_STYLES, SCRIPTS, STYLES, UPGRADE_SCRIPTS, UPGRADE_STYLES, asset

STATIC = Path(assets.__file__).parent / "static"
VENDOR = STATIC / "vendor"

#: What a page may be made of (bytes): the libraries, and all scripts and styles of a report.
MOST_OF_LIBRARIES, MOST_OF_REPORT = 20 << 10, 120 << 10

#: Each once, in the order of the pages.
EVERY_SCRIPT = tuple(dict.fromkeys((*LIVE_SCRIPTS, *UPGRADE_SCRIPTS)))
EVERY_STYLE = tuple(dict.fromkeys((*LIVE_STYLES, *UPGRADE_STYLES)))


def test_every_file_is_used_and_every_one_that_is_named_is_there() -> None:
    files = {str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.suffix in (".js", ".css")}
    assert {*EVERY_SCRIPT, *EVERY_STYLE} == files
    assert {*SCRIPTS} <= {*LIVE_SCRIPTS} and {*STYLES} <= {*LIVE_STYLES}


def test_the_libraries_are_those_that_were_published() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \|.*\| (\S+), `(\S+)` \| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.M
    )
    assert {name for name, *_ in rows} == {path.name for path in VENDOR.glob("*.js")}
    for name, _, licence, digest in rows:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
        assert (VENDOR / licence).stat().st_size > 500
    assert sum(len(path.read_bytes()) for path in VENDOR.glob("*.js")) < MOST_OF_LIBRARIES


def test_the_scripts_and_styles_of_a_report_are_small() -> None:
    for names in ((*SCRIPTS, *STYLES), (*UPGRADE_SCRIPTS, *UPGRADE_STYLES)):
        assert sum(len(asset(name).encode()) for name in names) < MOST_OF_REPORT


@pytest.mark.parametrize("name", [*EVERY_SCRIPT, *EVERY_STYLE])
def test_nothing_in_one_ends_it_early_or_leads_outside(name: str) -> None:
    text = asset(name)
    assert not re.search(r"</(script|style)|<!--", text, re.I) or name == "xml.js"
    assert not re.search(r"</(script|style)", text, re.I)
    # Of these alone: the namespaces of SVG and MathML, which a library makes nodes by.
    assert set(re.findall(r"https?://[^\"'\s)]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/",
    }
    assert not re.search(r"@import|url\(", text)


@pytest.mark.parametrize("name", [name for name in EVERY_SCRIPT if not name.startswith("vendor/")])
def test_our_own_scripts_make_nodes_and_never_markup(name: str) -> None:
    text = asset(name)
    assert '"use strict";' in text
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\b|Function\(", text
    )
    assert len(text.splitlines()) <= 400
