"""Write the manual pages, one a command and one of prober.toml: ``make man``, and ``make install`` lays them down.

They are made of what ``--help`` prints and of the models of the settings.  Nothing of them is kept in the tree: what is
made of the code when it is installed cannot be older than it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from prober import __version__
from prober.cli.commands import COMMANDS, Command
from prober.cli.main import app, declare
from prober.service.configuration import environment_name
from tools.pages import as_markdown
from tools.settings_page import DEFAULTS, SERVICE, comments_of, shown_value

CHECKOUT = Path(__file__).parent.parent

#: Paragraphs of a command's help that have sections of their own, by how they begin.
_SECTIONS = (("EXIT STATUS", ("Exit code",)), ("EXAMPLES", ("Example",)))

_FILES = (
    ("/run/prober/prober.sock", "The socket of the installed service; then `run/prober.sock` is looked for."),
    ("/etc/prober/prober.toml", "The service's settings, see `prober.toml(5)`."),
    ("/etc/prober/host.toml", "What else the host has: libvirt's settings, networks and pools."),
)


def render_pages() -> dict[str, str]:
    """Each page by its file's name: ``prober.1``, ``prober-COMMAND.1``, ``prober.toml.5``."""
    pages = {"prober.1": _overview()}
    for row in COMMANDS:
        pages[f"prober-{row.name}.1"] = _command(row, ("prober",))
        for inner in row.within:
            pages[f"prober-{row.name}-{inner.name}.1"] = _command(inner, ("prober", row.name))
    return {**pages, "prober.toml.5": _settings()}


def _overview() -> str:
    help_text, codes = _split(inspect.cleandoc(app.info.help or ""))
    lines = [*_head("prober", 1), ".SH NAME", rf"prober \- {_text(_first_line(help_text[0]))}"]
    lines += [
        ".SH SYNOPSIS",
        r"\fBprober\fR \fICOMMAND\fR [\fIOPTION\fR...]",
        ".SH DESCRIPTION",
        *_paragraphs(help_text),
    ]
    lines.append(".SH COMMANDS")
    for row in COMMANDS:
        lines += [".TP", rf"\fBprober\-{_code(row.name)}\fR(1)", _text(row.summary)]
    lines += [".SH OPTIONS", ".TP", r"\fB\-\-version\fR", "Print the version and exit."]
    lines += [".TP", r"\fB\-h\fR, \fB\-\-help\fR", "Print the help of the command, or of one of its commands."]
    lines += _sections(codes)
    lines += [".SH ENVIRONMENT", ".TP", r"\fBPROBER_DEBUG\fR", "Set: an error of the command ends with its traceback."]
    lines.append(".SH FILES")
    for path, what in _FILES:
        lines += [".TP", rf"\fI{_code(path)}\fR", _text(what)]
    return _page([*lines, ".SH SEE ALSO", ", ".join(_reference(row) for row in COMMANDS) + r", \fBprober.toml\fR(5)"])


def _command(row: Command, above: Sequence[str]) -> str:
    declared = declare(row)
    names = (*above, row.name)
    name = "-".join(names)
    help_text, sections = _split(declared.help or "")
    lines = [*_head(name, 1), ".SH NAME", rf"{_code(name)} \- {_text(_first_line(row.summary))}", ".SH SYNOPSIS"]
    arguments = [one for one in declared.params if one.param_type_name == "argument"]
    options = [one for one in declared.params if one.param_type_name == "option" and not one.hidden]
    called = " ".join(rf"\fB{_code(one)}\fR" for one in names)
    lines += [" ".join([called, r"[\fIOPTION\fR...]", *(rf"\fI{_code(_named(one))}\fR" for one in arguments)])]
    lines += [".SH DESCRIPTION", *_paragraphs(help_text)]
    if row.within:
        lines.append(".SH COMMANDS")
        for inner in row.within:
            lines += [".TP", rf"\fB{_code(name)}\-{_code(inner.name)}\fR(1)", _text(inner.summary)]
    if arguments:
        lines.append(".SH ARGUMENTS")
        for argument in arguments:
            lines += [".TP", rf"\fI{_code(_named(argument))}\fR", _text(_help(argument))]
    panels: dict[str, list[Any]] = {}
    for option in options:
        panels.setdefault((getattr(option, "rich_help_panel", None) or "Options").upper(), []).append(option)
    for panel in sorted(panels, key=lambda panel: panel == "OPTIONS"):
        lines.append(f".SH {panel}")
        for option in panels[panel]:
            lines += [".TP", _option(option), _text(_help(option))]
        if panel == "OPTIONS":
            lines += [".TP", r"\fB\-h\fR, \fB\-\-help\fR", "Print the help and exit."]
    lines += _sections(sections)
    return _page([*lines, ".SH SEE ALSO", r"\fBprober\fR(1), \fBprober.toml\fR(5)"])


