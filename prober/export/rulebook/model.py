"""What is said of one rule."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

#: Where a block of code begins or ends.
_FENCE = re.compile(r"^```\w*\n?", re.MULTILINE)


class RuleText(NamedTuple):
    """``name`` is the rule's for good, ``title`` what it is about in a few words, ``means`` what it means, ``why`` why
    QEMU (or libvirt) does so, ``todo`` what to do about it, ``source`` where this is known from.  ``example`` is what
    it refuses and what is taken, in Markdown (empty: nothing that could be written down)."""

    name: str
    title: str
    means: str
    why: str
    todo: str
    source: str
    example: str = ""

    @property
    def anchor(self) -> str:
        """Its section's, as GitHub makes it of a heading: ``optionproperty``."""
        return re.sub(r"[^a-z0-9 -]", "", self.name.lower()).replace(" ", "-")

    @property
    def uri(self) -> str:
        """Where its section is: below ``PROBER_RULES_URL``; empty without one, as a link that leads nowhere is worse
        than none."""
        base = os.environ.get("PROBER_RULES_URL", "")
        return f"{base}#{self.anchor}" if "://" in base else ""

    @property
    def title_text(self) -> str:
        """The title as a text without marks, from a capital letter on."""
        text = as_plain(self.title)
        return f"{text[0].upper()}{text[1:]}"

    @property
    def means_text(self) -> str:
        """What it means, as a text without marks; the list of what it says is for the help."""
        return as_plain(self.means.partition(" It says:\n\n")[0])

    @property
    def help_text(self) -> str:
        """All of it, in lines."""
        parts = {"Why": self.why, "What to do": self.todo, "Source": self.source}
        said = [self.means, self.example, *(f"{name}: {text}" for name, text in parts.items())]
        return "\n\n".join(as_plain(text) for text in said if text)

    @property
    def help_markdown(self) -> str:
        """The same, set."""
        parts = {"Why": self.why, "What to do": self.todo, "Source": self.source}
        said = [as_text(self.means), self.example, *(f"**{name}:** {as_text(text)}" for name, text in parts.items())]
        return "\n\n".join(text for text in said if text)


def as_plain(text: str) -> str:
    """A text of Markdown's without its marks.

    >>> as_plain("`<auth>` is for `<source>`")
    '<auth> is for <source>'
    """
    return _FENCE.sub("", text).replace("`", "")


def as_text(text: str) -> str:
    """A text in Markdown, in which elements stay what they are, and are no HTML.

    >>> as_text("<auth> is for `<source>`")
    '\\\\<auth> is for `<source>`'
    """
    parts = text.split("`")
    return "`".join(part if number % 2 else part.replace("<", "\\<") for number, part in enumerate(parts))
