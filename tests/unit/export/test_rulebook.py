"""docs/rules.md and what SARIF says of rules: complete, and true of each."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from prober.commandline.parse import split_shell
from prober.commandline.report import check_argv
from prober.commandline.rules.table import RULES
from prober.errors import RefusedError, UnknownNameError, UnreadableDomainError
from prober.export.rulebook.find import find_rule, known_rules, rule_text, words
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.steps import STEPS
from tests.cases.test_cases import HERE, HERE_ON, capabilities, case_of, expectations, path_of
from tests.conftest import CHECKOUT
from tests.rule_examples import RuleExample, rule_examples
from tests.rule_names import element_rules
from tools.rule_book import BOOK, PAGE, render_page, write_book, write_examples
from tools.rule_book import EXAMPLES as WRITTEN_EXAMPLES

#: A rule's name: its room, a dash, and small letters, digits, dashes and a dot.
_NAME = re.compile(
    r"(xml|element|domain|option|line|live|proof|migration|upgrade)/[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)?"
)

#: What the source looks as if it could give, and never does.
NEVER_GIVEN = {
    "element/nvram.type": "what its source has of another type is told of the source",
    "element/redirdev.type": "spicevmc is for redirection",
    "element/smartcard.type": "spicevmc is for smartcards",
}

EXAMPLES = [pytest.param(example, id=rule) for rule, example in rule_examples().items()]
LINES = [pytest.param(rule, id=rule) for rule, own in words().items() if "wrong" in own]


@pytest.mark.slow
def test_the_page_and_the_book_are_made_of_the_rules() -> None:
    assert json.loads(BOOK.read_text()) == write_book(), "run `make docs`"
    assert json.loads(WRITTEN_EXAMPLES.read_text()) == write_examples(), "run `make docs`"
    page = PAGE.read_text()
    assert page == render_page(page), "run `make docs`"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_refused_by_its_rule_alone_and_its_twin_is_taken(example: RuleExample) -> None:
    said = example.said_of(example.refused)
    assert {one.rule for one in said} == {example.rule, *example.beside}, said
    assert all(("note" in str(one)) is example.noted for one in said)
    assert list(example.said_of(example.taken)) == []


@pytest.mark.parametrize("rule", LINES)
def test_a_line_is_found_fault_with_by_its_rule_alone_and_its_twin_by_none(rule: str) -> None:
    own = words()[rule]
    caps = capabilities(f"qemu-{own['qemu']}")
    wrong, right = (check_argv(["qemu", *split_shell(own[key])], caps).findings for key in ("wrong", "right"))
    assert {one.rule for one in wrong} == {rule}
    assert right == ()


def test_each_rule_has_a_section_with_all_that_is_promised() -> None:
    sections = {section.split("\n", 1)[0]: section for section in PAGE.read_text().split("\n### ")[1:]}
    assert sections.keys() == set(known_rules())
    of_lines = {rule.name for rule in RULES}
    for name, section in sections.items():
        text = find_rule(name)
        assert all((text.title, text.means, text.why, text.todo, text.source)), name
        for part in ("Why", "What to do", "Source"):
            assert f"\n- {part}: " in section, name
        shown = ("\n- QEMU ",) if name in of_lines else ("Refused (", "\n- Told of `", "\n- There is no pair ")
        assert any(one in section for one in shown), name


def test_few_rules_have_no_pair_and_each_says_why() -> None:
    without = {name for name in known_rules() if not rule_text(name).example}
    assert without == {name for name, own in words().items() if "no_pair" in own}
    assert all(words()[name]["shown"] for name in without)
    assert len(without) <= 12  # CHANGELOG.md counts them.


def test_names_are_of_one_form_and_each_has_a_place_of_its_own() -> None:
    names = known_rules()
    assert [name for name in names if not _NAME.fullmatch(name)] == []
    assert [anchor for anchor, many in Counter(find_rule(name).anchor for name in names).items() if many > 1] == []


def test_what_is_in_no_book_is_told_all_the_same() -> None:
    with pytest.raises(UnknownNameError, match="no rule"):
        find_rule("line/nothing")
    assert rule_text("element/unheard-of").name == "element/unheard-of"


def test_where_a_section_is_hangs_on_where_the_page_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = find_rule("element/disk.address")
    assert rule.uri == ""
    monkeypatch.setenv("PROBER_RULES_URL", "https://example.org/rules.md")
    assert rule.uri == "https://example.org/rules.md#elementdiskaddress"


@cache
def _literals() -> dict[str, set[str]]:
    """Whatever looks like a rule in the source, with the files that have it."""
    found: dict[str, set[str]] = {}
    for path in sorted((CHECKOUT / "prober").rglob("*.py")):
        tree = ast.parse(path.read_text())
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if (
                id(node) not in parts
                and isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and _NAME.fullmatch(node.value)
            ):
                found.setdefault(node.value, set()).add(path.name)
    return found


@pytest.mark.slow
def test_each_rule_that_the_source_names_is_known() -> None:
    assert sorted(_literals().keys() - set(known_rules())) == []


def test_each_rule_of_an_element_that_the_source_can_give_is_known() -> None:
    assert element_rules() - set(known_rules()) == NEVER_GIVEN.keys()


def test_each_step_that_refuses_is_known() -> None:
    silent = {step.name for step in STEPS if step.rule not in set(known_rules())}
    # These complete, and have nothing against any domain; what is wrong with a controller has the controller's rules.
    assert silent == {
        "assign-mmio",
        "check-controllers",
        "complete-made-up",
        "complete-modules",
        "complete-uuid",
        "number-buses",
        "place-scsi-hostdevs",
        "settle-backends",
    }


@pytest.mark.slow
@pytest.mark.parametrize("path", expectations(), ids=lambda path: path.name)
def test_each_rule_that_a_case_meets_is_known(path: Path) -> None:
    name, binary = case_of(path)
    try:
        domain, caps = read_domain((HERE / f"{name}.xml").read_bytes()), capabilities(binary)
        said = translate(domain, caps, binary=path_of(caps), is_here=HERE_ON in binary).notes
        rules = {one.rule for one in said}
    except RefusedError as error:
        rules = {one.rule for one in error.refusals}
    except UnreadableDomainError:
        return
    assert rules - set(known_rules()) == set()
