"""All that somebody who answers knows of a QEMU, for what is worked out here."""

from __future__ import annotations

from pydantic import ValidationError

from prober.capabilities.capabilities import Capabilities
from prober.cli.answerer import Answerer
from prober.cli.local import Local
from prober.errors import ServiceError
from prober.service.routes import CAPABILITIES


def capabilities_of(answerer: Answerer) -> Capabilities:
    """The capabilities.

    :raise ServiceError: where a service gives them in another form.
    """
    if isinstance(answerer, Local):
        return answerer.capabilities
    try:
        return Capabilities.model_validate(answerer.tell(CAPABILITIES))
    except ValidationError as error:
        raise ServiceError(
            "the service's capabilities have another form than this command knows",
            hint="are both of one version of prober?",
        ) from error
