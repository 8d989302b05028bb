"""What prober is as a library, for type checkers: the names of ``__init__.py``, which imports them when asked."""

from prober.capabilities import Capabilities as Capabilities
from prober.capabilities import Evidence as Evidence
from prober.capabilities import Verdict as Verdict
from prober.capabilities.diff import diff as diff
from prober.capabilities.difference import Difference as Difference
from prober.commandline.refusal import Note as Note
from prober.commandline.refusal import Refusal as Refusal
from prober.commandline.report import ArgvFinding as ArgvFinding
from prober.commandline.report import ArgvReport as ArgvReport
from prober.commandline.report import check_argv as check_argv
from prober.domain.domain import Domain as Domain
from prober.errors import ProberError as ProberError
from prober.errors import RefusedError as RefusedError
from prober.errors import ServiceError as ServiceError
from prober.errors import UnreadableDomainError as UnreadableDomainError
from prober.errors import UsageError as UsageError
from prober.host.host import Host as Host
from prober.proof.models import Proof as Proof
from prober.proof.once import prove_once as prove_once
from prober.proof.subject import LineRequest as LineRequest
from prober.proof.subject import LineSubject as LineSubject
from prober.qemu.bundled import bundled_names as bundled_names
from prober.qemu.decoding import load_bundled as load_bundled
from prober.qemu.decoding import load_recording as load_recording
from prober.qemu.interview import Interview as Interview
from prober.qemu.interview import interview as interview
from prober.qemu.limits import InterviewLimits as InterviewLimits
from prober.qemu.recording import Recording as Recording
from prober.rehearsal.keeping import StateKept as StateKept
from prober.rehearsal.models import Migration as Migration
from prober.rehearsal.plug_models import PlugRehearsal as PlugRehearsal
from prober.rehearsal.told import MigrationList as MigrationList
from prober.service.asking.awaited import AsyncServiceClient as AsyncServiceClient
from prober.service.asking.client import ServiceClient as ServiceClient
from prober.service.asking.questions import Asking as Asking
from prober.service.asking.questions import ChangesLost as ChangesLost
from prober.service.asking.rehearsals import Rehearsing as Rehearsing
from prober.translate.pipeline import translate as translate_domain
from prober.translate.plug_models import PlugTranslation as PlugTranslation
from prober.translate.read import read_domain as read_domain
from prober.translate.translation import Translation as Translation
from prober.translate.uses import compare_for as compare_for
from prober.translate.wishes import Wishes as Wishes
from prober.xml.document import XmlLimits as XmlLimits

__version__: str
_PUBLIC: dict[str, str]

__all__ = [
    "ArgvFinding",
    "ArgvReport",
    "Asking",
    "AsyncServiceClient",
    "Capabilities",
    "ChangesLost",
    "Difference",
    "Domain",
    "Evidence",
    "Host",
    "Interview",
    "InterviewLimits",
    "LineRequest",
    "LineSubject",
    "Migration",
    "MigrationList",
    "Note",
    "PlugRehearsal",
    "PlugTranslation",
    "ProberError",
    "Proof",
    "Recording",
    "Refusal",
    "RefusedError",
    "Rehearsing",
    "ServiceClient",
    "ServiceError",
    "StateKept",
    "Translation",
    "UnreadableDomainError",
    "UsageError",
    "Verdict",
    "Wishes",
    "XmlLimits",
    "__version__",
    "bundled_names",
    "check_argv",
    "compare_for",
    "diff",
    "interview",
    "load_bundled",
    "load_recording",
    "prove_once",
    "read_domain",
    "translate_domain",
]
