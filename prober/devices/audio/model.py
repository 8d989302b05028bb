"""``<audio>``: one ``-audiodev``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from prober.commandline.options import Option, Prepared, Qapi, Value
from prober.commandline.refusal import Broken, Origin
from prober.domain.shared.device import Device
from prober.domain.shared.environment import variable
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Qemu, fields_of
from prober.xml.values import AbsolutePath, Count, Line, PositiveCount, YesNo

#: QEMU's drivers that have another name than libvirt's types.
_DRIVERS = {"pulseaudio": "pa", "file": "wav"}

#: What one stream of a backend may say, beside what all may.
_STREAM: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "alsa": ("dev",),
        "coreaudio": ("buffer_count",),
        "jack": ("server_name", "client_name", "connect_ports", "exact_name"),
        "oss": ("dev", "buffer_count", "try_poll"),
        "pulseaudio": ("name", "stream_name", "latency"),
        "pipewire": ("name", "stream_name", "latency"),
        "sdl": ("buffer_count",),
    }
)

#: Which backend an attribute of ``<audio>`` belongs to; the others are of all.
_OWN: Mapping[str, str] = MappingProxyType(
    {
        "try_mmap": "oss",
        "exclusive": "oss",
        "dsp_policy": "oss",
        "server_name": "pulseaudio",
        "path": "file",
        "driver": "sdl",
        "runtime_dir": "pipewire",
    }
)


def has_audiodev(target: Target) -> bool:
    """Whether the binary has ``-audiodev`` (QEMU 4.0).

    No QMP answer says it; ``query-audiodevs`` (8.0) and, before that, the types that came with 4.0 do.
    """
    return target.caps.has("query-audiodevs") or target.caps.has("virtio-blk-pci-transitional")


#: What a QEMU without ``-audiodev`` calls its backends, in ``QEMU_AUDIO_DRV`` (QEMU 3.1, ``audio/audio.c``), and the
#: variables that have the rest (``audio/paaudio.c``, ``audio/wavaudio.c``; SDL reads its own).
_BY_VARIABLE: Mapping[str, str] = MappingProxyType(
    {name: name for name in ("none", "alsa", "coreaudio", "oss", "sdl", "spice")} | {"pulseaudio": "pa", "file": "wav"}
)
_VARIABLES: Mapping[str, str] = MappingProxyType(
    {"server_name": "QEMU_PA_SERVER", "path": "QEMU_WAV_PATH", "driver": "SDL_AUDIODRIVER"}
)


class AudioStream(Checked):
    """``<input>`` or ``<output>``: one direction, from the host or to it."""

    mixing_engine: Annotated[YesNo | None, At("@mixingEngine"), Qemu("mixing-engine")] = None
    fixed_settings: Annotated[YesNo | None, At("@fixedSettings"), Qemu("fixed-settings")] = None
    voices: Annotated[PositiveCount | None, At("@voices"), Qemu("voices")] = None
    buffer_length: Annotated[PositiveCount | None, At("@bufferLength"), Qemu("buffer-length")] = None
    frequency: Annotated[PositiveCount | None, At("settings/@frequency"), Qemu("frequency")] = None
    channels: Annotated[PositiveCount | None, At("settings/@channels"), Qemu("channels")] = None
    format: Annotated[
        Literal["u8", "s8", "u16", "s16", "u32", "s32", "f32"] | None, At("settings/@format"), Qemu("format")
    ] = None
    server_name: Annotated[Line | None, At("@serverName"), Qemu("server-name")] = None
    client_name: Annotated[Line | None, At("@clientName"), Qemu("client-name")] = None
    connect_ports: Annotated[Line | None, At("@connectPorts"), Qemu("connect-ports")] = None
    exact_name: Annotated[YesNo | None, At("@exactName"), Qemu("exact-name")] = None
    dev: Annotated[Line | None, At("@dev"), Qemu("dev")] = None
    buffer_count: Annotated[PositiveCount | None, At("@bufferCount"), Qemu("buffer-count")] = None
    try_poll: Annotated[YesNo | None, At("@tryPoll"), Qemu("try-poll")] = None
    name: Annotated[Line | None, At("@name"), Qemu("name")] = None
    stream_name: Annotated[Line | None, At("@streamName"), Qemu("stream-name")] = None
    latency: Annotated[PositiveCount | None, At("@latency"), Qemu("latency")] = None

    def rules(self) -> Iterator[Broken]:
        """Fixed settings are the mixing engine's, and ``<settings>`` are fixed ones."""
        if self.fixed_settings and not self.mixing_engine:
            yield Broken("fixed_settings", "fixedSettings='yes' needs mixingEngine='yes'")
        for name in ("frequency", "channels", "format"):
            if getattr(self, name) is not None and not self.fixed_settings:
                yield Broken(name, "<settings> needs fixedSettings='yes'")

    def not_of(self, backend: str) -> Iterator[str]:
        """What is said that this backend does not have."""
        own = _STREAM.get(backend, ())
        for name in dict.fromkeys(name for names in _STREAM.values() for name in names):
            if name not in own and getattr(self, name) is not None:
                yield name


