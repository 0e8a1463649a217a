"""Making a key file for encrypted backups: an age identity that only its owner may read."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable, layout, settings
from store.errors import Refused, StorageError
from store.upkeep.backup import sealing

if TYPE_CHECKING:
    from store.layout import Layout

NAME = "backup.key"


def make(store: str | os.PathLike[str] | None = None, path: Path | None = None) -> tuple[Path, str]:
    """A new key file and its recipient: at `path`, or where `backup.key_file` of the store says.

    Raises Refused where there is a file already: it may be the only key to some backups.
    """
    if path is None:
        path = _meant(layout.Layout.of(layout.find_store(store)))
    path = path.absolute()
    identity = sealing.new_identity()
    text = f"# chartkeep backup key\n# public key: {identity.to_public()}\n{identity}\n"
    durable.make_dirs(path.parent)
    try:
        durable.write_private(path, text.encode())
    except StorageError as error:
        if error.errno != errno.EEXIST:
            raise
        raise Refused(
            f"{path} exists already, and it may be the only key to some backups: it stays as it is. Name another file."
        ) from None
    return path, str(identity.to_public())


def _meant(found: Layout) -> Path:
    """Where the settings of a store say that its key is; else in the user's data folder, outside the store."""
    named = settings.load(found.settings).backup_key_file
    if named:
        return found.home / Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("chartkeep", appauthor=False)) / NAME
