"""What is known of a sentence, and what was found of it in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from prober.why.template import Template


class Speaker(Enum):
    """Who says a sentence."""

    qemu = "QEMU"
    libvirt = "libvirt"
    helper = "a helper"
    prober = "prober"


@dataclass(frozen=True, slots=True)
class Case:
    """What a sentence is about where a hole of it has such a value; ``pattern`` matches its beginning."""

    hole: str
    pattern: re.Pattern[str]
    option: str
    element: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that is said, in whatever words of the years.

    ``name`` is its name for good, ``says`` the sentences.  ``option`` is the option that they are about, for those
    that QEMU does not write it before, ``element`` the domain's XML.  ``of`` are the options that QEMU has to have
    written before the sentence; empty: any, or none.  ``fact`` is a fact's name (:mod:`prober.capabilities.facts`)
    that tells which QEMUs are concerned; all of these texts may have holes of the sentence.  A ``weak`` one
    tells only that something failed: it counts where nothing else is said.
    """

    name: str
    speaker: Speaker
    says: tuple[Template, ...]
    option: str
    element: str
    means: str
    do: str
    of: tuple[str, ...] = ()
    fact: str = ""
    weak: bool = False
    #: Words that others use too: it counts only where the text says who speaks, or says no more than this.
    loose: bool = False
    #: The first that fits says what it is about, in the place of ``option`` and ``element``.
    cases: tuple[Case, ...] = ()
    #: What of the sentence QEMU's program has in it as one text, where that is not the sentence.
    text: tuple[str, ...] | None = None
    #: Recorded versions of QEMU whose program has the sentence; None: it was not looked for.
    said_by: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of a text.

    ``line`` counts from 1, ``count`` is how often it is there, word for word.  ``written`` is the option
    that QEMU wrote before it, as it was given, ``flag`` its name.  ``option``, ``element``, ``means``, ``do`` and
    ``fact`` have the words of the sentence in their holes; ``fact`` is empty where one of them is not told.
    """

    message: str
    line: int
    meaning: Meaning
    option: str
    element: str
    means: str
    do: str
    written: str = ""
    flag: str = ""
    fact: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line that complains of something, and that nothing is known of."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Account:
    """What is said in a text, in its order; ``left_off`` counts what would have been more of ``unknown``."""

    said: tuple[Said, ...]
    unknown: tuple[Unknown, ...]
    left_off: int = 0
