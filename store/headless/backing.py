"""The subcommands backup and backups: take, list, read back, try out and remove backups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import ChartkeepError, Damaged, Refused, UsageError
from store.headless import dates, shapes
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.model import Finding
    from store.store import Store
    from store.upkeep.backup import Backup, Kind


def backup(space: Namespace, out: Output) -> int:
    """Take a backup, or verify, prune, drill, or make a key file."""
    from store import open_store

    _check_words(space)
    if space.action == "key":
        return _key(space, out)
    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        return _ACTIONS[space.action](store, space, out)


def backups(space: Namespace, out: Output) -> int:
    """List the backups, newest first."""
    from store import open_store
    from store.upkeep.backup import open_repository

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        repository = open_repository(store, space.place)
        found, wrong = repository.backups(), repository.findings()
    rows = [
        (
            one.id,
            one.at[:16].replace("T", " "),
            one.kind,
            _size(one.bytes),
            f"+{_size(one.stored)}",
            f"on {one.parent}" if one.parent else "",
            _state(one),
        )
        for one in found
    ]
    out.table(rows, right=(3, 4))
    if not found:
        out.say(f"There are no backups in {safe(repository.place.url)}.")
    for finding in wrong:
        _tell(finding, out)
    out.result(
        {
            "place": repository.place.url,
            "encryption": repository.config.encryption,
            "backups": [_plain(one) for one in found],
            "findings": [shapes.finding(item) for item in wrong],
        }
    )
    return Damaged.exit_code if wrong else 0


def _check_words(space: Namespace) -> None:
    """Refuse options that the action has no use for: they would be taken for done."""
    action = space.action
    if (space.full or space.differential) and action != "now":
        raise UsageError(f"--full and --differential say what to back up; `backup {action}` takes neither.")
    if space.dry_run and action != "prune":
        raise UsageError("--dry-run is for `backup prune`.")
    if space.all and action != "verify":
        raise UsageError("--all is for `backup verify`.")
    if space.id and action not in ("verify", "drill", "key"):
        raise UsageError(f"`backup {action}` takes no id.")
    if space.id and space.all:
        raise UsageError("Name one backup, or --all; not both.")


def _now(store: Store, space: Namespace, out: Output) -> int:
    from store.upkeep.backup.taking import take, told

    kind: Kind | None = "full" if space.full else "differential" if space.differential else None
    made = take(store, kind, space.place)
    sign = out.style("✓", "green")
    out.say(
        f"{sign} {made.kind.capitalize()} backup {made.id}: {dates.plural(made.files, 'file')}, "
        f"{_size(made.bytes)}, {_size(made.stored)} of it new, in {made.seconds:.1f} s"
    )
    wrong = told(made)
    for finding in wrong:
        _tell(finding, out)
    out.result({**_plain(made), "findings": [shapes.finding(item) for item in wrong]})
    if made.damaged:
        return Damaged.exit_code
    return ChartkeepError.exit_code if made.problems else 0


def _verify(store: Store, space: Namespace, out: Output) -> int:
    from store.upkeep.backup.checking import verify

    found = verify(store, space.id, space.all, space.place)
    for finding in found:
        _tell(finding, out)
    if not found:
        out.say(f"{out.style('✓', 'green')} Every chunk was read back and is what was written.")
    out.result({"ok": not found, "findings": [shapes.finding(item) for item in found]})
    return Damaged.exit_code if found else 0


def _prune(store: Store, space: Namespace, out: Output) -> int:
    from store.upkeep.backup.keeping import prunings

    done = prunings(store, space.dry_run, space.place)
    for one in done:
        verb = "would go" if space.dry_run else "removed"
        for gone in one.removed:
            out.say(f"  {gone.id}  {gone.at[:16].replace('T', ' ')}  {gone.kind}")
        what = f"{dates.plural(len(one.removed), 'backup')} {verb}, {_size(one.freed)} freed, {one.kept} kept"
        out.say(f"{safe(one.place)}: {safe(one.why) or what}")
    out.result(
        {
            "dry_run": bool(space.dry_run),
            "places": [
                {
                    "place": one.place,
                    "removed": [_plain(gone) for gone in one.removed],
                    "kept": one.kept,
                    "objects": one.objects,
                    "freed": one.freed,
                    "problem": one.why,
                }
                for one in done
            ],
        }
    )
    return ChartkeepError.exit_code if any(one.why for one in done) else 0


def _drill(store: Store, space: Namespace, out: Output) -> int:
    from store.upkeep.backup.drilling import drill

    passed = drill(store, space.id, space.place)
    out.say(f"{out.style('✓', 'green')} The {passed.kind} backup {passed.id} restores to a sound store.")
    out.result(_plain(passed))
    return 0


def _key(space: Namespace, out: Output) -> int:
    """Make a key file where the argument, or the setting, says; one that is there stays."""
    from store.upkeep.backup import keys

    if space.read_only:
        raise Refused("A key file cannot be made with --read-only.")
    path, recipient = keys.make(space.store, Path(space.id).expanduser() if space.id else None)
    out.say(f"{out.style('✓', 'green')} A new key is in {safe(str(path))} (recipient {recipient})")
    out.say("  Keep a copy of it somewhere else: without it no backup can be opened, by anybody.")
    out.say(f'  In chartkeep.toml: [backup] encrypt = "key", key_file = "{safe(str(path))}"')
    out.result({"key_file": str(path), "recipient": recipient})
    return 0


_ACTIONS = {"now": _now, "verify": _verify, "prune": _prune, "drill": _drill}


def _state(one: Backup) -> str:
    if one.damaged:
        return "holds damage"
    if one.failed:
        return "bad"
    return f"restored in a drill {one.drilled[:10]}" if one.drilled else ""


def _plain(one: Backup) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": one.at,
        "kind": one.kind,
        "parent": one.parent,
        "bytes": one.bytes,
        "stored": one.stored,
        "files": one.files,
        "seconds": one.seconds,
        "damaged": list(one.damaged),
        "drilled": one.drilled,
        "failed": one.failed,
    }


def _tell(finding: Finding, out: Output) -> None:
    out.say(f"{out.style(finding.severity, 'red', 'bold')} {finding.code} {safe(str(finding))}")


def _size(count: int) -> str:
    """Bytes in words: 1.2 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
