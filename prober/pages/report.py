"""A page that is one file: it asks for nothing outside, and opens from a disk."""

from __future__ import annotations

from prober.pages.assets import SCRIPTS, STYLES, asset, source_hash, templates
from prober.pages.models import PageBook
from prober.pages.packed import book_text, packed, sound_text


def render_report(book: PageBook) -> str:
    """The page.

    Scripts and styles are named by their hashes in its policy, and nothing else may run, be loaded or be asked.  What
    comes of an XML or a QEMU is in the data alone, which is no markup; but for the title, which is escaped.
    """
    scripts, styles = [asset(name) for name in SCRIPTS], [asset(name) for name in STYLES]
    return (
        templates()
        .get_template("page.html")
        .render(
            title=sound_text(book.title),
            policy=_policy(scripts, styles),
            scripts=scripts,
            styles=styles,
            data=packed(book_text(book)),
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
