"""What a host brings along to a translation: the settings of libvirt's daemon, and the firmware that is installed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class Settings(BaseModel):
    """What shapes a command line beside the domain: libvirt's ``qemu.conf``, by its own names and with its defaults.

    ``state_directory`` holds a directory for each running domain, with what is made for it.
    """

    model_config = _CONFIG

    state_directory: str = "/var/lib/libvirt/qemu"
    #: Whether a domain's sound may go to the host's devices, where nobody said where it goes to.
    vnc_allow_host_audio: bool = False
    nographics_allow_host_audio: bool = False


class Host(BaseModel):
    """One host, as far as command lines show it.  Read once, at the edge; translating looks at nothing else."""

    model_config = _CONFIG

    settings: Settings = Settings()
