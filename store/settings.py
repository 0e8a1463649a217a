"""Settings in `chartkeep.toml`: each one typed, bounded and explained in one table.

A setting that cannot be used never stops the program: the default is taken and `problems`
says in one line what is wrong, in which file and line, and what may stand there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from store.upkeep.rules import Rule, parse_rule

Value = bool | int | float | str | tuple[str, ...]


_SECTIONED = ("upkeep", "backup", "workflows", "vectors")
"""Sections whose name is part of the attribute."""


class Field(NamedTuple):
    """What one setting may be."""

    name: str
    """Section and key as they stand in the file: `ui.theme`."""
    kind: type[Value]
    help: str
    choices: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def attribute(self) -> str:
        """Name of the member of `Settings` that holds it: most carry their section."""
        section, _, key = self.name.partition(".")
        return f"{section}_{key}" if section in _SECTIONED else key

    @property
    def expects(self) -> str:
        """What may stand there, in words."""
        if self.choices:
            return "one of " + ", ".join(_shown(choice) for choice in self.choices)
        word = _KINDS[self.kind]
        if self.low is not None and self.high is not None:
            word += f" from {self.low:g} to {self.high:g}"
        return word


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list of texts",
}

FIELDS = (
    Field(
        "charts.due_soon_days", int, "Days before its due date that a chart counts as due soon.", (), 0, 365
    ),
    Field(
        "charts.stalled_days",
        int,
        "Days without a change after which a chart counts as stalled.",
        (),
        1,
        3650,
    ),
    Field("store.publish_delay", float, "Seconds to wait for more edits before publishing.", (), 0, 60),
    Field("store.lock_timeout", float, "Seconds to wait for another program's lock.", (), 0.1, 600),
    Field("store.watch", str, "How changes by others are noticed.", ("auto", "events", "poll", "off")),
    Field("store.poll_seconds", float, "Seconds between looks where file events do not work.", (), 0.05, 60),
    Field("upkeep.in_ui", bool, "Whether the UI does the upkeep where no `chartkeep maintain` does it."),
    Field("upkeep.sample_minutes", float, "Minutes between samples of the health figures.", (), 0.1, 1440),
    Field("upkeep.verify_hours", float, "Hours in which everything is verified once.", (), 0.1, 8760),
    Field(
        "upkeep.compact_share", float, "Share of superseded bytes from which compaction pays.", (), 0.05, 1
    ),
    Field("upkeep.compact_megabytes", float, "Journals smaller than this are never compacted.", (), 0, 1e6),
    Field("upkeep.cold_days", int, "Days after which an archived generation is compressed.", (), 0, 36500),
    Field("backup.enabled", bool, "Whether backups are taken on a schedule."),
    Field("backup.folder", str, "Where backups lie; empty for .backup in the store."),
    Field(
        "backup.offsite", tuple, "Places that get a copy: folders, or fsspec URLs such as s3:// and sftp://."
    ),
    Field("backup.encrypt", str, "Encryption at rest.", ("none", "passphrase", "key")),
    Field("backup.passphrase_file", str, "File with the passphrase; else CHARTKEEP_PASSPHRASE."),
    Field("backup.key_file", str, "File with an age identity, made by `chartkeep backup key`."),
    Field("backup.level", int, "Compression of backups, as zstd counts it.", (), 1, 19),
    Field("backup.incremental_minutes", float, "Minutes between incremental backups.", (), 1, 1e6),
    Field("backup.differential_days", float, "Days between differential backups.", (), 0.01, 3650),
    Field("backup.full_days", float, "Days between full backups.", (), 0.01, 3650),
    Field("backup.drill_days", float, "Days between restore drills.", (), 0.01, 3650),
    Field("backup.keep_hourly", int, "Hourly backups kept.", (), 1, 100000),
    Field("backup.keep_daily", int, "Daily backups kept.", (), 0, 100000),
    Field("backup.keep_weekly", int, "Weekly backups kept.", (), 0, 100000),
    Field("backup.keep_monthly", int, "Monthly backups kept.", (), 0, 100000),
    Field("backup.keep_yearly", int, "Yearly backups kept.", (), 0, 100000),
    Field("workflows.workers", int, "Workflows that run at once; others wait.", (), 1, 64),
    Field("workflows.batch", int, "Items in one transaction of a workflow.", (), 1, 100000),
    Field("workflows.atomic_most", int, "Items of an all-or-nothing batch at most.", (), 1, 5000000),
    Field(
        "workflows.line_megabytes", float, "Lines of a batch longer than this are rejected.", (), 0.001, 1024
    ),
    Field(
        "workflows.stale_seconds",
        float,
        "Seconds without a heartbeat after which one counts as interrupted.",
        (),
        2,
        86400,
    ),
    Field("workflows.keep_days", float, "Days that staged items of ended workflows are kept.", (), 0, 36500),
    Field(
        "vectors.model",
        str,
        "Embedder: lexical, a plug-in, or path:/folder of a local sentence-embedding model.",
    ),
    Field("vectors.form", str, "How vectors are kept.", ("float32", "float16", "int8")),
    Field("vectors.dimension", int, "Dimension of lexical vectors.", (), 16, 8192),
    Field(
        "vectors.approximate_from",
        int,
        "Vectors from which the approximate index is used, if it is installed.",
        (),
        1000,
        1e9,
    ),
    Field("ui.theme", str, "Colours.", ("auto", "dark", "light", "ansi-dark", "ansi-light")),
    Field("ui.mouse", bool, "Whether the mouse works in the UI."),
    Field("ui.lean", str, "Fewest bytes to the terminal: auto does so over SSH.", ("auto", "on", "off")),
    Field("ui.follow_delay", float, "Seconds the chart waits while a key is held.", (), 0, 2),
    Field("ui.message_seconds", float, "Seconds a message stays on the screen.", (), 1, 60),
    Field("ui.hide_done", bool, "Whether completed charts are left out at first."),
    Field("ui.sort", str, "Order of the charts.", ("file", "updated", "due", "title", "created")),
    Field("ui.editor", str, "Editor for long text; empty takes $VISUAL or $EDITOR."),
)
"""Every setting but the keys, in the order the documentation shows them."""

_BY_NAME = {row.name: row for row in FIELDS}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force, with what was wrong in the file that gave them."""

    due_soon_days: int = 7
    stalled_days: int = 14
    publish_delay: float = 0.3
    lock_timeout: float = 10.0
    watch: str = "auto"
    poll_seconds: float = 1.0
    upkeep_in_ui: bool = True
    upkeep_sample_minutes: float = 5.0
    upkeep_verify_hours: float = 24.0
    upkeep_compact_share: float = 0.5
    upkeep_compact_megabytes: float = 8.0
    upkeep_cold_days: int = 30
    backup_enabled: bool = True
    backup_folder: str = ""
    backup_offsite: tuple[str, ...] = ()
    backup_encrypt: str = "none"
    backup_passphrase_file: str = ""
    backup_key_file: str = ""
    backup_level: int = 3
    backup_incremental_minutes: float = 60.0
    backup_differential_days: float = 1.0
    backup_full_days: float = 7.0
    backup_drill_days: float = 7.0
    backup_keep_hourly: int = 48
    backup_keep_daily: int = 30
    backup_keep_weekly: int = 12
    backup_keep_monthly: int = 12
    backup_keep_yearly: int = 7
    workflows_workers: int = 2
    workflows_batch: int = 1000
    workflows_atomic_most: int = 200_000
    workflows_line_megabytes: float = 8.0
    workflows_stale_seconds: float = 30.0
    workflows_keep_days: float = 90.0
    vectors_model: str = "lexical"
    vectors_form: str = "int8"
    vectors_dimension: int = 1024
    vectors_approximate_from: int = 200_000
    theme: str = "auto"
    mouse: bool = True
    lean: str = "auto"
    follow_delay: float = 0.12
    message_seconds: float = 5.0
    hide_done: bool = False
    sort: str = "file"
    editor: str = ""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Own keys by command id; an empty tuple takes a command's keys away."""
    retention: dict[str, Rule] = field(default_factory=dict)
    """Rules by collection; a collection without one keeps everything."""
    problems: tuple[str, ...] = ()


