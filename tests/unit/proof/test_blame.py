"""Whose fault a message tells of."""

from __future__ import annotations

import pytest

from prober.proof.bench import Bench
from prober.proof.blame import Cause, blame
from prober.proof.given import given_options
from prober.proof.words import messages_of
from tests.recordings import FIXTURES, load_capabilities

_CAPS = load_capabilities(next(FIXTURES.glob("qemu-7.2*")))


def judged(said: str, words: list[str], replaced: dict[int, str] | None = None) -> tuple[Cause, str]:
    bench = Bench(_CAPS, "/stand-in", line=given_options(["qemu", *words]))
    for position, part in (replaced or {}).items():
        option = next(one for one in bench.line if one.position == position)
        bench.replace(option, part, "something")
    (message,) = messages_of(f"qemu: {said}", ["qemu"], [one.words() for one in bench.line])
    found = blame(message, bench.line, bench)
    option_of = found.option
    return found.cause, f"{option_of.position} {option_of.flag} {option_of.part}".strip() if option_of else ""


def test_what_qemu_writes_before_its_message_is_the_option() -> None:
    words = ["-S", "-device", "e1000,mak=x"]
    assert judged("-device e1000,mak=x: Property 'e1000.mak' not found", words) == (Cause.line, "2 -device mak")


def test_a_part_is_found_without_quotes_too() -> None:
    words = ["-device", "virtio-net-pci,rx_queue_size=300"]
    said = "-device virtio-net-pci,rx_queue_size=300: Invalid rx_queue_size (= 300), must be a power of 2"
    assert judged(said, words) == (Cause.line, "1 -device rx_queue_size")


@pytest.mark.parametrize(
    ("said", "words", "option"),
    [
        ("CPU model 'host' requires KVM or HVF", ["-cpu", "host"], "1 -cpu"),
        ("Invalid CPU topology: x", ["-smp", "0"], "1 -smp"),
        ("unable to find CPU model 'x'", ["-cpu", "x"], "1 -cpu"),
        ("can't apply global qemu64-x86_64-cpu.model=1: y", ["-cpu", "qemu64,model=1"], "1 -cpu"),
        ("can't apply global PIIX4_PM.x=1: Property 'PIIX4_PM.x' not found", ["-global", "PIIX4_PM.x=1"], "1 -global"),
        ("Boot device 'c' was given twice", ["-boot", "order=cc"], "1 -boot"),
        ("total memory for NUMA nodes (0x1) should equal RAM size (0x2)", ["-numa", "node"], "1 -numa"),
        ("-soundhw: invalid option", ["-soundhw", "ac97"], "1 -soundhw"),
        ("unsupported machine type", ["-M", "x"], "1 -M"),
    ],
)
def test_sentences_without_an_option_are_known(said: str, words: list[str], option: str) -> None:
    assert judged(said, words) == (Cause.line, option)


def test_a_stand_in_is_to_blame_where_its_path_is_named() -> None:
    words = ["-drive", "file=/stand-in/0-a"]
    assert judged("-drive file=/stand-in/0-a: Could not open '/stand-in/0-a'", words, {1: "file"})[0] is Cause.stand_in


def test_a_stand_in_is_to_blame_where_its_key_is_named() -> None:
    words = ["-netdev", "hubport,id=n"]
    assert judged("-netdev hubport,id=n: Parameter 'hubid' is missing", words, {1: "hubid"})[0] is Cause.stand_in


def test_another_key_of_the_same_option_is_the_lines() -> None:
    words = ["-drive", "file=/stand-in/0-a,cache=x"]
    cause, option = judged("-drive file=/stand-in/0-a,cache=x: invalid cache option", words, {1: "file"})
    assert (cause, option) == (Cause.line, "1 -drive")


def test_one_image_used_twice_is_the_lines_whatever_it_is_called() -> None:
    words = ["-drive", "file=/stand-in/0-a"]
    said = '-drive file=/stand-in/0-a: Failed to get "write" lock\nIs another process using the image [/stand-in/0-a]?'
    assert judged(said, words, {1: "file"})[0] is Cause.line


@pytest.mark.parametrize(
    "said",
    [
        "Could not access KVM kernel module: No such file or directory",
        "cannot set up guest memory 'pc.ram': Cannot allocate memory",
        "-chardev pty,id=p: Failed to create chardev: Permission denied",
    ],
)
def test_the_host_is_to_blame_for_what_only_it_can_give(said: str) -> None:
    assert judged(said, ["-chardev", "pty,id=p"])[0] is Cause.host


def test_words_of_the_host_inside_of_another_message_are_no_sentence_of_it() -> None:
    said = "-device e1000,x=y: Property 'e1000.Cannot allocate memory' not found"
    assert judged(said, ["-device", "e1000,x=y"])[0] is Cause.line


def test_two_addresses_that_are_one_here_are_no_fault_of_the_line() -> None:
    """Nor is the size of a file that stands in for one that is loaded."""
    words = ["-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:8080-:80"]
    said = f"-netdev {words[1]}: Could not set up host forwarding rule 'tcp:127.0.0.1:8080-:80'"
    assert judged(said, words, {1: "hostfwd"})[0] is Cause.stand_in
    assert judged(said, words, {1: "tftp"})[0] is Cause.line, "it is what the line says itself"
    said = f"-netdev {words[1]}: Invalid host forwarding rule 'tcp:127.0.0.1:8080-:80'"
    assert judged(said, words, {1: "hostfwd"})[0] is Cause.line
    words = ["-device", "loader,file=/a,addr=0x100"]
    assert judged("Some ROM regions are overlapping", words, {1: "file"})[0] is Cause.stand_in
    assert judged("Some ROM regions are overlapping", words)[0] is Cause.line
