"""Settings come from a TOML file, the environment and the command line; what is wrong is named, all of it at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prober.errors import ServiceError, SettingsError, UsageError
from prober.host.files import DEFAULT_FILE, read_host
from prober.service.configuration import (
    _LISTS,
    Configuration,
    environment_name,
    load_settings,
    merge_settings,
    read_configuration,
    setting_keys,
)
from prober.service.environment import put_together
from prober.service.measured import VARIABLE
from prober.service.settings import ServiceSettings
from prober.service.toml_lines import find_line, read_lines
from tests.conftest import CHECKOUT
from tests.cost import processor_time


@contextmanager
def _file_of(data: bytes) -> Iterator[Path]:
    with NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(overrides={})
    assert settings.socket == Path("/run/prober/prober.sock")
    assert settings.catalog.cache_dir == Path("/var/cache/prober")
    assert settings.mode == 0o660


def test_file_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "prober.toml"
    file.write_text(
        'socket = "/a"\ngroup = "libvirt"\n[catalog]\ndirectories = ["/opt/bin"]\nmax_interviews = 2\n'
        "[catalog.limits]\ntotal_s = 5\n"
    )
    settings = load_settings(file, {"socket": "/b", "catalog": {"max_interviews": 3}})
    assert (settings.socket, settings.group) == (Path("/b"), "libvirt")
    assert settings.catalog.directories == (Path("/opt/bin"),)
    assert settings.catalog.max_interviews == 3
    assert settings.catalog.limits.total_s == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("socket = ", "cannot read the settings"),
        ("sokcet = '/a'", "sokcet"),
        ("catalog = 7", "catalog is not a table"),
        ("[catalog]\nmax_interviews = 0", "catalog.max_interviews"),
        ("mode = 0o7777", "mode"),
        ("max_body = 'much'", "max_body"),
        ("\xff", "cannot read the settings"),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prober.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ServiceError, match=said):
        load_settings(file)


def test_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="cannot read"):
        load_settings(tmp_path / "none.toml")


def test_packaged_file_says_the_defaults(tmp_path: Path) -> None:
    """Each commented line of packaging/prober.toml is a setting, and stands at its default."""
    text = (CHECKOUT / "packaging/prober.toml").read_text()
    lines = [line.removeprefix("#") if line[:1] == "#" and line[1:2] != " " else line for line in text.splitlines()]
    told = tomllib.loads("\n".join(lines))
    group = told.pop("group")
    assert group == "prober"
    # Not a default of the settings: without it the same file is read, where it is there.
    assert Path(told.pop("host")) == DEFAULT_FILE
    file = tmp_path / "all.toml"
    file.write_text("\n".join(line for line in lines if not line.startswith(("group", "host"))))
    (tmp_path / "none.toml").write_text("")
    defaults = load_settings(tmp_path / "none.toml")
    assert load_settings(file) == defaults
    assert load_settings(CHECKOUT / "packaging/prober.toml") == defaults


# Where each is from.


def _where(read: Configuration) -> dict[str, tuple[object, str]]:
    return {one.key: (one.value, one.where) for one in read.told}


def test_command_line_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prober.toml"
    file.write_text(
        'socket = "/file"\nmax_body = 1\nmode = 0o600\n\n[catalog]\npoll_s = 1.0\nmax_interviews = 2\n'
        "[catalog.limits]\ngreet_s = 1\nreply_s = 1\n"
    )
    monkeypatch.setenv("PROBER_SOCKET", "/environment")
    monkeypatch.setenv("PROBER_MAX_BODY", "2")
    monkeypatch.setenv("PROBER_CATALOG__POLL_S", "2.5")
    monkeypatch.setenv("PROBER_CATALOG__LIMITS__GREET_S", "2.5")
    read = read_configuration(file, {"socket": "/command", "catalog": {"poll_s": 3.5}})
    told = _where(read)
    assert read.problems == ()
    assert told["socket"] == ("/command", "command line")
    assert told["max_body"] == (2, "PROBER_MAX_BODY")
    assert told["mode"] == (0o600, f"{file}:3")
    assert told["catalog.poll_s"] == (3.5, "command line")
    assert told["catalog.max_interviews"] == (2, f"{file}:7")
    assert told["catalog.limits.greet_s"] == (2.5, "PROBER_CATALOG__LIMITS__GREET_S")
    assert told["catalog.limits.reply_s"] == (1.0, f"{file}:10")
    assert told["catalog.limits.total_s"] == (60.0, "default")
    assert told["catalog.cache_dir"] == ("/var/cache/prober", "default")
    assert list(told) == list(setting_keys())


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("PROBER_CATALOG__DIRECTORIES", "/a:/b c", "catalog.directories", ["/a", "/b c"]),
        ("PROBER_CATALOG__DIRECTORIES", '["/a:b"]', "catalog.directories", ["/a:b"]),
        ("PROBER_CATALOG", '{"accel": "tcg"}', "catalog.accel", "tcg"),
        ("PROBER_MODE", "0600", "mode", 0o600),
        ("PROBER_MODE", "0o640", "mode", 0o640),
        ("PROBER_PROVER_SOCKET", "", "prover_socket", None),
        ("PROBER_CATALOG__QEMU_KVM", "", "catalog.qemu_kvm", None),
        ("prober_group", "libvirt", "group", "libvirt"),
    ],
)
def test_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, text: str, key: str, value: object
) -> None:
    (tmp_path / "none.toml").write_text("")
    monkeypatch.setenv(variable, text)
    read = read_configuration(tmp_path / "none.toml")
    assert read.problems == ()
    assert _where(read)[key] == (value, variable.upper())


def test_every_setting_has_a_variable_of_its_own() -> None:
    names = [environment_name(key) for key in setting_keys()]
    assert len(set(names)) == len(names) > 25
    assert {"PROBER_SOCKET", "PROBER_CATALOG__POLL_S", "PROBER_CATALOG__LIMITS__TOTAL_S"} <= set(names)


def test_a_variable_that_is_no_setting_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text("")
    monkeypatch.setenv("PROBER_SOKCET", "/a")
    monkeypatch.setenv("PROBER_ROOTS", "/a")
    read = read_configuration(tmp_path / "none.toml")
    assert (read.problems, [problem.place for problem in read.unknown]) == ((), ["PROBER_SOKCET"])
    assert "did you mean PROBER_SOCKET" in read.unknown[0].hint


# What is wrong.


def test_variables_that_are_no_settings_are_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that CONTRIBUTING.md names, those of options, and that by which the tests have the event loop measured."""
    others = {*re.findall(r"PROBER_[A-Z_]+", (CHECKOUT / "CONTRIBUTING.md").read_text()), VARIABLE}
    for source in (CHECKOUT / "prober" / "cli").rglob("*.py"):
        others |= {*re.findall(r'envvar="(\w+)"', source.read_text())}
    assert {"PROBER_PROMTOOL", "PROBER_AGENT_STATUS"} <= others
    for name in others:
        monkeypatch.setenv(name, "1")
    assert read_configuration().unknown == ()


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prober.toml"
    file.write_text(
        'sokcet = "/a"\nmode = 0o7777\ndirectories = ["/a"]\npoll = 1\n[catalog]\npaths = 3\nmax_interviews = 0\n'
        '[catalog.limits]\ntotal_s = "x"\nzzz = 1\n'
    )
    monkeypatch.setenv("PROBER_MAX_BODY", "much")
    monkeypatch.setenv("PROBER_CATALOG__POL_S", "1")
    problems = read_configuration(file, {"max_head": 3}).problems
    assert [str(problem).removeprefix(f"{file}:") for problem in problems] == [
        "1: sokcet: there is no such setting (did you mean socket?)",
        "2: mode: it has to be from 0 to 0o777, not 0o7777 (the rights are written 0o660)",
        "3: directories: there is no such setting (it belongs below [catalog])",
        "4: poll: there is no such setting (did you mean catalog.poll_s?)",
        '6: catalog.paths: it has to be a list, not 3 (a list is written ["A", "B"])',
        "7: catalog.max_interviews: it has to be greater than 0, not 0 (docs/settings.md has all of them)",
        "9: catalog.limits.total_s: it has to be a valid number, not 'x' (docs/settings.md has all of them)",
        "10: catalog.limits.zzz: there is no such setting (docs/settings.md has all of them)",
        "PROBER_CATALOG__POL_S: catalog.pol_s: there is no such setting (did you mean poll_s?)",
        "PROBER_MAX_BODY: max_body: it has to be a valid integer, not 'much' (docs/settings.md has all of them)",
        "command line: max_head: it has to be greater than or equal to 512, not 3 (docs/settings.md has all of them)",
    ]
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {"max_head": 3})
    assert raised.value.problems == tuple(map(str, problems))
    assert all(problem in raised.value.message for problem in raised.value.problems)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (problem,) = read_configuration(tmp_path).problems
    assert problem.unreadable and "Is a directory" in problem.message


