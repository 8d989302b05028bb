"""A printed command gives a shell exactly the argv, whatever stands in it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.commandline.shell import format_shell

#: Any text that execve takes, and often what a shell has plans for.
WORDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.text("-'\"\\$`\n \t,=*?[]{}~#!&|;<>()%äa", max_size=20),
)


def _as_a_shell_reads_it(text: str) -> list[str]:
    script = f"show() {{ printf '%s\\0' \"$@\"; }}\nshow {text}\n"
    ended = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True)
    assert ended.stderr == b""
    return ended.stdout.decode().split("\0")[:-1]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8))
def test_a_shell_reads_the_same_words(argv: list[str]) -> None:
    assert _as_a_shell_reads_it(format_shell(argv)) == argv


def test_each_option_has_a_line() -> None:
    argv = ["/usr/bin/qemu-system-x86_64", "-name", "guest=a b", "-S", "-device", '{"driver":"pcie-root-port"}']
    assert format_shell(argv).splitlines() == [
        "/usr/bin/qemu-system-x86_64 \\",
        "  -name 'guest=a b' \\",
        "  -S \\",
        """  -device '{"driver":"pcie-root-port"}'""",
    ]
