"""The command palette's entries, made from the command table."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from store.catalog import COMMANDS, Command
from tui import actions

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


class Commands(Provider):
    """Every command of the table that can be called by name."""

    def _offered(self) -> list[Command]:
        desk = cast("ChartkeepApp", self.app)
        return [
            command
            for command in COMMANDS
            if command.palette
            and not (command.writes and desk.readonly)
            and actions.handler(command) is not None
        ]

    def _run(self, command: Command) -> None:
        actions.by_id(cast("ChartkeepApp", self.app).main, command.id)

    def _label(self, command: Command) -> str:
        keys = cast("ChartkeepApp", self.app).keymap.all(command.id)
        return f"{command.help}  ({keys})".replace("[", r"\[") if keys else command.help

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for command in self._offered():
            yield DiscoveryHit(
                command.name, lambda command=command: self._run(command), help=self._label(command)
            )

    async def search(self, query: str) -> Hits:
        """Those whose name fits what was typed."""
        matcher = self.matcher(query)
        for command in self._offered():
            score = matcher.match(command.name)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(command.name),
                    lambda command=command: self._run(command),
                    help=self._label(command),
                )