def test_a_pipe_that_nobody_writes_to_holds_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / "prober.toml"
    os.mkfifo(pipe)
    (problem,) = read_configuration(pipe).problems
    assert problem.unreadable and "has not come to its end" in problem.message
    with pytest.raises(UsageError, match="has not come to its end"):
        read_host(pipe)


def test_what_is_written_into_a_pipe_is_read() -> None:
    """``--config <(…)`` of a shell."""
    reading, writing = os.pipe()
    with open(reading), open(writing, "wb", buffering=0) as pipe:
        pipe.write(b'socket = "/a"\n')

        def write_the_rest() -> None:
            pipe.write(b"mode = 0o600\n")
            pipe.close()

        thread = threading.Timer(0.1, write_the_rest)
        thread.start()
        settings = load_settings(Path(f"/proc/self/fd/{reading}"))
        thread.join()
    assert (settings.socket, settings.mode) == (Path("/a"), 0o600)


def test_a_file_full_of_mistakes_takes_time_by_its_size_alone(tmp_path: Path) -> None:
    """The first hundred are told, and how many more there are."""
    file = tmp_path / "prober.toml"

    def seconds(number: int) -> float:
        file.write_text("".join(f"k{key} = 1\n" for key in range(number)))
        with processor_time() as cost:
            problems = read_configuration(file).problems
        assert len(problems) == 101 and problems[0].place == f"{file}:1"
        assert problems[-1].place == f"{file}:101" and problems[-1].message == f"and {number - 100} more from here on"
        return cost.seconds

    first = seconds(1000)
    assert seconds(8000) < 4 * first + 1


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, r'"a\u0000"') for key in ("socket", "host", "group", "admin_group", "prover_socket")]
    + [(f"catalog.{key}", r'"\u0000"') for key in ("qemu_kvm", "cache_dir")]
    + [(f"catalog.{key}", r'["/a", "\u0000"]') for key in sorted(_LISTS)]
    + [("socket", '""'), ("work_memory", f"{1 << 70}"), ("catalog.max_interviews", f"{1 << 70}")]
    + [(f"catalog.limits.{key}", "inf") for key in ("greet_s", "reply_s", "total_s")],
)
def test_a_value_that_nothing_can_be_done_with_is_wrong(tmp_path: Path, key: str, value: str) -> None:
    """It is told of where it stands, and not by whatever comes to use it."""
    file = tmp_path / "prober.toml"
    table, _, name = key.rpartition(".")
    file.write_text((f"[{table}]\n" if table else "\n") + f"{name} = {value}\n")
    (problem,) = read_configuration(file).problems
    assert (problem.place, problem.key) == (f"{file}:2", key)
    assert "\0" not in str(problem)


