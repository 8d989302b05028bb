"""The rows of displays and of sound: what needs the host's screen or its server of sound is shown and played to nobody.

Seen with QEMU 5.2, 7.2, 10.0 and 11.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.absent import is_absent
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members
from prober.proof.row import KEPT, StandInRow, stood_in, treat
from prober.proof.rows.addresses import LOOPBACK, free_port, is_too_long, near_address, near_host
from prober.proof.rows.certificates import CA_CERT, CERT, DH_PARAMS, KEY
from prober.proof.rows.objects import x509_directory

_ON = ("on", "yes", "true", "y")

#: With one of these, QEMU looks for no display of its own choice (``system/vl.c``, ``qemu_create_default_devices``).
_SHOWN = ("-curses", "-display", "-nographic", "-sdl", "-spice", "-vnc")

#: The members of each display that only it has, and ``gl``, which ``none`` refuses (``qapi/ui.json``, 5.2 to 11.1).
_OF_DISPLAYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cocoa": ("left-command-key", "full-grab", "swap-opt-cmd", "zoom-to-fit", "zoom-interpolation"),
        "curses": ("charset",),
        "dbus": ("rendernode", "addr", "p2p", "audiodev"),
        "default": (),
        "egl-headless": ("rendernode",),
        "gtk": ("grab-on-hover", "zoom-to-fit", "show-tabs", "show-menubar", "keep-aspect-ratio", "scale"),
        "sdl": ("grab-mod", "alt_grab", "ctrl_grab"),
        "spice-app": (),
    }
)

#: The members of each sound backend that only it has, and those of its ``in`` and ``out`` (``qapi/audio.json``).
_OF_SOUND: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "alsa": (("threshold",), ("dev", "period-length", "try-poll")),
        "coreaudio": ((), ("buffer-count",)),
        "dbus": (("nsamples",), ()),
        "dsound": (("latency",), ()),
        "jack": ((), ("server-name", "client-name", "connect-ports", "start-server", "exact-name")),
        "oss": (("try-mmap", "exclusive", "dsp-policy"), ("dev", "buffer-count", "try-poll")),
        "pa": (("server",), ("name", "stream-name", "latency")),
        "pipewire": ((), ("name", "stream-name", "latency")),
        "sdl": ((), ("buffer-count",)),
        "sndio": (("dev", "latency"), ()),
    }
)


def _no_display(given: Given, members: Members, bench: Bench) -> None:
    for name in (*_OF_DISPLAYS[members.text("type")], "gl"):
        if members.value(name) is not None:
            members.drop(name)
            bench.replace(given, name, "no display")
    bench.replace(given, "type", "none")
    members.set("type", "none")
    given.touch()


_NO_DISPLAY = stood_in("`none`: it needs the host's screen, or a server of the host", _no_display)


def _vnc_as_display(given: Given, members: Members, bench: Bench) -> None:
    bench.refuse(given, "no rule for -display vnc=…; write -vnc")


DISPLAYS: Mapping[str, StandInRow] = MappingProxyType({"none": KEPT, **dict.fromkeys(_OF_DISPLAYS, _NO_DISPLAY)})


def _display(given: Given, members: Members, bench: Bench) -> None:
    if members.text("vnc"):
        _vnc_as_display(given, members, bench)
    elif members.text("type"):
        treat(DISPLAYS, "display", members.text("type"), given, members, bench)


def _flag_of_display(given: Given, _members: Members, bench: Bench) -> None:
    if is_absent(bench.caps, "display", given.flag.removeprefix("-")):
        return
    bench.replace(given, "", "-display none")
    given.flag = "-display"
    given.change("none")


def show_nothing(bench: Bench) -> None:
    """A line that names no display gets none: QEMU would choose one that needs the host."""
    if not any(given.flag in _SHOWN for given in bench.line):
        bench.append("-display", "none")


def _vnc(given: Given, members: Members, bench: Bench) -> None:
    address = members.text("vnc")
    if address.startswith("unix:") and is_too_long(address[5:]):
        pass
    elif address.startswith("unix:"):
        members.set("vnc", f"unix:{bench.place(address[5:])}")
        bench.replace(given, "vnc", "a socket in the directory of stand-ins")
    elif members.text("reverse") in _ON:
        # Nobody is there to be connected to; the display listens in its place.
        members.drop("reverse")
        members.set("vnc", f"unix:{bench.place('vnc')}")
        bench.replace(given, "reverse", "a socket in the directory of stand-ins")
    else:
        _vnc_port(given, members, address, bench)
    _websocket(given, members, bench)


def _vnc_port(given: Given, members: Members, address: str, bench: Bench) -> None:
    """``HOST:DISPLAY``, whose port is 5900 and more."""
    host, colon, number = address.rpartition(":")
    if colon and number.isdecimal() and near_host(host) != host:
        members.set("vnc", f"{LOOPBACK}:{number}")
        bench.replace(given, "vnc", f"{LOOPBACK}:{number}")


def _websocket(given: Given, members: Members, bench: Bench) -> None:
    text = members.text("websocket")
    near = near_address(text) if ":" in text else free_port(text)
    if near != text:
        members.set("websocket", near)
        bench.replace(given, "websocket", near)


def _spice(given: Given, members: Members, bench: Bench) -> None:
    address = members.text("addr")
    if members.text("unix") in _ON:
        if address:
            members.set("addr", bench.place(address))
            bench.replace(given, "addr", "a socket in the directory of stand-ins")
    elif near_host(address) != address:
        members.set("addr", LOOPBACK)
        bench.replace(given, "addr", LOOPBACK)
    for name in ("port", "tls-port"):
        number = members.text(name)
        if free_port(number) != number:
            members.set(name, free_port(number))
            bench.replace(given, name, free_port(number))
    _spice_certificates(given, members, bench)
    if members.text("gl") in _ON:
        for name in ("gl", "rendernode"):
            members.drop(name)
        bench.leave_out(given, "it draws with the host's graphics card", part="gl")


#: The files that SPICE can be told one by one (``ui/spice-core.c``).
_SPICE_FILES: Mapping[str, bytes] = MappingProxyType(
    {"x509-key-file": KEY, "x509-cert-file": CERT, "x509-cacert-file": CA_CERT, "x509-dh-key-file": DH_PARAMS}
)


def _spice_certificates(given: Given, members: Members, bench: Bench) -> None:
    for name, content in _SPICE_FILES.items():
        if members.text(name):
            members.set(name, bench.add(members.text(name), content=content, writable=False))
            bench.replace(given, name, "a certificate of nobody")
    if members.text("x509-dir") or members.text("tls-port"):
        members.set("x509-dir", x509_directory(bench))
        bench.replace(given, "x509-dir", "a directory with certificates of nobody")


def _keymap(given: Given, _members: Members, bench: Bench) -> None:
    """A keymap by name is QEMU's own; one by its path is the host's."""
    if "/" in (given.value or ""):
        given.change(bench.add(given.value or ""))
        bench.replace(given, "", "an empty keymap")


def _silence(given: Given, members: Members, bench: Bench) -> None:
    own, of_sides = _OF_SOUND[members.text("driver")]
    for name in own:
        if members.value(name) is not None:
            members.drop(name)
            bench.replace(given, name, "no sound")
    for side in ("in", "out"):
        inner = members.inner(side)
        for name in of_sides if inner is not None else ():
            if inner is not None and inner.value(name) is not None:
                inner.drop(name)
                bench.replace(given, name, "no sound")
    members.set("driver", "none")
    bench.replace(given, "driver", "none")


def _wav(given: Given, members: Members, bench: Bench) -> None:
    """Without a path it is ``qemu.wav`` in the working directory."""
    members.set("path", bench.place(members.text("path") or "qemu.wav"))
    bench.replace(given, "path", "a file in the directory of stand-ins")


AUDIODEVS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(("none", "spice"), KEPT),
        **dict.fromkeys(_OF_SOUND, stood_in("`none`: it needs a server or a device of the host", _silence)),
        "wav": stood_in("a `path` in the directory of stand-ins", _wav),
    }
)


def _audio(given: Given, members: Members, bench: Bench) -> None:
    """Without a driver, QEMU says so."""
    if members.text("driver"):
        treat(AUDIODEVS, "audiodev", members.text("driver"), given, members, bench)


_TO_NOBODY = stood_in("`-display none`", _flag_of_display)
_SOUND = stood_in("by its driver, see below", _audio)

OPTIONS_OF_DISPLAYS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **dict.fromkeys(("-curses", "-sdl"), _TO_NOBODY),
        **dict.fromkeys(("-audio", "-audiodev"), _SOUND),
        **dict.fromkeys(
            ("-alt-grab", "-ctrl-grab", "-full-screen", "-no-quit", "-nographic", "-portrait", "-rotate",
             "-show-cursor",
             "-soundhw", "-vga"),
            KEPT,
        ),
        "-display": stood_in("by its type, see below", _display),
        "-k": stood_in("an empty keymap, where a path is given", _keymap),
        "-spice": stood_in(
            "addresses of the loopback or a socket in the directory of stand-ins, certificates of nobody; `gl` is"
            " left out",
            _spice,
        ),
        "-vnc": stood_in("addresses of the loopback or a socket in the directory of stand-ins", _vnc),
    }
)  # fmt: skip
