"""What is known of a rule, by its name."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from prober.commandline.refusal import Kind
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.table import RULES
from prober.domain.steps import Step
from prober.errors import UnknownNameError
from prober.export.rulebook.model import RuleText
from prober.translate.steps import STEPS

#: What QEMU makes of a line that breaks a rule.
_MAKES = {
    Kind.error: "refuses such a line",
    Kind.ignored: "starts, and does not do it",
    Kind.deprecated: "does it, warns, and will not do it for ever",
    Kind.unknown: "may refuse such a line",
}

#: The same before an example.
_SHOWN = {Kind.error: "refuses", Kind.ignored: "ignores", Kind.deprecated: "warns of"}


def rule_text(name: str) -> RuleText:
    """What is said of it; of a name that is in no book, what its room tells.

    >>> rule_text("option/property").title
    'A property that the type has not'
    """
    known = _find(name)
    if known is not None:
        return known
    return RuleText(name, name, f"Found by {name}.", "nothing is written of it", "see the message", "the message")


def known_rules() -> list[str]:
    """The name of each rule that has a text, in the order of docs/rules.md: by room, and in it by name."""
    steps = {step.rule for step in STEPS if step.rule in elements()}
    names = {rule.name for rule in RULES} | words().keys() | elements().keys() | steps
    rooms = ("xml", "element", "domain", "option", "line", "live", "proof", "migration", "upgrade")
    return sorted(names, key=lambda name: (rooms.index(name.partition("/")[0]), name))


def find_rule(name: str) -> RuleText:
    """What is said of it.

    :raise UnknownNameError: where there is no such rule.
    """
    known = _find(name)
    if known is None:
        raise UnknownNameError(f"there is no rule {name}", hint="docs/rules.md has all of them")
    return known


def _find(name: str) -> RuleText | None:
    own = words().get(name)
    if own is not None:
        return RuleText(name, own["title"], own["means"], own["why"], own["todo"], own["source"], _shown(name, own))
    rule = _by_name().get(name)
    if rule is not None:
        return _of_line(rule)
    element = elements().get(name)
    if element is None:
        return None
    step = _steps().get(name)
    return _of_step(step, element) if step is not None else _of_element(name, element)


def _shown(name: str, own: Mapping[str, Any]) -> str:
    if "wrong" in own:
        return f"- Refused (QEMU {own['qemu']}): `{own['wrong']}`\n- Taken: `{own['right']}`"
    if "tried" in own:
        return f"- Told of `prober {own['tried']}`\n- Not of `prober {own['sound']}`"
    return examples().get(name, "")


@cache
def words() -> Mapping[str, Mapping[str, Any]]:
    """What ``words.toml`` says, by rule."""
    found: Mapping[str, Mapping[str, Any]] = tomllib.loads(files(__package__).joinpath("words.toml").read_text())
    return found


@cache
def elements() -> Mapping[str, Mapping[str, Any]]:
    """What the rules of elements and steps say, where, and of which source; ``tools.rule_book`` wrote it of them."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(files(__package__).joinpath("elements.json").read_text())
    return found


@cache
def examples() -> Mapping[str, str]:
    """A domain that is refused and one that is taken, set, by rule; ``tools.rule_book`` wrote it of ``tests/rules``."""
    found: Mapping[str, str] = json.loads(files(__package__).joinpath("examples.json").read_text())
    return found


@cache
def _by_name() -> Mapping[str, Rule]:
    return {rule.name: rule for rule in RULES}


@cache
def _steps() -> Mapping[str, Step]:
    return {step.rule: step for step in STEPS}


def _of_line(rule: Rule) -> RuleText:
    since, until = rule.since, rule.until
    bounds = f", from QEMU {_dotted(since)} on" if any(since) else ""
    bounds += f", before QEMU {_dotted(until)}" if until is not None else ""
    return RuleText(
        rule.name,
        rule.says,
        f"What has to be: {rule.says}.",
        f"QEMU {_MAKES[rule.kind]}{bounds}.",
        "Write the line so that this holds; the message names the option and the value.",
        rule.source,
        f"- QEMU {_SHOWN[rule.kind]}: `{rule.wrong}`\n- Taken: `{rule.right}`",
    )


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version[: 2 + (version[2] > 0)])


def _of_step(step: Step, about: Mapping[str, Any]) -> RuleText:
    text = " ".join((inspect.getdoc(step.run) or "").split("\n\n")[0].split())
    return RuleText(
        step.rule,
        f"{step.name.replace('-', ' ')}: what a whole domain has to be",
        f"{text} {_sentences(about)}",
        about["why"],
        about["todo"],
        about["source"],
        examples().get(step.rule, ""),
    )


def _of_element(name: str, about: Mapping[str, Any]) -> RuleText:
    title = f"`<{about['tag']}>`" + (f": {about['field']}" if about["field"] else "")
    return RuleText(
        name,
        title,
        f"{about['means']} {_sentences(about)}",
        about["why"],
        about["todo"],
        about["source"],
        examples().get(name, ""),
    )


def _sentences(about: Mapping[str, Any]) -> str:
    first, *others = about["says"]
    return "It says:\n\n" + "\n".join(f"- {one}" for one in about["says"]) if others else f"It says: {first}."
