"""No password of a domain gets into a page."""

from __future__ import annotations

import pytest

from prober.pages.hidden import hide_secrets
from prober.pages.models import DomainCell, Remark
from tests.cost import processor_time


@pytest.mark.parametrize(
    ("xml", "hidden"),
    [
        ("<graphics type='vnc' passwd='geheim'/>", "<graphics type='vnc' passwd='…'/>"),
        ('<graphics passwd = "a&lt;b" port="-1"/>', '<graphics passwd = "…" port="-1"/>'),
        ("<graphics passwdValidTo='2026-01-01T00:00:00'/>", "<graphics passwdValidTo='2026-01-01T00:00:00'/>"),
        ("<qemu:arg value='secret,id=s,data=geheim'/>", "<qemu:arg value='secret,id=s,data=…'/>"),
        (
            """<qemu:arg value='{"qom-type":"secret","id":"s","data":"geheim"}'/>""",
            """<qemu:arg value='{"qom-type":"secret","id":"s","data":"…"}'/>""",
        ),
        ("<qemu:arg value='file,data=kept'/>", "<qemu:arg value='file,data=kept'/>"),
        ("<secret type='passphrase' uuid='1'/>", "<secret type='passphrase' uuid='1'/>"),
    ],
)
def test_what_is_a_password_is_taken_out_of_the_xml(xml: str, hidden: str) -> None:
    assert hide_secrets(xml)[0] == hidden


def test_and_out_of_all_that_is_said_of_it() -> None:
    _, hide = hide_secrets("<graphics passwd='geheim'/>")
    said = Remark(1, "/domain", "'geheim' is too long", "not geheim", "")
    cell, uses = hide((DomainCell("no", (said,), (said,), ("qemu", "password=geheim")), None))
    assert uses is None
    assert "geheim" not in repr(cell)
    assert cell.refusals[0] == Remark(1, "/domain", "'…' is too long", "not …", "")


def test_a_short_one_is_part_of_other_words_and_only_hidden_where_it_stands() -> None:
    text, hide = hide_secrets("<graphics passwd='ab'/>")
    cell = DomainCell("yes", argv=("qemu", "-device", "abc"))
    assert text == "<graphics passwd='…'/>"
    assert hide((cell, None)) == (cell, None)


@pytest.mark.parametrize(
    "piece",
    ["<arg ", "<arg value=", "<a:arg value='", "<arg value='{secret data=", "passwd ", "passwd='", "<aaaa", "data:"],
)
def test_looking_takes_as_long_as_there_is_text(piece: str) -> None:
    """What somebody wrote into a comment to have a pattern try and try again."""
    text = f"<!-- {piece * (400_000 // len(piece))} -->"
    with processor_time() as cost:
        hide_secrets(text)
    assert cost.seconds < 5
