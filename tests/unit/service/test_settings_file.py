"""A file of settings as a text: what is no TOML, and what would take too long to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.errors import SettingsError, UsageError
from prober.host.files import read_host
from prober.service.configuration import load_settings, read_configuration
from tests.cost import processor_time


@pytest.mark.parametrize(
    ("data", "place", "said"),
    [
        (b"socket = \n", "1", "this is no TOML: invalid value"),
        (b"a = 1\n\n[catalog\n", "3", "this is no TOML: expected ']'"),
        (b"a = 1\nb = '\xff'\n", "2", "it is not UTF-8"),
        (b"a = 1\na = 2\n", "2", "this is no TOML: cannot overwrite a value"),
        (b"#" * (128 << 10) + b"\n", "", "it is larger than 131072 bytes"),
        (b"a = " + b"[" * 100_000, "", "it is nested too deeply"),
        (b"\n" + b"a." * 30_000 + b"a = 1\n", "2", "a key has more than 10 parts"),
        (b"[" + b"a." * 30_000 + b"a]\n", "1", "a key has more than 10 parts"),
        (b"a = {" + b" 'b' ." * 10_000 + b" a = 1}\n", "1", "a key has more than 10 parts"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, data: bytes, place: str, said: str) -> None:
    file = tmp_path / "prober.toml"
    file.write_bytes(data)
    (problem,) = read_configuration(file).problems
    assert (problem.place, problem.unreadable) == (f"{file}:{place}" if place else str(file), True)
    assert said in problem.message and problem.hint


_LONG = 120_000


@pytest.mark.parametrize(
    "text",
    [
        "a." * (_LONG // 2) + "a = 1",
        "[a" + " " * _LONG + "x",
        'a = """\\' * (_LONG // 8) + "\\",
        "\"\"\"'''" * (_LONG // 6),
        "".join(f"[{'a.' * 9}k{number}]\n" for number in range(_LONG // 25)),
    ],
    ids=["a key of many parts", "an open table", "escapes", "open texts", "deep tables"],
)
def test_what_is_long_is_read_in_time_that_grows_as_it_does(tmp_path: Path, text: str) -> None:
    """The first took 3.4 GB at half of the length, the second took minutes."""
    file = tmp_path / "prober.toml"
    file.write_text(text)
    for read in (load_settings, read_host):
        with processor_time() as cost, pytest.raises((SettingsError, UsageError)) as raised:
            read(file)
        assert cost.seconds < 3, raised.value
        assert len(raised.value.message) < 1000


def test_dots_that_part_no_key_are_no_parts_of_one(tmp_path: Path) -> None:
    dots = "a." * 50
    file = tmp_path / "prober.toml"
    file.write_text(f"# {dots}\nsocket = '/{dots}'\n[catalog]\npaths = [\"/{dots}\", '''/\n{dots}''']  # {dots}\n")
    settings = load_settings(file)
    assert str(settings.socket) == f"/{dots}"
    assert settings.catalog.paths == (Path(f"/{dots}"), Path(f"/\n{dots}"))
