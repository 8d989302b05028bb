"""The command line of bubblewrap, without running it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prober.errors import LaunchError
from prober.qemu.box.bubblewrap import Traits
from prober.qemu.box.model import NOBODY, Box, Confinement, Identity, Kernel
from prober.qemu.box.view import Seen, View, look_at
from prober.qemu.launch import Launch

VIEW = View(
    "/opt/qemu/bin/qemu",
    "/opt/qemu-9/bin/qemu",
    (Seen("/usr", "/trees/a/usr"), Seen("/lib", "/trees/a/lib", "usr/lib"), Seen("/opt/qemu-9", "/trees/a/opt/qemu-9")),
)
MADE = Confinement("bubblewrap", Identity(NOBODY), "/usr/bin/bwrap")
BOX = Box(MADE, VIEW, Path("/tmp/made"), "/stand-in", Path("/trees/a"))


def after(words: list[str], option: str, count: int = 1) -> list[tuple[str, ...]]:
    """The words behind each occurrence of an option."""
    return [tuple(words[at + 1 : at + 1 + count]) for at, word in enumerate(words) if word == option]


def test_what_runs_stands_behind_the_options() -> None:
    words = BOX.command(["/opt/qemu/bin/qemu", "-S", "--", "--bind"])
    assert (words[0], words[4]) == ("/bin/sh", "/usr/bin/bwrap")
    assert words[words.index("--") :] == ["--", "/opt/qemu/bin/qemu", "-S", "--", "--bind"]


def test_every_namespace_is_its_own() -> None:
    words = BOX.command(["qemu"])
    for one in ("user", "ipc", "pid", "net", "uts", "cgroup-try"):
        assert f"--unshare-{one}" in words
    assert {"--die-with-parent", "--new-session", "--disable-userns"} <= set(words)
    assert after(words, "--cap-drop") == [("ALL",)]
    assert after(words, "--uid") == after(words, "--gid") == [("65534",)]


def test_only_the_view_is_shown_and_only_stand_ins_are_written() -> None:
    words = BOX.command(["qemu"])
    shown = [("/trees/a/usr", "/usr"), ("/trees/a/opt/qemu-9", "/opt/qemu-9")]
    assert after(words, "--ro-bind-try", 2) == shown
    assert after(words, "--symlink", 2) == [("usr/lib", "/lib")]
    assert after(words, "--bind", 2) == [("/tmp/made", "/stand-in")]
    assert not {"--ro-bind", "--bind-try", "--dev", "--share-net"} & set(words)
    assert after(words, "--tmpfs") == [("/tmp",), ("/dev/shm",)]
    assert words.index("--remount-ro") > words.index("--bind")
    assert words.index("/tmp") < words.index("--ro-bind-try"), "a tree may lie below it"


def test_devices_are_single_ones_and_kvm_is_asked_for() -> None:
    plain = [one for one, _ in after(BOX.command(["qemu"]), "--dev-bind", 2)]
    assert plain == [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]
    box = replace(BOX, confinement=replace(MADE, kvm=True))
    assert after(box.command(["qemu"]), "--dev-bind-try", 2) == [("/dev/kvm", "/dev/kvm")]


def test_what_does_not_work_here_is_left_out_and_said() -> None:
    made = replace(MADE, identity=Identity(), traits=Traits(proc=False, userns_disabled=False, keeps_root=True))
    words = replace(BOX, confinement=made).command(["qemu"])
    assert not {"--proc", "--disable-userns"} & set(words)
    said = " ".join(made.describe())
    for what in ("no /proc", "further user namespaces", "as root on the host"):
        assert what in said
        assert what not in " ".join(MADE.describe())


def test_without_stand_ins_nothing_is_written() -> None:
    box = replace(BOX, directory=None)
    assert "--bind" not in box.command(["qemu"])
    with pytest.raises(ValueError, match="no directory"):
        _ = box.ours


def test_paths_of_the_box_are_those_of_the_host() -> None:
    assert BOX.host_path("/usr/lib/x.so") == "/trees/a/usr/lib/x.so"
    assert BOX.host_path("/opt/qemu-9/bin/qemu") == "/trees/a/opt/qemu-9/bin/qemu"
    assert BOX.host_path("/stand-in/disk") == "/tmp/made/disk"
    assert BOX.host_path("/stand-in-too") is None
    assert BOX.host_path("/usrx") is None
    assert BOX.host_path("/dev/null") is None


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 1), (127, 127), (134, -6), (137, -9), (139, -11), (-9, -9)])
def test_signals_are_told_as_such(code: int, status: int) -> None:
    assert Launch("qemu", box=BOX).status(code) == status
    assert Launch("qemu").status(code) == code


def test_the_weak_form_adds_qemus_own_sandbox() -> None:
    made = Confinement("weak", kernel=Kernel(6, "none"))
    box = Box(made, VIEW, Path("/tmp/made"), "/tmp/made", words=("-sandbox", "on"))
    launch = Launch("/opt/qemu/bin/qemu", words=("-S",), box=box)
    assert launch.command() == ["/opt/qemu/bin/qemu", "-S", "-sandbox", "on"]
    assert replace(launch, sandbox=False).command() == ["/opt/qemu/bin/qemu", "-S"]


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (Kernel(6, "direct"), "By Landlock (ABI 6)"),
        (Kernel(0, "direct"), "reads what every user may read"),
        (Kernel(6, "none"), "shares the host's network"),
    ],
)
def test_the_weak_form_says_what_it_is_and_lacks(kernel: Kernel, said: str) -> None:
    assert any(said in sentence for sentence in Confinement("weak", kernel=kernel).describe())


# What of a host is shown.


def program(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def sources(view: View) -> dict[str, str | None]:
    return {one.path: one.link for one in view.seen}


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """Another system's tree, merged as Debian's is."""
    for name in ("usr/bin", "usr/lib64", "etc/qemu", "etc/secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "lib64").symlink_to("usr/lib64")
    (tmp_path / "sbin").mkdir()
    return tmp_path


def test_a_system_shows_its_programs_and_few_of_its_settings(tree: Path) -> None:
    program(tree / "usr/bin/qemu")
    view = look_at("/usr/bin/qemu", tree)
    assert sources(view) == {"/bin": "usr/bin", "/lib64": "usr/lib64", "/sbin": None, "/usr": None, "/etc/qemu": None}
    assert {one.source for one in view.seen} == {str(tree / path.lstrip("/")) for path in sources(view)}
    assert (view.binary, view.real) == ("/usr/bin/qemu", "/usr/bin/qemu")


def test_a_binary_brings_its_own_tree_and_the_links_to_it(tree: Path) -> None:
    program(tree / "opt/qemu-9/bin/qemu")
    (tree / "opt/current").symlink_to("qemu-9")
    (tree / "usr/bin/qemu").symlink_to("/opt/current/bin/qemu")
    view = look_at("/usr/bin/qemu", tree)
    shown = sources(view)
    assert shown["/opt/qemu-9"] is None
    assert shown["/opt/current"] == "qemu-9"
    assert "/opt" not in shown
    assert (view.binary, view.real) == ("/usr/bin/qemu", "/opt/qemu-9/bin/qemu")


@pytest.mark.parametrize("path", ["/opt/bin/qemu", "/srv/qemu"])
def test_a_high_directory_is_not_shown_whole(tree: Path, path: str) -> None:
    program(tree / path.lstrip("/"))
    shown = sources(look_at(path, tree))
    assert path in shown
    assert not {"/opt", "/srv"} & set(shown)


def test_a_home_is_not_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    binary = program(home / "bin/qemu")
    program(home / "share/qemu/bios.bin")
    monkeypatch.setattr("prober.qemu.box.view._homes", lambda: frozenset({str(home)}))
    shown = sources(look_at(str(binary)))
    assert {str(binary), str(home / "share/qemu")} <= set(shown)
    assert str(home) not in shown


def test_a_build_shows_the_sources_that_it_is_in(tmp_path: Path) -> None:
    binary = program(tmp_path / "source/build/qemu-system-x86_64")
    (tmp_path / "source/build/qemu-bundle").mkdir()
    assert str(tmp_path / "source") in sources(look_at(str(binary)))


def test_a_wrapper_shows_what_it_starts_and_nothing_that_it_only_names(tree: Path) -> None:
    program(tree / "opt/qemu-9/bin/qemu-system-x86_64")
    (tree / "var/lib/data").mkdir(parents=True)
    (tree / "var/lib/data/image").write_text("")
    program(tree / "usr/bin/qemu", "#!/bin/sh\nexec /opt/qemu-9/bin/qemu-system-x86_64 -hda /var/lib/data/image\n")
    shown = sources(look_at("/usr/bin/qemu", tree))
    assert "/opt/qemu-9" in shown
    assert not any(path.startswith("/var") for path in shown)


@pytest.mark.parametrize("path", ["/usr/bin/none", "/usr/bin/loop", "a\0b"])
def test_what_is_not_there_is_said(tree: Path, path: str) -> None:
    (tree / "usr/bin/loop").symlink_to("loop")
    with pytest.raises(LaunchError, match="cannot start"):
        look_at(path, tree)
