"""A host as its files say it is: the settings, and the firmware descriptors.  The one edge of this floor."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from prober.domain.host import Host
from prober.errors import UsageError

#: Read where no file is named, if it is there.
DEFAULT_FILE = Path("/etc/prober/host.toml")

#: No file of settings is larger (bytes).
_MOST = 1 << 20


def read_host(file: Path | None = None) -> Host:
    """The host that a TOML file describes, in the form of :class:`~prober.domain.host.Host`.

    Without ``file`` it is :data:`DEFAULT_FILE`, which need not exist.

    :raise UsageError: where the file cannot be read, or says something that is not understood.
    """
    try:
        if file is None and not DEFAULT_FILE.exists():
            return Host()
        path = file or DEFAULT_FILE
        with path.open("rb") as stream:
            data = stream.read(_MOST + 1)
        if len(data) > _MOST:
            raise ValueError(f"it is larger than {_MOST} bytes")
        return Host.model_validate(tomllib.loads(data.decode()))
    except OSError as error:
        raise UsageError(f"cannot read the settings in {file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = f"the settings in {file or DEFAULT_FILE} are wrong: {where}: {first['msg']}"
        raise UsageError(message, hint="docs/settings.md has all of them") from error
    except ValueError as error:
        raise UsageError(f"cannot read the settings in {file or DEFAULT_FILE}: {error}") from error