class Audio(Device):
    """Where the sound of the guest goes to, and comes from.  Sound cards and displays refer to it by its number;
    without one, to the first.
    """

    element = "audio"
    alias_prefix = "audio"

    number: Annotated[PositiveCount, At("@id"), Becomes("`id` of `-audiodev`: `audio1`")]
    type: Annotated[
        Literal[
            "none", "alsa", "coreaudio", "dbus", "jack", "oss", "pulseaudio", "pipewire", "sdl", "spice", "file"
        ],
        At("@type"),
        Becomes("`driver`"),
    ]  # fmt: skip
    timer_period: Annotated[PositiveCount | None, At("@timerPeriod"), Qemu("timer-period")] = None
    try_mmap: Annotated[YesNo | None, At("@tryMMap"), Qemu("try-mmap")] = None
    exclusive: Annotated[YesNo | None, At("@exclusive"), Qemu("exclusive")] = None
    dsp_policy: Annotated[Count | None, At("@dspPolicy"), Qemu("dsp-policy")] = None
    server_name: Annotated[Line | None, At("@serverName"), Qemu("server")] = None
    path: Annotated[AbsolutePath | None, At("@path"), Qemu("path")] = None
    driver: Annotated[
        Literal["esd", "alsa", "arts", "pulseaudio"] | None,
        At("@driver"),
        Becomes("the variable `SDL_AUDIODRIVER`, as a resource"),
    ] = None
    runtime_dir: Annotated[
        AbsolutePath | None, At("@runtimeDir"), Becomes("the variable `PIPEWIRE_RUNTIME_DIR`, as a resource")
    ] = None
    input: Annotated[AudioStream | None, At("input"), Becomes("`in`")] = None
    output: Annotated[AudioStream | None, At("output"), Becomes("`out`")] = None

    def name_for(self, number: int, target: Target) -> str:
        """The number is the domain's own."""
        return f"audio{self.number}"

    def rules(self) -> Iterator[Broken]:
        """What belongs to which backend."""
        if self.user_alias is not None:
            yield Broken("user_alias", "an audio backend is called by its id, and has no alias")
        for name, backend in _OWN.items():
            if getattr(self, name) is not None and self.type != backend:
                yield Broken(name, f"belongs to type='{backend}' alone")
        for side in ("input", "output"):
            stream: AudioStream | None = getattr(self, side)
            for name in stream.not_of(self.type) if stream is not None else ():
                spelling = (fields_of(AudioStream)[name].path or name)[1:]
                yield Broken(side, f"{spelling} is nothing for type='{self.type}'")

    def beyond_variables(self) -> Iterator[str]:
        """The fields that a QEMU without ``-audiodev`` cannot be told in its environment."""
        if self.type not in _BY_VARIABLE:
            yield "type"
        for name in ("timer_period", "try_mmap", "exclusive", "dsp_policy", "input", "output"):
            if getattr(self, name) is not None:
                yield name

    def variables(self) -> Iterator[tuple[str, str]]:
        """What a QEMU without ``-audiodev`` is told in its environment, as libvirt did then
        (7.0, ``qemuBuildAudioCommandLineEnv``)."""
        yield "QEMU_AUDIO_DRV", _BY_VARIABLE.get(self.type, self.type)
        for field, name in _VARIABLES.items():
            value = getattr(self, field)
            if value is not None:
                yield name, value

    def emit(self, target: Target) -> Iterator[Option]:
        """One ``-audiodev``; a QEMU that has none is told in its environment."""
        if not has_audiodev(target):
            return
        value: dict[str, Value] = {"id": self.id, "driver": self._driver()}
        places: dict[str, Origin] = {"id": self.place("number"), "driver": self.place("type")}
        for name, item, place in self.properties():
            value[name], places[name] = item, place
        for key, side in (("in", "input"), ("out", "output")):
            stream: AudioStream | None = getattr(self, side)
            settings: dict[str, Value] = {} if stream is None else {p.name: p.value for p in stream.properties()}
            if settings:
                value[key], places[key] = settings, self.place(side)
        yield Qapi("-audiodev", "", "driver", value, self.place(), places)

    def _driver(self) -> str:
        """QEMU's driver, with the variables of the environment that it shall read."""
        driver = _DRIVERS.get(self.type, self.type)
        variables = {"SDL_AUDIODRIVER": self.driver, "PIPEWIRE_RUNTIME_DIR": self.runtime_dir}
        needs = [variable(name, text) for name, text in variables.items() if text is not None]
        return Prepared(driver, *needs) if needs else driver
