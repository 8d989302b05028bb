"""What a binary lists for ``-display help`` and others: read with bounds, and each name told with its grounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities import Capabilities, Verdict
from prober.capabilities.backends import Listed, words_about
from prober.capabilities.diff import diff
from prober.capabilities.explain import AboutBackend, explain
from prober.errors import RecordingError
from prober.qemu.recording import HELP, ErrorReply, Exchange, Part, Recording
from prober.qemu.replies import JsonValue
from tests.recordings import FIXTURES, load_capabilities

VERSION: JsonValue = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}
GTK = "module ui-ui-gtk not found, do you want to install qemu-system-gui package?"
OLD, NEW = (load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in ("5.2.0", "7.2.22"))


def listing(option: str, stdout: Any, stderr: Any = (), status: Any = 0) -> Exchange:
    lines = [list(one) if isinstance(one, tuple) else one for one in (stdout, stderr)]
    return Exchange(HELP, {"option": option}, {"status": status, "stdout": lines[0], "stderr": lines[1]})


def caps_of(*exchanges: Exchange) -> Capabilities:
    return Capabilities.from_recording(Recording((Part((Exchange("query-version", None, VERSION), *exchanges)),)))


DISPLAYS = listing(
    "display", ("Available display backend types:", "none", "sdl", "", "Some more words."), (f"qemu: {GTK}",)
)
TYPES = Exchange("qom-list-types", None, [{"name": "chardev-spicevmc", "parent": "chardev-spice"}])
CHARDEVS = listing("chardev", ("Available chardev backend types: ", "  null", "  tty"))


def test_what_is_listed_is_there_and_nothing_else() -> None:
    caps = caps_of(DISPLAYS)
    sdl, gtk = caps.supports("-display sdl"), caps.supports("-display gtk")
    assert (sdl.verdict, sdl.command, sdl.arguments, sdl.reply) == (Verdict.present, HELP, {"option": "display"}, "sdl")
    assert (gtk.verdict, gtk.reply, gtk.error) == (Verdict.absent, ["none", "sdl"], GTK)
    assert caps.supports("-display dbus").error is None


@pytest.mark.parametrize("fact", ["-display sdl", "-audiodev pa", "-chardev spicevmc"])
def test_what_was_never_asked_is_unknown(fact: str) -> None:
    """As in libvirt's recordings, and in those that prober made before."""
    evidence = caps_of().supports(fact)
    assert evidence.verdict is Verdict.unknown
    assert "never asked" in evidence.note


@pytest.mark.parametrize("fact", ["-display none", "-display default", "-audiodev none"])
def test_what_comes_with_the_option_is_there(fact: str) -> None:
    assert caps_of().supports(fact).is_present


def test_a_binary_without_such_a_list_says_so_itself() -> None:
    evidence = OLD.supports("-audiodev pa")
    assert evidence.verdict is Verdict.unknown
    assert evidence.error == "Help is not available for this option"


def test_a_character_device_may_be_on_either_list() -> None:
    """``-chardev help`` leaves out those whose module is not loaded; names of old are no types."""
    for fact, verdict in (("spicevmc", "present"), ("tty", "present"), ("dbus", "absent")):
        assert str(caps_of(TYPES, CHARDEVS).supports(f"-chardev {fact}").verdict) == verdict
    assert str(caps_of(CHARDEVS).supports("-chardev spicevmc").verdict) == "unknown"
    assert caps_of(TYPES).supports("-chardev spicevmc").is_present
    assert str(caps_of(TYPES).supports("-chardev dbus").verdict) == "unknown"


def test_an_option_that_is_not_there_has_qemus_words() -> None:
    words = "Perhaps you want to install qemu-system-modules-spice package?"
    options = Exchange("query-command-line-options", None, [{"option": "vnc", "parameters": []}])
    said = listing("spice", (), (f"qemu-system-x86_64: -spice help: {words}",), 1)
    assert caps_of(options, said).supports("-spice").error == words
    assert caps_of(options).supports("-spice").error is None


@pytest.mark.parametrize(
    "stdout",
    [
        (),
        ("none", "sdl"),
        ("Available display backend types:", "none or sdl"),
        ("Available display backend types:", "NONE"),
        ("Available display backend types:", "n" * 65),
        ("Available display backend types:", *(f"d{number}" for number in range(300))),
        ('{"QMP": {"version": {}}}',),
    ],
)
def test_what_is_no_list_proves_nothing(stdout: tuple[str, ...]) -> None:
    assert str(caps_of(listing("display", stdout)).supports("-display d1").verdict) == "unknown"


def test_one_that_failed_proves_nothing() -> None:
    failed = Exchange(HELP, {"option": "display"}, error=ErrorReply("NoHelp", "it did not end within 10 s"))
    evidence = caps_of(failed).supports("-display sdl")
    assert (str(evidence.verdict), evidence.error) == ("unknown", "it did not end within 10 s")
    fine = listing("display", ("Available display backend types:", "sdl"), (), 1)
    assert str(caps_of(fine).supports("-display sdl").verdict) == "unknown"


@pytest.mark.parametrize("reply", [None, [], {}, {"status": 0, "stdout": "none", "stderr": []},
                                   {"status": 0, "stdout": [1], "stderr": []}])  # fmt: skip
def test_another_form_is_named(reply: JsonValue) -> None:
    with pytest.raises(RecordingError, match=HELP):
        caps_of(Exchange(HELP, {"option": "display"}, reply))
    with pytest.raises(RecordingError, match=HELP):
        caps_of(Exchange(HELP, {"option": 5}, reply))


@given(st.lists(st.text()), st.lists(st.text()), st.integers())
def test_whatever_a_binary_says_is_read(stdout: list[str], stderr: list[str], status: int) -> None:
    listed = caps_of(listing("display", stdout, stderr, status)).listed["display"]
    assert len(listed.said) <= 64
    assert all(len(line) <= 300 for line in listed.said)
    assert listed.names is None or len(listed.names) <= 256


def test_words_are_of_the_whole_name() -> None:
    said = Listed(said=("module ui-spice-app not found", "module audio-audio-spice not found"))
    assert words_about(said, "spice") == "module audio-audio-spice not found"
    assert words_about(said, "spice-app") == "module ui-spice-app not found"
    assert words_about(said, "app.*") is None


def test_the_bundled_recordings() -> None:
    assert NEW.supports("-display gtk").error == GTK
    assert NEW.supports("-chardev spicevmc").is_present
    assert NEW.supports("-audiodev spice").is_present
    assert OLD.supports("-display spice-app").is_present


def test_it_is_explained_and_compared() -> None:
    assert explain(NEW, "-display dbus").about == AboutBackend(option="display", name="dbus")
    assert explain(NEW, "-display gtk").about is None
    (options,) = (group for group in diff(OLD, NEW).groups if group.name == "options")
    assert ("-display dbus", "added") in {(change.fact, change.kind) for change in options.changes}
    # 5.2 lists no audio drivers: what it has is unknown, and neither added nor removed.
    assert not [change for change in options.changes if change.fact.startswith("-audiodev ")]
    assert options.unknown == len(NEW.listed["audiodev"].names or ())
