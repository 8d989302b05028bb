"""Write docs/rules.md, and what of it is worked out beforehand (``rulebook/*.json``): ``make docs``.

What a rule says stands in the source where it says it; what it refuses is run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import ndiff
from pathlib import Path
from typing import Any

from prober.commandline.refusal import rule_of_field
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.table import RULES
from prober.export.rulebook import find
from prober.export.rulebook.find import elements, find_rule, known_rules, words
from prober.export.rulebook.model import RuleText, as_text
from prober.translate.steps import STEPS
from tests.rule_examples import RuleExample, rule_examples
from tools.pages import as_markdown, put_between_marks
from tools.rule_sites import Site, all_sites, find_sites

_CHECKOUT = Path(__file__).parent.parent
PAGE = _CHECKOUT / "docs" / "rules.md"
BOOK = _CHECKOUT / "prober" / "export" / "rulebook" / "elements.json"
EXAMPLES = BOOK.with_name("examples.json")

#: What the rooms are about, by the word before a rule's dash.
ROOMS = {
    "xml": "What is said of any element of the XML",
    "element": "What an element of the XML says by itself",
    "domain": "What a whole domain comes to",
    "option": "One option of a command line by itself",
    "line": "Options of a command line together",
    "live": "What a QEMU that runs says or has",
    "proof": "What a proof comes to",
    "migration": "What a rehearsed migration comes to",
    "upgrade": "What a rehearsed upgrade comes to",
}

#: Why rules of elements and steps refuse, where no docstring says more.
_WHY = {
    "element": "Nothing would come of it, or libvirt or QEMU refuses it.",
    "domain": "It hangs on the rest of the domain, the machine or the host, and QEMU would end, or do something else.",
}
_TODO = "Write it as in what is taken."


def write_book() -> dict[str, Any]:
    """What is said of each rule of an element or a step that has an example, by the rule."""
    return {
        rule: _worked_out(example)
        for rule, example in sorted(rule_examples().items())
        if rule.partition("/")[0] in _WHY and rule not in words()
    }


def write_examples() -> dict[str, str]:
    """What a rule refuses and what is taken, set, of each that has a domain as an example."""
    return {rule: "\n".join(_of_example(example)).strip() for rule, example in sorted(rule_examples().items())}


def _worked_out(example: RuleExample) -> dict[str, Any]:
    room, _, name = example.rule.partition("/")
    tag, _, field = name.partition(".") if room == "element" else ("", "", "")
    said = example.said_of(example.refused)[0]
    sites = _of_step(example.rule, [site for site in find_sites(said.message) if _is_about(site, field)])
    # Where a field is worked out, what else is said there may be of others.
    is_whole = room == "domain"
    around = [
        one
        for one in all_sites()
        if one in sites or (any(_is_beside(one, site) for site in sites) and (is_whole or _is_of(one, field)))
    ]
    sentences = list(dict.fromkeys(_sentence(one) for one in around)) or [said.message]
    docs = [as_markdown(" ".join(site.docs[0].split("\n\n")[0].split())) for site in sites if site.docs]
    files = list(dict.fromkeys(f"`{site.file}`" for site in sites))
    sources = list(dict.fromkeys(f"`{source}`" for site in sites for source in site.sources))
    return {
        "tag": _tag(tag, said.place.path),
        "field": field,
        "means": docs[0] if docs else "What does not go together.",
        "says": sentences,
        "why": _WHY[room],
        "todo": f"{said.hint[0].upper()}{said.hint[1:]}." if said.hint else _TODO,
        "source": ", ".join([*sources, *files]) or "docs/domain-xml.md",
    }


def _tag(name: str, path: str) -> str:
    """An element by its own name; a rule's is written in small letters with dashes."""
    steps = (step.partition("[")[0] for step in path.split("/"))
    return next((step for step in steps if rule_of_field(step, "") == f"element/{name}"), name)


def _of_step(rule: str, sites: list[Site]) -> list[Site]:
    """Where two steps say the same, those in the step's own file, if any is."""
    run = next((step.run for step in STEPS if step.rule == rule), None)
    own = [site for site in sites if run is not None and site.file == f"{run.__module__.replace('.', '/')}.py"]
    return own or sites


def _is_about(site: Site, field: str) -> bool:
    return not field or site.field is None or _is_of(site, field)


def _is_of(site: Site, field: str) -> bool:
    return site.field is not None and site.field.replace("_", "-") == field


def _is_beside(one: Site, site: Site) -> bool:
    return (one.file, one.function, one.docs) == (site.file, site.function, site.docs)


def _sentence(site: Site) -> str:
    return as_markdown(site.sentence)


def render_page(page: str) -> str:
    """The page with its sections written anew."""
    rules = {rule.name: rule for rule in RULES}
    return put_between_marks(page, "\n".join(_lines(rules)))


def _lines(rules: Mapping[str, Rule]) -> Iterator[str]:
    names = known_rules()
    for room, about in ROOMS.items():
        own = [name for name in names if name.startswith(f"{room}/")]
        yield f"\n## {about} (`{room}/`)\n"
        for name in own:
            yield from _section(find_rule(name), rules.get(name))


def _section(rule: RuleText, row: Rule | None) -> Iterator[str]:
    yield f"### {rule.name}\n"
    title = as_text(_start(rule.title))
    yield f"**{title}.** {as_text(rule.means)}\n" if row is None else f"{title}.\n"
    if rule.example:
        yield f"{rule.example}" if rule.example.startswith("- ") else f"{rule.example}\n"
    else:
        own = words()[rule.name]
        yield f"- Seen in: {own['shown']}"
        yield f"- There is no pair of examples: {own['no_pair']}"
    yield f"- Why: {as_text(rule.why)}"
    yield f"- What to do: {as_text(rule.todo)}"
    yield f"- Source: {as_text(rule.source)}\n"


def _start(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _of_example(example: RuleExample) -> Iterator[str]:
    said = example.said_of(example.refused)[0]
    noted = ", with `--strict`" if example.noted else ""
    qemu = "" if example.qemu == RuleExample._field_defaults["qemu"] else f", {example.qemu}"
    monitor = ", with a monitor" if example.monitor else ""
    around = example.guest or example.device
    if around:
        yield f"The {'guest' if example.guest else 'device'}:\n"
        yield from ("```xml", around.strip(), "```", "")
    # A sentence without a hole stands above already.
    message = "" if said.message in elements().get(example.rule, {}).get("says", ()) else f": {as_text(said.message)}"
    yield f"Refused (`-`{noted}{qemu}{monitor}) and taken (`+`){message}\n"
    yield "```diff"
    yield from (line.rstrip() for line in ndiff(_rows(example.refused), _rows(example.taken)) if line[0] != "?")
    yield "```\n"


def _rows(text: str) -> list[str]:
    return text.strip().splitlines()


def main() -> None:
    """Write both."""
    BOOK.write_text(json.dumps(write_book(), indent=1, ensure_ascii=False) + "\n")
    find.elements.cache_clear()
    EXAMPLES.write_text(json.dumps(write_examples(), indent=1, ensure_ascii=False) + "\n")
    find.examples.cache_clear()
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
