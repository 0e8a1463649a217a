"""The backups there are: take one, read one back, try one, go back to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from store import clock
from store.model import Finding
from store.upkeep.health.thresholds import size
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean
from tui.widgets.listing import Item, Listing

if TYPE_CHECKING:
    from store.store import Store
    from store.upkeep.backup import Backup
    from store.upkeep.recovery.restoring import Restored


class BackupsScreen(ListDialog[None]):
    """Backups, newest first; the one under the cursor in full below."""

    TITLE_TEXT = "Backups"
    KEYS_TEXT = "b back up now   v verify   d drill   r restore the store   p prune   q closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "take", "Back up now"),
        Binding("v", "verify", "Verify"),
        Binding("d", "drill", "Try a restore"),
        Binding("r,enter", "restore", "Restore"),
        Binding("p", "prune", "Prune"),
    ]

    def __init__(self) -> None:
        super().__init__(empty=("", "  No backups yet. b makes the first one."))
        self._backups: dict[str, Backup] = {}

    def body(self) -> Sequence[Widget]:
        return (self.list, Static("", id="dialog-detail", markup=False))

    def start(self) -> None:
        """Ask which there are."""
        store = self.desk.store

        def read() -> list[Backup]:
            from store.upkeep.backup import open_repository

            return open_repository(store).backups()

        def none(error: Exception) -> bool:
            from store.errors import NotFound

            self._show([])
            return isinstance(error, NotFound)

        self.desk.bridge.read.ask(read, self._show, name="backups", otherwise=none)

    def _show(self, found: Sequence[Backup]) -> None:
        if not self.is_attached:
            return
        self._backups = {backup.id: backup for backup in found}
        self.list.show([_item(backup) for backup in found])
        self._detail()

    @property
    def backup(self) -> Backup | None:
        """The one under the cursor."""
        item = self.chosen
        return self._backups.get(str(item.key)) if item is not None else None

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Show the whole of another one."""
        message.stop()
        self._detail()

    def _detail(self) -> None:
        backup = self.backup
        if backup is None:
            return
        lines = [
            f"{backup.kind} backup {backup.id}, {_when(backup.at)}",
            f"{backup.files:,} files, {size(backup.bytes)}; {size(backup.stored)} of them new here",
            "stands on no other" if backup.parent is None else f"stands on {backup.parent}",
            f"a restore was tried {_when(backup.drilled)}"
            if backup.drilled
            else "no restore of it was tried yet",
        ]
        self.query_one("#dialog-detail", Static).update("\n".join(map(clean, lines)))

    # -- what can be done ------------------------------------------------------------------------------

    def _work(self, saying: str, work: Callable[[], str]) -> None:
        """Do something long beside everything else; it shows in workflow status, and its outcome here."""

        def done(said: str) -> None:
            self.desk.say(said, whole=True)
            if self.is_attached:
                self.start()

        self.desk.say(saying)
        self.desk.bridge.work.ask(work, done)

    def action_take(self) -> None:
        """Back up what changed."""
        if self._writable():
            store = self.desk.store
            self._work("Backing up…", lambda: taken(store))

    def action_verify(self) -> None:
        """Read the backup back."""
        backup, store = self.backup, self.desk.store
        if backup is None:
            return

        def work() -> str:
            from store.upkeep.backup.checking import verify

            return _told(backup, verify(store, backup.id))

        self._work("Reading the backup back…", work)

    def action_drill(self) -> None:
        """Restore the backup into a temporary folder and check it there."""
        backup, store = self.backup, self.desk.store
        if backup is None:
            return

        def work() -> str:
            from store.upkeep.backup.drilling import drill

            drill(store, backup.id)
            return f"The backup of {_when(backup.at)} can be restored."

        self._work("Trying a restore…", work)

    def action_prune(self) -> None:
        """Remove what the rules of retention do not keep, after saying what."""
        if not self._writable():
            return
        store = self.desk.store

        def ask(gone: list[Backup]) -> None:
            if not gone:
                self.desk.say("Every backup is one that the rules keep.")
                return
            oldest = min(backup.at for backup in gone)
            question = (
                f"Remove {len(gone)} backups that the rules do not keep, the oldest of {_when(oldest)}?"
            )
            self.app.push_screen(ConfirmScreen(question, "remove them"), go)

        def go(yes: bool | None) -> None:
            if yes:
                self._work("Pruning…", lambda: f"{len(_prune(False))} backups removed.")

        def _prune(dry_run: bool) -> list[Backup]:
            from store.upkeep.backup.keeping import prune

            return prune(store, dry_run=dry_run)

        self.desk.bridge.work.ask(lambda: _prune(True), ask)

    def action_choose(self) -> None:
        self.action_restore()

    def action_restore(self) -> None:
        """Put the whole store in the state of the backup, after saying what that means."""
        backup = self.backup
        if backup is None or not self._writable():
            return
        question = (
            f"Go back to the {backup.kind} backup of {_when(backup.at)}? What was changed since is not in it. The "
            "store as it is now is kept whole in .recovery."
        )
        self.app.push_screen(ConfirmScreen(question, "restore it"), self._restore)

    def _restore(self, yes: bool | None) -> None:
        backup, store = self.backup, self.desk.store
        if not yes or backup is None:
            return

        def work() -> Restored:
            from store.upkeep.backup import open_repository
            from store.upkeep.recovery.restoring import restore_store

            return restore_store(store, open_repository(store), backup)

        def done(restored: Restored) -> None:
            self.desk.main.reload()
            kept = f" What was there before is in {restored.replaced}." if restored.replaced else ""
            self.desk.say(f"The store is as it was {_when(backup.at)}.{kept}", whole=True)
            if self.is_attached:
                self.dismiss(None)

        self.desk.say("Restoring…")
        self.desk.bridge.write.ask(work, done)

    def _writable(self) -> bool:
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
        return not self.desk.readonly


def taken(store: Store) -> str:
    """Take a backup; what came of it, in words."""
    from store.upkeep.backup.taking import take

    backup = take(store)
    return f"Backed up: {backup.files:,} files, {size(backup.stored)} new ({backup.kind})."


def _item(backup: Backup) -> Item:
    drilled = "restore tried" if backup.drilled else ""
    return Item(
        backup.id,
        f"{backup.kind:<13}{size(backup.bytes):>9}   {size(backup.stored)} new",
        drilled,
        "done" if backup.drilled else "",
        lead=_when(backup.at),
    )


def _when(at: str | None) -> str:
    instant = clock.try_parse(at) if at else None
    return f"{instant.astimezone():%d %b %Y %H:%M}" if instant is not None else "?"


def _told(backup: Backup, findings: list[Finding]) -> str:
    wrong = [item for item in findings if item.severity == "error"]
    if not wrong:
        return f"The backup of {_when(backup.at)} was read back: every byte is right."
    return f"The backup of {_when(backup.at)} is damaged: {wrong[0]}"