def load(path: Path) -> Settings:
    """The settings of the file at `path`; the defaults where there is no such file.

    Never raises: what cannot be read or used is named in `problems`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return Settings(problems=(f"{path}: cannot be read ({reason}); the defaults are used.",))
    return parse(text, str(path))


def parse(text: str, where: str) -> Settings:
    """The settings a TOML text gives; `where` names the file in messages."""
    import tomllib

    try:
        given = list(_entries(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        return Settings(problems=(f"{where}: not TOML, {error}; the defaults are used.",))
    except (ValueError, RecursionError):
        return Settings(
            problems=(f"{where}: a number is too long, or values nest too deeply; the defaults are used.",)
        )
    values: dict[str, Any] = {}
    problems: list[str] = []
    for section, key, value in given:
        name = f"{section}.{key}" if section else key
        line = f"{where}, line {_line_of(text, section, key)}"
        if section == "keys":
            _take_keys(values, problems, key, value, line)
        elif section == "retention":
            _take_rule(values, problems, key, value, line)
        elif name not in _BY_NAME:
            problems.append(f"{line}: there is no setting “{name}”; it is ignored.")
        elif (taken := _checked(_BY_NAME[name], value)) is None:
            problems.append(
                f"{line}: {name} must be {_BY_NAME[name].expects}, not {_shown(value)}; "
                f"{_shown(_default(_BY_NAME[name]))} is used."
            )
        else:
            values[_BY_NAME[name].attribute] = taken
    return replace(Settings(), **values, problems=tuple(problems))


def document() -> str:
    """A `chartkeep.toml` that sets every setting to its default, each with its explanation."""
    lines: list[str] = []
    section = ""
    for row in FIELDS:
        own, _, key = row.name.partition(".")
        if own != section:
            lines += [""] if lines else []
            lines.append(f"[{own}]")
            section = own
        lines.append(f"{key} = {_shown(_default(row))}  # {row.help} {row.expects.capitalize()}.")
    lines += [
        "",
        "[retention]",
        '# metrics = "warm 30d, cold 90d, delete 2y"  # by collection; all is kept at first',
    ]
    return "\n".join([*lines, "", "[keys]", '# "step.add" = ["a", "insert"]', ""])


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for section, body in document.items():
        if not isinstance(body, dict):
            yield "", section, body
            continue
        for key, value in body.items():
            yield from _flattened(section, key, value)


def _flattened(section: str, key: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Entries below a key: `step.add = "a"` without quotes makes a table in a table."""
    if isinstance(value, dict):
        for inner, below in value.items():
            yield from _flattened(section, f"{key}.{inner}", below)
    else:
        yield section, key, value


