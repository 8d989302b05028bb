"""Write the table of rules in docs/checking.md: ``make docs``."""

from __future__ import annotations

from pathlib import Path

from prober.commandline.refusal import Kind
from prober.commandline.rules.rule import Rule, Version
from prober.commandline.rules.table import RULES
from tools.pages import put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "checking.md"


#: A bound that is none.
_NONE: Version = (0, 0, 0)

#: What QEMU makes of a line that breaks a rule.
_MAKES = {Kind.error: "refuses", Kind.ignored: "ignores", Kind.deprecated: "warns"}


def render_page(page: str) -> str:
    """The page with its table written anew."""
    rows = [f"| {rule.says} | {_MAKES[rule.kind]} | {_versions(rule)} | {_source(rule.source)} |" for rule in RULES]
    head = ["", "| what has to be | else QEMU | versions | source |", "| --- | --- | --- | --- |"]
    return put_between_marks(page, "\n".join([*head, *rows]))


def _versions(rule: Rule) -> str:
    """``6.0 to before 10.0``; empty where it is all."""
    since, until = (
        ".".join(map(str, version[: 2 + (version[2] > 0)])) for version in (rule.since, rule.until or _NONE)
    )
    if rule.since == _NONE:
        return f"before {until}" if rule.until else ""
    return f"{since} to before {until}" if rule.until else f"from {since} on"


def _source(text: str) -> str:
    """Files and functions, set as code."""
    return "; ".join(f"`{part.strip()}`" for part in text.split(";"))


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