def test_what_a_file_says_does_not_speak_to_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "prober.toml"
    file.write_text(r'"\u001b[31mx\ny" = 1')
    (problem,) = read_configuration(file).problems
    assert problem.key == r"\x1b[31mx\ny"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to read as another user")
def test_a_file_that_may_not_be_read_says_who_may(open_directory: Path) -> None:
    """Read by another user, in a process of its own."""
    file = open_directory / "prober.toml"
    file.write_text("")
    file.chmod(0o600)
    code = (
        "import sys, os; sys.path.insert(0, os.getcwd()); from pathlib import Path;"
        "from prober.service.configuration import read_configuration;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "print(*read_configuration(Path(sys.argv[1])).problems)"
    )
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert done.stdout == (
        f"{file}: cannot read the settings: Permission denied (it belongs to 0:0 and has the rights 0600: "
        f"let user 65534 read it, as with chgrp prober {file} and chmod 0640 {file})\n"
    )


# Lines of keys.


def test_lines_of_keys() -> None:
    text = 'a = 1 # b\u2028 = 2\nc = """\nd = 1\n"""\n[ t ] # e = 1\nf . g = 1\n"h i" = 2\n[[u.v]]\nw = [\n  1,\n]\n'
    lines = read_lines(text)
    found = {".".join(path): find_line(lines, path) for path in (
        ("a",), ("b",), ("c",), ("d",), ("t",), ("t", "e"), ("t", "f", "g"), ("t", "h i"), ("u", "v", "w"), ("x", "y"),
    )}  # fmt: skip
    assert found == {
        "a": 1, "b": None, "c": 2, "d": None, "t": 5, "t.e": 5, "t.f.g": 6, "t.h i": 7, "u.v.w": 9, "x.y": None,
    }  # fmt: skip


