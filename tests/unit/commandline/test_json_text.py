"""JSON as QEMU reads it, where Python's reader does otherwise.  Each line was held against QEMU 7.2."""

from __future__ import annotations

import pytest

from prober.commandline.json_text import read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a':'b'}", {"a": "b"}),
        ("{'a':'it\\'s \"b\"'}", {"a": 'it\'s "b"'}),
        ('{"a":"it\\\'s"}', {"a": "it's"}),
        ('{"a":"it\'s"}', {"a": "it's"}),
        ("{'a':'\\\\'}", {"a": "\\"}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
        ('{"a":1} ', {"a": 1}),
    ],
)
def test_what_qemu_takes(text: str, value: object) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', '{"a":"\\ud800"}', "{'a':'\\ud800'}", '{"a":NaN}', '{"a":-Infinity}', '{"a":1}x', "'"],
)
def test_what_qemu_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
