"""Proofs that were made, on disk: one SQLite file, the least recently used go first.

Only *proven* (whole or in part) and *refused* are kept: that a host could not prove a line is of that moment.  A proof
is found by what it depends on alone (:func:`key_of`), so one that no longer holds is never found.  SQLite notices
damage to its own pages but not to what is in them, so a digest stands before each proof.  The store is never needed:
whatever the disk does, finding gives a proof or None, and keeping never raises.  A directory that is not ours alone
(:mod:`prober.capabilities.private`) is not used.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pydantic import ValidationError

import prober
from prober.capabilities.private import require_private
from prober.errors import ServiceError
from prober.proof.models import Proof, ProofVerdict

log = logging.getLogger(__name__)

#: How many proofs are kept, and the longest (characters).
MOST = 10_000
MOST_TEXT = 1 << 20

#: Seconds to wait for another process that writes.
_PATIENCE_S = 2.0

#: How long (seconds) after a fault of the disk it is not tried again.
_REST_S = 60.0

#: Characters of the digest.
_DIGEST = 32

#: The moment of a use: they are counted, as a clock may be set.
_NOW = "(SELECT coalesce(max(used), 0) + 1 FROM proofs)"

_KEPT = (ProofVerdict.proven, ProofVerdict.in_part, ProofVerdict.refused)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS proofs (key BLOB PRIMARY KEY, used REAL NOT NULL, proof TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used ON proofs (used);
"""


@cache
def rules_version() -> str:
    """This program's version, and a digest of the code that checks, stands in and judges."""
    digest = blake2b(digest_size=6)
    for package in ("proof", "commandline", "qemu"):
        for source in sorted((Path(prober.__file__).parent / package).rglob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return f"{prober.__version__}+{digest.hexdigest()}"


def key_of(depends_on: str, started: Iterable[Iterable[str]], accelerators: Iterable[str], *more: str) -> bytes:
    """What a proof is found by.

    ``depends_on`` is the fingerprint of the binary, ``started`` are the words of each option that it is started with,
    in which the secrets of the line are replaced already; ``accelerators`` are those that are tried, ``more`` is what
    else the answer depends on.
    """
    parts = [depends_on, [_canonical([*words]) for words in started], [*accelerators], rules_version(), [*more]]
    return blake2b(json.dumps(parts).encode(errors="surrogatepass"), digest_size=32).digest()


def _canonical(words: list[str]) -> list[str]:
    """JSON without its spaces; the order of its keys counts, as QEMU may go by it."""
    if len(words) == 2 and words[1].startswith("{"):
        with suppress(ValueError, RecursionError):
            return [words[0], json.dumps(json.loads(words[1]), separators=(",", ":"))]
    return words


#: How the file refuses: a damaged one also by an error whose words are the damage itself (no UTF-8), or by asking for
#: more memory than there is.
_REFUSED = (sqlite3.Error, UnicodeDecodeError, MemoryError, OSError, ServiceError)


class ProofStore:
    """The store in one directory; for any thread, and for several processes at once.  Must be closed."""

    def __init__(self, directory: Path, *, most: int = MOST) -> None:
        self.path = directory / "proofs.sqlite"
        self._most = most
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._try_again_at = float("-inf")
        self._said = ""

    def find(self, key: bytes) -> Proof | None:
        """The proof of this key, which is the most recently used now; None where there is none.  Blocks."""
        with self._lock:
            try:
                database = self._open()
                row = database.execute("SELECT proof FROM proofs WHERE key = ?", (key,)).fetchone()
                if row is None:
                    return None
                text = _text_of(row[0], key)
                with database:
                    if text is None:
                        database.execute("DELETE FROM proofs WHERE key = ?", (key,))
                        return None
                    database.execute(f"UPDATE proofs SET used = {_NOW} WHERE key = ?", (key,))  # noqa: S608 - ours
                return Proof.model_validate_json(text).model_copy(update={"remembered": True})
            except (*_REFUSED, ValidationError) as error:
                self._give_up(error)
                return None

    def keep(self, key: bytes, proof: Proof) -> None:
        """Keep a proof, where it is of those that are kept.  Blocks; never raises."""
        if proof.verdict not in _KEPT or proof.ground != "proven":
            return
        text = proof.model_dump_json()
        if len(text) > MOST_TEXT:
            return
        with self._lock:
            try:
                database = self._open()
                with database:
                    told = f"{_digest(key, text)}{text}"
                    database.execute(f"INSERT OR REPLACE INTO proofs VALUES (?, {_NOW}, ?)", (key, told))  # noqa: S608 - ours
                    (count,) = database.execute("SELECT count(*) FROM proofs").fetchone()
                    if count > self._most:
                        database.execute(
                            "DELETE FROM proofs WHERE key IN (SELECT key FROM proofs ORDER BY used LIMIT ?)",
                            (count - self._most,),
                        )
            except _REFUSED as error:
                self._give_up(error)

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _open(self) -> sqlite3.Connection:
        if time.monotonic() < self._try_again_at:
            raise sqlite3.OperationalError("it could not be used before")
        if self._database is None:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            require_private(self.path.parent)
            self._database = self._connect()
        return self._database

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except _REFUSED as error:
            if not _is_damage(error):
                raise
            # No database any more: proofs can be made again.
            self._begin_anew(error)
            return self._prepared()

    def _begin_anew(self, error: Exception) -> None:
        log.warning("the proofs in %s are damaged, and are begun anew: %s", self.path, error)
        for name in ("", "-wal", "-shm"):
            self.path.with_name(f"{self.path.name}{name}").unlink(missing_ok=True)

    def _prepared(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_PATIENCE_S, check_same_thread=False)
        try:
            with closing(database.cursor()) as cursor:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = NORMAL")
                cursor.executescript(_SCHEMA)
            self.path.chmod(0o600)
        except BaseException:
            database.close()
            raise
        return database

    def _give_up(self, error: Exception) -> None:
        """One line for each fault: a disk that will not have it is no reason to say so with each question."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if time.monotonic() < self._try_again_at:
            return
        if _is_damage(error):
            try:
                self._begin_anew(error)
                return
            except OSError as refused:
                error = refused
        if str(error) != self._said:
            log.warning("proofs are not remembered in %s: %s", self.path, error)
        self._said, self._try_again_at = str(error), time.monotonic() + _REST_S


def _is_damage(error: Exception) -> bool:
    """Whether the file is no database any more, and not only out of reach for now."""
    if isinstance(error, sqlite3.OperationalError):
        return False
    return isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError)


def _digest(key: bytes, text: str) -> str:
    return blake2b(key + text.encode(errors="surrogatepass"), digest_size=_DIGEST // 2).hexdigest()


def _text_of(told: object, key: bytes) -> str | None:
    """The proof behind its digest, as JSON; None where it is not what was kept for this key."""
    if not isinstance(told, str) or told[:_DIGEST] != _digest(key, text := told[_DIGEST:]):
        return None
    return text
