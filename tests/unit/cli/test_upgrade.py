"""``prober upgrade``: what is told before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(("page", "why"), [("not/there/p.html", "there is no directory for it"), (".", "directory")])
def test_a_page_that_could_not_be_written_is_told_before_it_takes_long(
    run: Run, tmp_path: Path, page: str, why: str
) -> None:
    # No such QEMU is there: neither is looked for.
    ended = run("upgrade", "a.xml", "--from", "no-qemu", "--to", "no-qemu", "--page", page)
    assert (ended.code, ended.out) == (5, "")
    assert f"cannot write {page}: " in ended.err and why in ended.err
    assert [*tmp_path.iterdir()] == []


def test_stdout_is_for_the_answer_and_the_page_takes_a_file(run: Run) -> None:
    ended = run("upgrade", "a.xml", "--from", "no-qemu", "--to", "no-qemu", "--page", "-")
    assert (ended.code, ended.out) == (2, "")
    assert "--page takes a file" in ended.err