_NAMES = (
    "catalog",
    "mode",
    "socket",
    "catalog__paths",
    "catalog__limits",
    "catalog__limits__total_s",
    "catalog__accel__x",
)
#: The first text that hypothesis draws has it read all of Unicode, which takes its time on a busy machine.
_AT_LEISURE = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_AT_LEISURE
@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(_NAMES), st.text('[]{}":,1/ax', max_size=20)))
def test_whatever_is_told_is_either_understood_or_named(data: bytes, told: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch, _file_of(data) as file:
        for name, text in told.items():
            patch.setenv(f"PROBER_{name.upper()}", text)
        read = read_configuration(file)
    assert (read.settings is None) == bool(read.problems)
    assert all(problem.place and problem.message for problem in read.problems)


_KEYS = st.sampled_from(["socket", "mode", "max_body", "catalog", "zzz"])
_CATALOG = st.dictionaries(
    st.sampled_from(["poll_s", "paths", "limits", "zzz"]), st.sampled_from([1, -1, "x", ["/a"], {"total_s": 2}])
)
_TOLD = st.dictionaries(_KEYS, st.one_of(st.sampled_from(["/a", "", 0, 7, None, [1]]), _CATALOG), max_size=4)


@_AT_LEISURE
@given(st.lists(_TOLD, min_size=1, max_size=3))
def test_both_ways_of_putting_settings_together_agree(told: list[dict[str, object]]) -> None:
    """That of pydantic-settings, and the one that a service without variables of ours takes, as it loads less."""

    def outcome(put: Callable[..., ServiceSettings]) -> object:
        try:
            return put(*told)
        except ValidationError as error:
            return sorted((detail["loc"], detail["type"]) for detail in error.errors())

    assert outcome(put_together) == outcome(merge_settings)


def test_a_service_without_variables_loads_no_pydantic_settings(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from prober.service.configuration import load_settings;"
        "import prober.cli.serve, prober.cli.supports; load_settings(Path('/dev/null'), {'socket': '/a'});"
        "sys.exit('pydantic_settings' in sys.modules)"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PROBER_")}
    assert subprocess.run([sys.executable, "-c", code], env={**inherited, "PYTHONPATH": str(CHECKOUT)}).returncode == 0
