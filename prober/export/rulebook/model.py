"""What is said of one rule."""

from __future__ import annotations

import os
import re
from typing import NamedTuple


class RuleText(NamedTuple):
    """``name`` is the rule's for good, ``title`` what it is about in a few words, ``means`` what it means, ``why`` why
    QEMU (or libvirt) does so, ``todo`` what to do about it, ``source`` where this is known from."""

    name: str
    title: str
    means: str
    why: str
    todo: str
    source: str

    @property
    def anchor(self) -> str:
        """Its section's, as GitHub makes it of a heading: ``optionproperty``."""
        return re.sub(r"[^a-z0-9 -]", "", self.name.lower()).replace(" ", "-")

    @property
    def uri(self) -> str:
        """Where its section is: below ``PROBER_RULES_URL``, or else a name that is nobody's address."""
        base = os.environ.get("PROBER_RULES_URL", "")
        return f"{base}#{self.anchor}" if "://" in base else f"urn:prober:rule:{self.name}"

    @property
    def help_text(self) -> str:
        """All of it, in lines."""
        return f"{self.means}\n\nWhy: {self.why}\n\nWhat to do: {self.todo}\n\nSource: {self.source}"

    @property
    def help_markdown(self) -> str:
        """The same, set."""
        parts = {"Why": self.why, "What to do": self.todo, "Source": self.source}
        return "\n\n".join([as_text(self.means), *(f"**{name}:** {as_text(text)}" for name, text in parts.items())])


def as_text(text: str) -> str:
    """A text in Markdown, in which elements stay what they are, and are no HTML.

    >>> as_text("<auth> is for `<source>`")
    '\\\\<auth> is for `<source>`'
    """
    parts = text.split("`")
    return "`".join(part if number % 2 else part.replace("<", "\\<") for number, part in enumerate(parts))
