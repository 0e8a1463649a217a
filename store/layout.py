"""Where things are: which store is meant, and the path of every file in it.

Purely names and paths; nothing here writes. The folder layout is the one README shows
under "Files on disk".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from store.errors import NotFound, UsageError
from store.model import ARCHIVE, DEFAULT
from store.syscalls import failure

STORE_NAME = ".coaia"
ARCHIVE_FILE = "completed-charts.jsonl"
DEFAULT_FILE = "charts.jsonl"
FAMILIES = ("charts", "knowledge", "activity", "experience")
"""Families of collections: each has a journal of its own in a context, so that one never holds up another."""
FOUNDING = ("charts", "knowledge")
"""The families that make a context of a folder: the others are logs about it."""

_CHART_FILE = re.compile(r"charts-(?P<name>.+)\.jsonl")
_NAME = re.compile(r"[^\W_](?:[\w.\- ]{0,62}[\w])?")
_RESERVED = {DEFAULT, ARCHIVE}


def user_store() -> Path:
    """The store used where no other is found: in the user data directory."""
    import platformdirs

    return Path(platformdirs.user_data_dir("chartkeep", appauthor=False)) / STORE_NAME


def demo_store() -> Path:
    """Where the built-in demo store is made."""
    return user_store().parent / "demo" / STORE_NAME


def find_store(path: str | os.PathLike[str] | None = None) -> Path:
    """The store, or single chart file, that is meant.

    `path` if given, else `CHARTKEEP_STORE`, else the nearest `.coaia` at or above the working
    directory, else the user's own. A folder that holds a `.coaia` stands for it. The result
    need not exist yet.
    """
    named = path or os.environ.get("CHARTKEEP_STORE")
    if named:
        given = Path(named).expanduser().absolute()
        inner = given / STORE_NAME
        if given.name != STORE_NAME and inner.is_dir():
            return inner
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / STORE_NAME).is_dir():
            return folder / STORE_NAME
    return user_store()


def check_context_name(name: str) -> str:
    """`name` if a new context can have it; UsageError says what it may hold otherwise."""
    if (
        name in _RESERVED
        or not _NAME.fullmatch(name)
        or name.startswith("charts-")
        or name.endswith(".jsonl")
    ):
        raise UsageError(
            f"“{name}” cannot name a context: letters, digits, spaces, . _ and - only, beginning and ending "
            f"with a letter or digit, not beginning with charts-, and not {' or '.join(sorted(_RESERVED))}."
        )
    return name


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one store.

    `root` holds the chart files; `home` holds what chartkeep keeps beside them (journals, index,
    quarantine), which is the same folder unless one chart file of any name, `single`, was opened
    by its path. `shadow` is set for a store that is only read: the index lies there then, and the
    journals of chart files that have none.
    """

    root: Path
    home: Path
    single: Path | None = None
    shadow: Path | None = None

    @classmethod
    def of(cls, path: Path) -> Layout:
        """The layout of the store at `path`: a folder, or one chart file."""
        if path.is_file() or path.suffix == ".jsonl":
            folder = path.parent
            if folder.name == STORE_NAME or (folder / ".journal").is_dir():
                return cls(folder, folder)
            home = folder / f".{path.name}.chartkeep"
            return cls(folder, home, path)
        return cls(path, path)

    @property
    def journals(self) -> Path:
        return self.home / ".journal"

    @property
    def index(self) -> Path:
        return (self.shadow or self.home) / ".index" / "chartkeep.sqlite"

    @property
    def knowledge_index(self) -> Path:
        """The index of the knowledge journals: a file of its own, so that a bulk load holds up nobody's charts."""
        return self.index.with_name("knowledge.sqlite")

    @property
    def workflows(self) -> Path:
        """Where the staged items of workflows lie, each in a folder by its id."""
        return self.home / ".workflows"

    @property
    def vectors(self) -> Path:
        """Where embeddings lie, by context and model."""
        return self.home / ".vectors"

    @property
    def recovery(self) -> Path:
        return (self.shadow or self.home) / ".recovery"

    @property
    def backups(self) -> Path:
        """Where backups lie unless `chartkeep.toml` says otherwise."""
        return self.home / ".backup"

    @property
    def retired(self) -> Path:
        """Where archived contexts lie, whole."""
        return self.home / ".archived"

    @property
    def settings(self) -> Path:
        return self.root / "chartkeep.toml"

    def journal_dir(self, context: str) -> Path:
        own = self.journals / context
        return self.shadow / ".journal" / context if self.shadowed(context) and self.shadow else own

    def journal(self, context: str, family: str = "charts") -> Path:
        folder = self.journal_dir(context) if family == "charts" else self.journals / context
        return folder / f"{family}.jsonl"

    def lost(self, context: str, family: str = "charts") -> bool:
        """True where the context's journal is gone though something was committed to it."""
        journal = self.journal(context, family)
        return not journal.exists() and journal.with_suffix(".witness").exists()

    def families(self) -> list[tuple[str, str]]:
        """(context, family) of every journal there is, contexts in no order."""
        found = []
        for context in _listing(self.journals):
            folder = self.journals / context
            if context.startswith(".") or not folder.is_dir():
                continue
            for name in sorted(_listing(folder)):
                family = name.removesuffix(".jsonl")
                if family in FAMILIES and name != family:
                    found.append((context, family))
        return found

    def shadowed(self, context: str) -> bool:
        """True where the context's journal is a copy of our own, made to read a store we may not write."""
        return self.shadow is not None and not _has_charts(self.journals / context)

    def chart_file(self, context: str) -> Path:
        """The chart file other tools read and write for this context."""
        if self.single is not None and context == context_of_file(self.single.name, single=True):
            return self.single
        if context == DEFAULT:
            return self.root / DEFAULT_FILE
        if context == ARCHIVE:
            return self.root / ARCHIVE_FILE
        if context.startswith("charts-"):
            return self.root / f"{context}.jsonl"
        return self.root / f"charts-{context}.jsonl"

    def contexts(self) -> list[str]:
        """Names of all contexts: those with a chart file and those with a journal of charts or knowledge.

        The default one comes first, the archive last.
        """
        names: set[str] = set()
        if self.single is not None:
            names.add(context_of_file(self.single.name, single=True) or DEFAULT)
        else:
            names.update(
                name for entry in _listing(self.root) if (name := context_of_file(entry)) is not None
            )
        names.update(
            entry
            for entry in _listing(self.journals)
            if not entry.startswith(".") and any(_is_file(self.journal(entry, family)) for family in FOUNDING)
        )
        return sorted(names, key=lambda name: (name == ARCHIVE, name != DEFAULT, name.casefold(), name))

    def relative(self, path: Path) -> str:
        """`path` as messages show it: relative to the store where it lies in it."""
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)


