"""A host as its files say it is: the settings, and the firmware descriptors.  The one edge of this floor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prober.capabilities.plain import read_plain
from prober.capabilities.toml_text import parse_toml
from prober.errors import UsageError
from prober.host.firmware import read_firmware
from prober.host.host import Host
from prober.host.look import read_confidential

#: Read where no file is named, if it is there.
DEFAULT_FILE = Path("/etc/prober/host.toml")

#: No file of settings is larger (bytes).
_MOST = 1 << 20


def starting_at(host: Host, moment: int | None) -> Host:
    """The same host where guests start at this moment (seconds since 1970), with how far its local time is ahead then;
    as it is, where nobody said when."""
    if moment is None:
        return host
    return host.model_copy(update={"starts_at": moment, "utc_offset": time.localtime(moment).tm_gmtoff})


def read_host(file: Path | None = None, *, root: Path = Path("/")) -> Host:
    """The host that a TOML file describes, in the form of :class:`~prober.host.host.Host`, and its firmware.

    Without ``file`` it is :data:`DEFAULT_FILE`, which need not exist.  The firmware is what is installed below
    ``root``, and what guests may keep from their host what its kernel says, unless the file lists them.

    :raise UsageError: where the file cannot be read, or says something that is not understood.
    """
    host = _read_file(file)
    found: dict[str, Any] = {}
    if "firmware" not in host.model_fields_set:
        found["firmware"] = read_firmware(root)
    if "confidential" not in host.model_fields_set:
        found["confidential"] = read_confidential(root)
    return host.model_copy(update=found)


def _read_file(file: Path | None) -> Host:
    try:
        if file is None and not DEFAULT_FILE.exists():
            return Host()
        path = file or DEFAULT_FILE
        data = read_plain(path, _MOST)
        if len(data) > _MOST:
            raise ValueError(f"it is larger than {_MOST} bytes")
        return Host.model_validate(parse_toml(data.decode()))
    except OSError as error:
        raise UsageError(f"cannot read the settings in {file or DEFAULT_FILE}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = f"the settings in {file or DEFAULT_FILE} are wrong: {where}: {first['msg']}"
        raise UsageError(message, hint="docs/settings.md has all of them") from error
    except ValueError as error:
        raise UsageError(f"cannot read the settings in {file or DEFAULT_FILE}: {error}") from error
