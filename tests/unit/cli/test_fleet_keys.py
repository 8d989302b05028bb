"""``prober fleet key`` and ``init`` without a server: what is made, what is printed, and what is never written over."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prober.fleet.store.nkeys import read_credentials
from prober.fleet.store.users import Role, adding_user, user_lines
from tests.recordings import ROOT
from tests.unit.cli.conftest import Run


def test_a_key_is_a_file_of_ones_own_and_lines_that_are_public(run: Run, tmp_path: Path) -> None:
    ended = run("fleet", "key", "rack7-03.example.com")
    seed = tmp_path / "rack7-03.example.com.seed"
    public = read_credentials(seed).public_key
    assert (ended.code, seed.stat().st_mode & 0o777) == (0, 0o600)
    assert ended.out == user_lines(Role.host, "rack7-03.example.com", public)
    assert '"$KV.fleet.hosts.rack7-03=example=com"' in ended.out and "@" not in ended.out
    assert public in ended.err
    assert seed.read_text().strip() not in ended.out + ended.err


def test_a_key_that_is_there_is_left_and_told_of_on_demand(run: Run, tmp_path: Path) -> None:
    first = run("fleet", "key", "a").out
    seed = (tmp_path / "a.seed").read_text()
    again = run("fleet", "key", "a")
    assert (again.code, again.out) == (5, "")
    assert "a.seed is there already, and is left as it is" in again.err
    assert (tmp_path / "a.seed").read_text() == seed
    assert run("fleet", "key", "a", "--existing").out == first
    told = run("fleet", "key", "a", "--existing", "--json").json
    assert (told["role"], told["lines"], told["server"]) == ("host", first, None)
    assert run("fleet", "key", "b", "--existing").code == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.seed"]


def test_each_user_lands_in_the_file_of_its_account(run: Run, tmp_path: Path) -> None:
    for name, *role in (("a",), ("b",), ("desk", "--reader"), ("admin", "--keeper")):
        ended = run("fleet", "key", name, *role, "--server", ".", "-o", f"{name}.key")
        assert ended.out.strip() == read_credentials(tmp_path / f"{name}.key").public_key
    hosts, keepers = ((tmp_path / name).read_text() for name in ("hosts.conf", "keepers.conf"))
    for text, names in ((hosts, ["host a", "host b"]), (keepers, ["reader desk", "keeper admin"])):
        assert text.startswith("users: [\n") and text.endswith("} }\n]\n")
        assert re.findall(r"^# (.*)$", text, re.MULTILINE) == names
        assert text.count("nkey:") == 2
    assert (tmp_path / "hosts.conf").stat().st_mode & 0o777 == 0o644
    again = run("fleet", "key", "a", "--server", ".")
    assert (again.code, "hosts.conf has a key of the host a already" in again.err) == (5, True)
    assert not (tmp_path / "a.seed").exists(), "no key was made that no server knows"
    assert (tmp_path / "hosts.conf").read_text() == hosts


def test_a_file_that_somebody_wrote_keeps_its_users_and_its_mode(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hosts.conf"
    theirs = (ROOT / "packaging/nats/host.user").read_text().replace("@HOST@", "a")
    file.write_text(f"# by hand\nusers = [{theirs}]")
    file.chmod(0o640)
    assert run("fleet", "key", "a", "--server", ".").code == 5
    assert run("fleet", "key", "b", "--server", ".").code == 0
    assert file.read_text().startswith(f"# by hand\nusers = [{theirs}")
    assert '"beats.b"' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", ["", "accounts { }", "users: [", "users: [ ]\nport: 1", "# users: [\n]"])
def test_what_is_no_list_of_users_is_left_as_it_is(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "hosts.conf").write_text(text)
    ended = run("fleet", "key", "a", "--server", ".")
    assert (ended.code, "is not a list of users alone" in ended.err) == (5, True)
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.conf"]
    assert (tmp_path / "hosts.conf").read_text() == text


def test_many_at_once_are_all_written(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with adding_user(tmp_path, Role.host, f"h{number}") as lines:
            lines.append(user_lines(Role.host, f"h{number}", "U"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    names = re.findall(r"^# host (.*)$", (tmp_path / "hosts.conf").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(f"h{number}" for number in range(40))
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.conf"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("key", "a b"), 2, "'a b' is no name of a host"),
        (("key", "a>", "--reader"), 2, "is no name of a reader"),
        (("key", "a", "--reader", "--keeper"), 2, "a reader or for the keeper"),
        (("key", "a", "--server", "nowhere"), 5, "nowhere cannot be opened"),
        (("key", "a", "-o", "nowhere/a.seed"), 5, "cannot make nowhere/a.seed"),
        (("init", "--store", "sqlite:a", "--replicas", "3"), 2, "has one copy"),
        (("init", "--store", "sqlite:nowhere/a"), 5, "nowhere/a"),
        (("init", "--store", "nats://127.0.0.1:1"), 5, "the store cannot be reached"),
        (("init",), 2, "no fleet is named"),
    ],
)
def test_what_is_wrong_is_told(run: Run, tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    ended = run("fleet", *words)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_a_file_is_made_once(run: Run) -> None:
    assert run("fleet", "init", "--store", "sqlite:a.db", "--json").json == [{"file": "a.db", "done": "made"}]
    assert "there" in run("fleet", "init", "--store", "sqlite:a.db").out
    assert run("fleet", "hosts", "--store", "sqlite:a.db").out.startswith("HOST")


@pytest.mark.parametrize("role", Role)
def test_what_is_packaged_is_what_a_server_is_told(role: Role) -> None:
    lines = user_lines(role, "h", "@KEY@")
    packaged = (ROOT / f"packaging/nats/{role}.user").read_text().replace("@HOST@", "h")
    assert lines.partition("\n")[2] == "".join(
        line for line in packaged.splitlines(keepends=True) if not line.startswith("#")
    )