def context_of_file(name: str, *, single: bool = False) -> str | None:
    """The context whose chart file is called `name`; None for a file that is none of ours.

    `*.sync-conflict-*` copies made by file synchronisers are not contexts. With `single`, any
    name is a chart file and the context is called by its stem.
    """
    if name == DEFAULT_FILE:
        return DEFAULT
    if name == ARCHIVE_FILE:
        return ARCHIVE
    if ".sync-conflict-" in name:
        return None
    if match := _CHART_FILE.fullmatch(name):
        inner = match["name"]
        return f"charts-{inner}" if inner in _RESERVED or inner.startswith("charts-") else inner
    if single:
        return name.removesuffix(".jsonl").lstrip(".") or DEFAULT
    return None


def _has_charts(folder: Path) -> bool:
    """True for a context's journal folder, but for one that holds other families only, such as metrics."""
    if not folder.is_dir():
        return False
    others = tuple(f"{family}." for family in FAMILIES if family != "charts")
    names = _listing(folder)
    return not names or any(not name.startswith(others) and name != "archive" for name in names)


def _is_file(path: Path) -> bool:
    """True for a file, and for one in a folder that may not be looked into: using it says so."""
    try:
        return path.is_file()
    except PermissionError:
        return True


def _listing(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise failure(error, "read", folder) from error
    except NotADirectoryError as error:
        raise NotFound(
            f"{folder} is not a folder. Name a store folder or a chart file with --store."
        ) from error
