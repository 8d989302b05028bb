"""The file of a store: its form, and what is read and written in it.  All of it blocks."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prober.errors import StoreConflictError, StoreError
from prober.fleet.blobs import MOST_KEPT, holds
from prober.fleet.store.protocol import MOST_VALUE, Held

#: How long (seconds) another process may be writing.
_BUSY_S = 5.0

#: After so long (seconds) what SQLite does not wait for is tried again.
_AGAIN_S = 0.01

#: How many changes are read at once.
_AT_ONCE = 1000

#: ``PRAGMA application_id`` and ``user_version``: whose file it is ("PRBF"), and of which form.
_APPLICATION, _FORM = 0x50524246, 1

#: A key that was taken away stays as one without bytes, so that watches hear of it and no revision comes twice.
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORM};
COMMIT;
"""

_ANOTHER = "name another file, or one that is not there yet"

_WRITE = """
INSERT INTO entries SELECT ?, ?, coalesce(max(revision), 0) + 1 FROM entries WHERE true
ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision RETURNING revision
"""


class SqliteFile:
    """One connection to the file, opened at the first use, and anew after an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def put(self, key: str, value: bytes, after: int | None) -> int:
        """As :meth:`~prober.fleet.store.protocol.Store.put`; it is on the disk when this returns."""
        with self._opened() as connection, _transaction(connection):
            row = connection.execute("SELECT revision FROM entries WHERE key = ? AND value != x''", (key,)).fetchone()
            found = int(row[0]) if row else 0
            if after is not None and after != found:
                raise StoreConflictError(f"{key} is at revision {found}, not at {after}")
            return int(connection.execute(_WRITE, (key, value)).fetchone()[0])

    def get(self, key: str) -> Held | None:
        """As :meth:`~prober.fleet.store.protocol.Store.get`."""
        with self._opened() as connection:
            found = connection.execute(
                "SELECT substr(value, 1, ?), revision FROM entries WHERE key = ? AND value != x''",
                (MOST_VALUE + 1, key),
            ).fetchone()
            return Held(key, bytes(found[0]), int(found[1])) if found else None

    def changes(self, kind: str, after: int) -> list[Held]:
        """Some of the keys of this kind that were written after a revision, in their order; no bytes: taken away."""
        with self._opened() as connection:
            found = connection.execute(
                "SELECT key, coalesce(substr(value, 1, ?), x''), revision FROM entries "
                "WHERE revision > ? AND key > ? AND key < ? ORDER BY revision LIMIT ?",
                (MOST_VALUE + 1, after, f"{kind}.", f"{kind}/", _AT_ONCE),
            )
            return [Held(str(key), bytes(value), int(revision)) for key, value, revision in found]

    def blob(self, name: str) -> bytes | None:
        """The blob of this name."""
        with self._opened() as connection:
            found = connection.execute(
                "SELECT data FROM blobs WHERE name = ? AND length(data) <= ?", (name, MOST_KEPT)
            ).fetchone()
        if found is None:
            return None
        if not holds(name, bytes(found[0])):
            raise StoreError(f"{self._path}: the blob of {name} does not hold what it is named after")
        return bytes(found[0])

    def put_blob(self, name: str, data: bytes) -> None:
        """Keep this blob; what is damaged there is mended."""
        with self._opened() as connection, _transaction(connection):
            connection.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (name, data))

    def version(self) -> tuple[int, int]:
        """What is another whenever anybody has written.

        :raise StoreError: where there is another file now.
        """
        with self._opened() as connection:
            if self._path.stat().st_ino != self._inode:
                raise OSError("there is another file now")
            return int(connection.execute("PRAGMA data_version").fetchone()[0]), connection.total_changes

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The connection.  Errors within are told as ours, and the file is opened anew after them."""
        try:
            if self._connection is None:
                self._inode = _made(self._path)
                self._connection = _connected(self._path)
            yield self._connection
        except sqlite3.Error as error:
            self.close()
            raise _as_ours(self._path, error) from error
        except OSError as error:
            self.close()
            raise StoreError(f"{self._path} cannot be used as a store: {error.strerror or error}") from error


def _made(path: Path) -> int:
    """The inode of the file; it is made where it is missing, for its user alone (so are those beside it)."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    there = path.stat()
    if not stat.S_ISREG(there.st_mode):
        raise StoreError(f"{path} is no file", hint="name a file: sqlite:/var/lib/prober/fleet.db")
    if there.st_mode & 0o022:
        raise StoreError(f"others may write to {path}", hint=f"chmod 0600 {path}")
    return there.st_ino


def _connected(path: Path) -> sqlite3.Connection:
    """A connection to a store.  Two that make it of one file at once wait for one another: SQLite itself does not where
    the whole file is asked for (``PRAGMA journal_mode``)."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # At one moment: another process may be making the file into a store just now.
    connection.execute("BEGIN")
    form = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    if (application, form) != (_APPLICATION, _FORM) and (tables or application or form):
        known = application == _APPLICATION
        raise StoreError(
            f"{path} is of form {form}, which this prober does not know" if known else f"{path} is no store of a fleet",
            hint="use the same version everywhere" if known else _ANOTHER,
        )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not application:
        connection.executescript(_TABLES)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


#: What SQLite's errors mean to who asks, by the first word after ``SQLITE_``.
_MEANINGS = {
    "FULL": ("{} is full", "make room on its disk"),
    "BUSY": ("{} is being written by somebody else for too long", "try again"),
    "LOCKED": ("{} is being written by somebody else for too long", "try again"),
    "READONLY": ("{} may not be written", "see the rights of the file and its directory"),
    "PERM": ("{} may not be used", "see the rights of the file and its directory"),
    "CANTOPEN": ("{} cannot be opened", "see the rights of the file and its directory"),
    "NOTADB": ("{} is no store of a fleet", _ANOTHER),
    "CORRUPT": ("{} is damaged", "take it away, and import the hosts again"),
}


def _as_ours(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorname", "").split("_")
    message, hint = _MEANINGS.get(code[1] if len(code) > 1 else "", (f"{{}} cannot be used as a store: {error}", ""))
    return StoreError(message.format(path), hint=hint)
