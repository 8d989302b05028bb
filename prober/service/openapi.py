"""What ``/openapi.json`` says: the rows of the routes, and the models that they name.

Imported by whoever asks for this first: the models of what is translated and checked are a large part of prober.
"""

from __future__ import annotations

from pydantic import BaseModel

import prober
from prober.capabilities import Capabilities, Evidence
from prober.capabilities.entry import Entry
from prober.commandline.report import ArgvReport
from prober.export.domcapabilities import DomainCapabilities
from prober.host.facts import HostFacts
from prober.proof.models import Proof
from prober.proof.watched import WorkStep
from prober.rehearsal.keeping import StateKept
from prober.rehearsal.models import Migration
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.told import MigrationList
from prober.service.answers import CommandList, CommandReply, CpuList, LabelList, MachineList, TypeList, TypeReply
from prober.service.api_examples import example_answers, example_steps
from prober.service.describing import describe_routes
from prober.service.doctor.observed import HostReport
from prober.service.problems import Problem
from prober.service.replies import BinaryList, ChangeList, Health, Readiness
from prober.service.routes import ROUTES
from prober.service.watching import STEPS_TYPE, WATCHED
from prober.translate.plug_models import PlugTranslation
from prober.translate.translation import Translation

#: What is answered as it was written, so that what has a default is always there.
_WRITTEN: tuple[type[BaseModel], ...] = (
    Evidence,
    TypeList,
    TypeReply,
    Health,
    Readiness,
    BinaryList,
    ChangeList,
    Entry,
    MachineList,
    CpuList,
    CommandList,
    CommandReply,
    Capabilities,
    DomainCapabilities,
    LabelList,
    HostReport,
    HostFacts,
)

#: What a client may read with a model of its own.
_READ: tuple[type[BaseModel], ...] = (
    Problem,
    Translation,
    ArgvReport,
    Proof,
    WorkStep,
    PlugTranslation,
    PlugRehearsal,
    Migration,
    MigrationList,
    StateKept,
)

_MEANINGS = {
    400: "A wrong parameter, fact or XML document",
    403: "Who asks is not one of those who may: root, the service's own user, and its `admin_group`",
    404: "No such binary, type or command",
    409: "The entry is a recording, which cannot be started",
    413: "The body is too large",
    415: "The body is declared as something that cannot be read here",
    422: "The domain, or a device, is refused (`refusals` has every reason), or a state file cannot be read",
    503: "It cannot be answered now: the service is not ready, the binary could not be asked, too much is asked at "
    "once, or a QEMU that was to prove a line cannot be confined or gave no verdict; `type` says which",
}


def describe() -> bytes:
    """The description (OpenAPI 3.1), as JSON.  Takes a third of a second."""
    in_steps = {name: (STEPS_TYPE, example_steps(name)) for name in WATCHED}
    return describe_routes(prober.__doc__, ROUTES, _MEANINGS, _WRITTEN, _READ, example_answers(), in_steps)