def _take_keys(values: dict[str, Any], problems: list[str], key: str, value: Any, line: str) -> None:
    from store.catalog import BY_ID

    given = [value] if isinstance(value, str) else value
    if key not in BY_ID:
        problems.append(f"{line}: there is no command “{key}” to give keys to; it is ignored.")
    elif not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        problems.append(
            f"{line}: keys are a text or a list of texts, not {_shown(value)}; the usual keys stay."
        )
    else:
        values.setdefault("keys", {})[key] = tuple(one for one in given if one.strip())


def _take_rule(values: dict[str, Any], problems: list[str], key: str, value: Any, line: str) -> None:
    try:
        rule = parse_rule(value)
    except ValueError as error:
        problems.append(f"{line}: {error}; everything of “{key}” is kept.")
    else:
        values.setdefault("retention", {})[key] = rule


def _checked(row: Field, value: Any) -> Value | None:
    """`value` as the setting's type, or None where it cannot be that."""
    if row.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e300 else math.inf
    if row.name == "ui.lean" and isinstance(value, bool):
        value = "on" if value else "off"
    if row.kind is tuple:
        given = [value] if isinstance(value, str) else value
        texts = isinstance(given, list) and all(isinstance(one, str) for one in given)
        return tuple(one for one in given if one.strip()) if texts else None
    if type(value) is not row.kind or (row.choices and value not in row.choices):
        return None
    if isinstance(value, int | float) and row.low is not None and row.high is not None:
        return value if row.low <= value <= row.high else None
    checked: Value = value
    return checked


def _default(row: Field) -> Value:
    for member in fields(Settings):
        if member.name == row.attribute:
            value: Value = member.default  # type: ignore[assignment]
            return value
    raise KeyError(row.name)


def _line_of(text: str, section: str, key: str) -> int:
    """Line, from 1, on which a setting stands; that of its section where it is not found alone."""
    current = ""
    found = 1
    last = re.escape(key.rpartition(".")[2])
    wanted = re.compile(rf"""\s*["']?(?:{re.escape(key)}|(?:.*\.)?{last})["']?\s*=""")
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header[1]
            found = number if current.partition(".")[0] == section else found
        elif current.partition(".")[0] == section and wanted.match(line):
            return number
    return found


def _shown(value: Any) -> str:
    """A value as TOML writes it, for messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
