"""The manual pages: one for each command and one for prober.toml, whole, and drawn without a warning."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from prober.cli.commands import COMMANDS
from prober.cli.main import declare
from prober.service.settings import ServiceSettings
from tools.man_pages import render_pages

pytestmark = pytest.mark.slow


@cache
def _pages() -> dict[str, str]:
    return render_pages()


def _plain(page: str) -> str:
    return page.replace(r"\-", "-").replace(r"\fB", "").replace(r"\fI", "").replace(r"\fR", "")


def test_each_command_has_a_page() -> None:
    inner = {f"prober-{row.name}-{one.name}.1" for row in COMMANDS for one in row.within}
    assert _pages().keys() == {"prober.1", "prober.toml.5", *(f"prober-{row.name}.1" for row in COMMANDS), *inner}


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_a_page_has_each_option_and_argument(row: object) -> None:
    assert isinstance(row, type(COMMANDS[0]))
    page = _plain(_pages()[f"prober-{row.name}.1"])
    for parameter in declare(row).params:
        if parameter.param_type_name == "option":
            assert all(name in page for name in (*parameter.opts, *parameter.secondary_opts)), parameter.name
    assert row.summary.partition("`")[0] in page
    assert f"prober-{row.name}(1)" in _plain(_pages()["prober.1"])


def test_examples_and_codes_have_sections() -> None:
    page = _pages()["prober-why.1"]
    assert ".SH EXIT STATUS\n0 where something was explained" in page
    assert '.SH EXAMPLES\n\\fBprober why "qemu\\-system\\-x86_64: \\-no\\-kvm: invalid option"\\fR' in page


def test_each_setting_of_the_service_is_told() -> None:
    page = _plain(_pages()["prober.toml.5"])
    for name, field in ServiceSettings.model_fields.items():
        if not isinstance(field.default, BaseModel):  # those are tables, with a section of their own
            assert f"\n{name}\n" in page
            assert f"PROBER_{name.upper()}" in page
    assert ".SH [catalog.limits]" in page


def test_nothing_of_the_markup_is_left() -> None:
    for name, page in _pages().items():
        assert "`" not in page, name
        assert page.isascii(), name


@pytest.mark.needs("groff")
def test_they_are_drawn_without_a_warning(tmp_path: Path) -> None:
    files = []
    for name, page in _pages().items():
        files.append(tmp_path / name)
        files[-1].write_text(page)
    words = ["groff", "-man", "-ww", "-Tutf8", "-rLL=80n", *map(str, files)]
    drawn = subprocess.run(words, capture_output=True, check=True)
    assert drawn.stderr == b""
    assert b"PROBER-WHY(1)" in drawn.stdout
