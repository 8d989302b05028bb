"""What hints tell to write is there: each option that one names is an option, each element
one that the XML has, and each setting one of prober's."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

import pytest

import prober
from prober.commandline.flags import FLAGS
from prober.commandline.replaced import REPLACED, replacement
from prober.commandline.report import check_argv
from prober.qemu.limits import InterviewLimits
from prober.service.settings import ServiceSettings
from tests.unit.commandline.rules.test_lines import CAPS

#: An option; not the end of a word with a dash in it, and not a number.
OPTION = re.compile(r"(?<![\w<>/…,.=-])-{1,2}([A-Za-z][\w-]*)")
ELEMENT = re.compile(r"<([a-z][\w:-]*)")
SETTING = re.compile(r"\b(?:the limit is|set|in) ([a-z]+_[a-z_]+)\b")

#: The page of all elements and attributes, which is made from the models.
DOCS = Path(prober.__file__).parent.parent / "docs"
UNDERSTOOD = (DOCS / "domain-xml.md").read_text().partition("## What libvirt")[0]
ELEMENTS = frozenset(re.findall(r"[/<]([a-z][\w:-]*)", UNDERSTOOD))
#: The settings of the service, and the limits of an interview.
SETTINGS = frozenset({*ServiceSettings.model_fields, *InterviewLimits.model_fields})

#: Calls whose argument of this number is a hint, beside those that are given by name.
HINTS = {"Fault": 3, "Broken": 2, "Unfit": 1}

#: Options of prober's own command, which has two dashes before them.
OWN = {
    *("against", "binary", "existing", "host-cpu", "label", "output", "path", "reader", "replicas", "replies"),
    *("settings", "socket", "starts-at", "store", "from", "to", "json", "port"),
}
#: Those of other commands that are named: pgrep, openssl.
OTHERS = {"a", "in", "out"}


def texts_of(node: ast.expr) -> Iterator[str]:
    """The literal texts in an expression, with ``ID`` for what is put in."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "ID" for part in parts)
        case ast.IfExp(body=body, orelse=other):
            yield from (*texts_of(body), *texts_of(other))
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from texts_of(part)
        case ast.BinOp(left=left, right=right):
            yield from (*texts_of(left), *texts_of(right))


def hints_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="hint", value=value):
                yield from texts_of(value)
            case ast.Assign(targets=[ast.Name(id="hint")], value=value):
                yield from texts_of(value)
            case ast.Call(func=ast.Name(id=name), args=arguments) if len(arguments) > HINTS.get(name, 99):
                yield from texts_of(arguments[HINTS[name]])


@cache
def all_hints() -> list[str]:
    """Every file of prober is read for them: not while tests are collected, which each worker does."""
    place = Path(prober.__file__).parent
    written = {hint for path in place.rglob("*.py") for hint in hints_in(ast.parse(path.read_text()))}
    return sorted(written | set(REPLACED.values()))


def strangers(pattern: re.Pattern[str], known: Container[str]) -> dict[str, set[str]]:
    """By hint, what it names in this form that is not known."""
    named = {hint: set(pattern.findall(hint)) for hint in all_hints()}
    assert sum(map(bool, named.values())) > 5, "some name one"
    strange = {hint: {name for name in names if name not in known} for hint, names in named.items()}
    return {hint: names for hint, names in strange.items() if names}


@pytest.mark.slow
def test_hints_are_found() -> None:
    assert len(all_hints()) > 150
    assert "write key=value" in all_hints()


def test_each_option_of_a_hint_is_one() -> None:
    known = {*FLAGS, *OWN, *OTHERS, "OPTION"}
    assert strangers(OPTION, known | {f"{name}-" for name in known}) == {}


def test_each_element_of_a_hint_is_one() -> None:
    assert strangers(ELEMENT, ELEMENTS) == {}


def test_each_setting_of_a_hint_is_one() -> None:
    assert strangers(SETTING, SETTINGS) == {}


@pytest.mark.parametrize("flag", [name for name in REPLACED if name.startswith("-") and "." not in name])
def test_what_replaces_an_option_is_there_where_it_is_gone(flag: str) -> None:
    """In the versions at hand that lack the option, the check says what to write, and what it names is there."""
    gone = 0
    for version, caps in CAPS.items():
        said = check_argv(["qemu-system-x86_64", flag], caps).findings
        refused = [finding for finding in said if finding.flag == flag and finding.hint == replacement(flag)]
        takes = FLAGS.get(flag[1:])
        if takes is not None and takes.takes_value:
            said = check_argv(["qemu-system-x86_64", flag, "x"], caps).findings
            refused = [finding for finding in said if finding.hint == replacement(flag)]
        if refused:
            gone += 1
            for name in OPTION.findall(replacement(flag)):
                there = check_argv(["qemu-system-x86_64", f"-{name}"], caps).findings
                assert not [one for one in there if one.message.endswith(f"has no -{name}")], version
    assert gone