def _settings() -> str:
    lines = [*_head("prober.toml", 5), ".SH NAME", r"prober.toml \- settings of the prober service", ".SH SYNOPSIS"]
    lines += [r"\fI/etc/prober/prober.toml\fR", ".SH DESCRIPTION"]
    lines += _paragraphs(
        [
            "A file in TOML, or the one that `prober serve --config` names. All keys are optional. A variable of the "
            "environment stands over the file, and an option of `prober serve` over both; in a variable a list is "
            "written as in `PATH`, or as JSON.",
            "`prober config --check` tells all that is wrong in it, `prober config` where each setting was told, and "
            "`systemctl reload prober` has a running service read it anew.",
        ]
    )
    for model, above in SERVICE:
        words = comments_of(model)
        lines += [f".SH {_text(f'[{above}]' if above else 'AT THE TOP')}"]
        lines += _paragraphs(as_markdown(inspect.cleandoc(model.__doc__ or "")).split("\n\n"))
        for name, info in model.model_fields.items():
            if isinstance(info.default, BaseModel):
                continue
            key = f"{above}.{name}" if above else name
            default = DEFAULTS.get(key) or shown_value(info.default)
            lines += [".TP", rf"\fB{_code(name)}\fR"]
            lines += [_text(f"{as_markdown(words[name])} Default: {default}. Environment: `{environment_name(key)}`.")]
    return _page([*lines, ".SH SEE ALSO", r"\fBprober\-config\fR(1), \fBprober\-serve\fR(1)"])


def _head(name: str, section: int) -> list[str]:
    return [
        r".\" Made by tools/man_pages.py of what prober --help prints: not to be edited.",
        f'.TH "{_code(name.upper())}" {section} "" "prober {__version__}" "prober"',
        ".nh",  # No word is broken: ids and names of options stay whole.
        ".ad l",
    ]


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _split(help_text: str) -> tuple[list[str], dict[str, list[str]]]:
    """The paragraphs of a help, and those that have a section of their own."""
    rest: list[str] = []
    sections: dict[str, list[str]] = {}
    for paragraph in re.split(r"\n\s*\n", help_text):
        for section, begins in _SECTIONS:
            if paragraph.startswith(begins):
                sections.setdefault(section, []).append(paragraph)
                break
        else:
            rest.append(paragraph)
    return rest, sections


def _sections(sections: dict[str, list[str]]) -> Iterator[str]:
    for section, _ in _SECTIONS:
        if section in sections:
            yield f".SH {section}"
            yield from _paragraphs(re.sub(r"^Exit codes?: |^Examples?: ", "", one) for one in sections[section])


def _paragraphs(paragraphs: Iterable[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _first_line(text: str) -> str:
    """A summary as a page's name has it: without what follows a colon, and without a full stop."""
    return text.partition("\n")[0].partition(": ")[0].rstrip(".")


def _named(argument: Any) -> str:
    named = str(argument.metavar or argument.name.upper())
    return named if argument.required or named.startswith("[") else f"[{named}]"


def _option(option: Any) -> str:
    value = "" if option.is_flag else rf" \fI{_code(_value_of(option))}\fR"
    return ", ".join(rf"\fB{_code(name)}\fR" for name in (*option.opts, *option.secondary_opts)) + value


def _value_of(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    return str(option.metavar or ("|".join(map(str, choices)) if choices else option.type.name.upper()))


def _help(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split())
    choices = getattr(parameter.type, "choices", None)
    if parameter.param_type_name == "argument" and choices:
        return f"{text} One of {', '.join(f'`{one}`' for one in choices)}."
    default = parameter.default
    if "[default:" in text or parameter.param_type_name != "option" or default in (None, "", False, ()):
        return text
    return text if callable(default) or getattr(parameter, "is_flag", False) else f"{text} [default: {default}]"


def _reference(row: Command) -> str:
    return rf"\fBprober\-{_code(row.name)}\fR(1)"


def _code(text: str) -> str:
    """Text that may be copied: each hyphen stays the character that a shell reads."""
    return _escaped(text).replace("-", r"\-")


def _text(text: str) -> str:
    """Markdown of one paragraph: what stands in backticks becomes bold."""
    parts = text.replace("\n", " ").split("`")
    drawn = [_escaped(part) if number % 2 == 0 else rf"\fB{_code(part)}\fR" for number, part in enumerate(parts)]
    line = "".join(drawn)
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _escaped(text: str) -> str:
    plain = text.replace("\\", r"\e").replace("^", r"\(ha").replace("~", r"\(ti")
    return "".join(one if one.isascii() else rf"\[u{ord(one):04X}]" for one in plain)


def main() -> None:
    """Write all pages into a directory: the first word, or ``build/man``."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "build" / "man"
    pages = render_pages()
    for name, page in pages.items():
        target = place / f"man{name.rpartition('.')[2]}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page)
    print(f"{len(pages)} pages in {place}")


if __name__ == "__main__":
    main()
