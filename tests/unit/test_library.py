"""The library with what is wrong, and with what programs do to values: its own errors, and nothing lost."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import prober
from prober import errors
from tests.conftest import CHECKOUT, aio

EXAMPLE = CHECKOUT / "fixtures" / "domains" / "example.xml"
REFUSED = CHECKOUT / "fixtures" / "domains" / "refused.xml"


@pytest.fixture(scope="module")
def caps() -> prober.Capabilities:
    """Those of QEMU 10.0."""
    return prober.Capabilities.from_recording(prober.load_bundled("qemu-10.0"))


@pytest.mark.parametrize("name", ["", "nix", "qemu", "../x", "bundled", "qemu-10.0.13/x", "a\0b"])
def test_a_recording_that_does_not_come_along_is_told_with_those_that_do(name: str) -> None:
    with pytest.raises(prober.ProberError, match="comes along") as caught:
        prober.load_bundled(name)
    assert "qemu-10.0.13" in caught.value.hint


def test_a_file_of_a_bundled_name_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qemu-10.0").write_text("no recording")
    monkeypatch.chdir(tmp_path)
    assert len(prober.load_bundled("qemu-10.0").parts) == 1


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"\xfd7zXZ\x00cut", b"[]\n\n[]", b"<domain/>"])
def test_a_file_that_is_no_recording_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "wrong.replies"
    file.write_bytes(data)
    with pytest.raises(prober.ProberError, match=r"wrong\.replies"):
        prober.load_recording(file)


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "a\0b"])
def test_a_path_without_a_file_is_refused(path: str) -> None:
    with pytest.raises(prober.ProberError, match="cannot read"):
        prober.load_recording(path)


def test_a_domain_may_be_a_text_or_bytes(caps: prober.Capabilities) -> None:
    xml = EXAMPLE.read_bytes()
    for data in (xml, xml.decode()):
        told = prober.translate_domain(prober.read_domain(data), caps, binary=Path("/usr/bin/qemu-system-x86_64"))
        assert told.argv[0] == told.binary == "/usr/bin/qemu-system-x86_64"


@pytest.mark.parametrize(
    "text", ["", "<domain", "\n<domain>\udc80</domain>", "<?xml version='1.0' encoding='utf-16'?><a/>"]
)
def test_a_text_that_is_no_domain_is_refused_like_bytes(text: str) -> None:
    with pytest.raises(prober.UnreadableDomainError) as caught:
        prober.read_domain(text)
    assert caught.value.line == (2 if "\n" in text else caught.value.line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "empty"),
        ("qemu-system-x86_64 -device e1000", "one text"),
        (["-device", "e1000,mak=x"], "begins with -device"),
        (["--device", "e1000"], "begins with --device"),
        (["qemu", "-name", "a\0b"], "NUL"),
        (["qemu", "-name", "\udc80"], "UTF-8"),
    ],
)
def test_what_is_no_command_line_is_not_taken_for_a_sound_one(
    caps: prober.Capabilities, words: list[str], said: str
) -> None:
    with pytest.raises(prober.UsageError, match=said):
        prober.check_argv(words, caps)
    subject = prober.LineSubject("/nowhere/qemu", caps)
    with pytest.raises(prober.UsageError, match=said):
        aio(prober.prove_once(subject, prober.LineRequest(words)))  # type: ignore[arg-type]


def test_one_text_is_no_command_line_to_a_client_either() -> None:
    with prober.ServiceClient("/nowhere", patience=0) as service, pytest.raises(prober.UsageError, match="one text"):
        service.check_argv("qemu -device e1000")


def test_an_accelerator_that_nobody_knows_is_not_taken_for_another() -> None:
    with pytest.raises(prober.UsageError, match="auto or tcg"):
        aio(prober.interview("/nowhere/qemu", accel="kvm"))  # type: ignore[arg-type]


def test_a_group_of_a_difference_that_is_none_is_named(caps: prober.Capabilities) -> None:
    with pytest.raises(errors.UnknownNameError, match="nix") as caught:
        prober.diff(caps, caps).group("nix")
    assert "machines" in caught.value.hint


def values(caps: prober.Capabilities) -> list[object]:
    domain = prober.read_domain(EXAMPLE.read_bytes())
    words = ["qemu", "-device", "e1000,mak=x"]
    return [
        caps,
        domain,
        prober.load_bundled("qemu-7.2"),
        caps.supports("e1000.mac"),
        prober.check_argv(words, caps),
        prober.translate_domain(domain, caps, binary="qemu"),
        prober.diff(caps, prober.Capabilities.from_recording(prober.load_bundled("qemu-5.2"))),
        prober.LineRequest(tuple(words)),
        prober.Wishes(),
    ]


def test_values_can_be_sent_and_copied(caps: prober.Capabilities) -> None:
    for value in values(caps):
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.deepcopy(value) == value
    sent = pickle.loads(pickle.dumps(caps))
    assert prober.check_argv(["qemu", "-device", "e1000,mak=x"], sent) == prober.check_argv(
        ["qemu", "-device", "e1000,mak=x"], caps
    )


def of_the_tree(cls: type[errors.ProberError]) -> list[type[errors.ProberError]]:
    """Those of the public module, whatever else was imported by now."""
    below = [one for one in cls.__subclasses__() if one.__module__ == errors.__name__]
    return [cls, *(one for child in below for one in of_the_tree(child))]


@pytest.mark.parametrize("cls", of_the_tree(errors.ProberError))
def test_errors_can_be_sent_and_copied(cls: type[errors.ProberError]) -> None:
    more = {"returncode": -6} if issubclass(cls, errors.ExitedError) else {}
    first = ["one", "two"] if issubclass(cls, errors.RefusedError) else "wrong"
    error = cls(first, **more)  # type: ignore[arg-type]
    error.hint = "do this"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(again), str(again), again.__dict__) == (cls, str(error), error.__dict__)


def test_a_refusal_that_was_sent_says_the_same(caps: prober.Capabilities) -> None:
    with pytest.raises(prober.RefusedError) as caught:
        prober.translate_domain(prober.read_domain(REFUSED.read_bytes()), caps, binary="qemu")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.refusals) == (str(caught.value), caught.value.refusals)


def test_threads_may_share_capabilities_and_domain() -> None:
    caps = prober.Capabilities.from_recording(prober.load_bundled("qemu-7.2"))
    domain = prober.read_domain(EXAMPLE.read_bytes())

    def work(number: int) -> tuple[tuple[str, ...], bool]:
        line = ["qemu", "-device", f"e1000,mac=52:54:00:00:00:{number:02x}"]
        return prober.translate_domain(domain, caps, binary="qemu").argv, prober.check_argv(line, caps).clean

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(work, range(24)))
    assert told == {(prober.translate_domain(domain, caps, binary="qemu").argv, True)}


def test_all_names_come_with_a_star() -> None:
    found: dict[str, object] = {}
    exec("from prober import *", found)
    assert set(prober.__all__) <= set(found)
