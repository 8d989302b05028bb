"""A page that is one file: it asks for nothing outside, and opens from a disk."""

from __future__ import annotations

from collections.abc import Sequence

from prober.pages.assets import SCRIPTS, STYLES, UPGRADE_SCRIPTS, UPGRADE_STYLES, asset, source_hash, templates
from prober.pages.models import PageBook
from prober.pages.packed import book_text, packed, sound_text, upgrade_text
from prober.pages.upgrade_models import UpgradeBook


def render_report(book: PageBook) -> str:
    """The page of QEMUs and domains.

    Scripts and styles are named by their hashes in its policy, and nothing else may run, be loaded or be asked.  What
    comes of an XML or a QEMU is in the data alone, which is no markup; but for the title, which is escaped.
    """
    return _render(book.title, book_text(book), SCRIPTS, STYLES)


def render_upgrade(book: UpgradeBook) -> str:
    """The page of an upgrade that was rehearsed; what holds of a report holds of it."""
    return _render(book.title, upgrade_text(book), UPGRADE_SCRIPTS, UPGRADE_STYLES)


def _render(title: str, data: str, script_names: Sequence[str], style_names: Sequence[str]) -> str:
    scripts, styles = [asset(name) for name in script_names], [asset(name) for name in style_names]
    return (
        templates()
        .get_template("page.html")
        .render(
            title=sound_text(title),
            policy=_policy(scripts, styles),
            scripts=scripts,
            styles=styles,
            data=packed(data),
        )
    )


def _policy(scripts: list[str], styles: list[str]) -> str:
    parts = (
        "default-src 'none'",
        f"script-src {' '.join(map(source_hash, scripts))}",
        f"style-src {' '.join(map(source_hash, styles))}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(parts)
