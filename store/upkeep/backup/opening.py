"""Opening and making repositories: where they lie, and the keys to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import records
from store.errors import Damaged, NotFound, Refused, TooNew
from store.upkeep.backup import sealing
from store.upkeep.backup.places import LocalPlace, Place, place_of
from store.upkeep.backup.repository import Config, Repository, names_at
from store.upkeep.backup.sealing import Sealer, Unsealable

if TYPE_CHECKING:
    from store.settings import Settings
    from store.store import Store

CONFIG, KEY, SECRET = "config.json", "key.age", "names.age"
FORMAT = "chartkeep.backups"
FORMAT_VERSION = 1


def home_place(store: Store, place: str | None = None) -> Place:
    """The place named, or the one `chartkeep.toml` names, or `.backup` in the store."""
    return place_of(place or store.settings.backup_folder or str(store.layout.backups), store.layout.home)


def open_repository(store: Store, place: str | None = None) -> Repository:
    """The backups of a store, or those in another place, for reading.

    How they are encrypted is what the repository says, whatever `chartkeep.toml` does. Raises
    NotFound where there are none, Refused for a wrong passphrase or key.
    """
    found = home_place(store, place)
    config = read_config(found)
    if config is None:
        raise NotFound(f"There are no backups at {found.url}. `chartkeep backup` makes one.")
    return unlocked(found, config, store.settings, store.layout.home)


def read_config(place: Place) -> Config | None:
    """The configuration of the repository at a place; None where there is none. Raises Damaged, TooNew."""
    where = place.where(CONFIG)
    try:
        value = records.loads(place.read(CONFIG, most=1 << 16))
        if value["format"] != FORMAT:
            raise ValueError("another format")
        if value["format_version"] > FORMAT_VERSION:
            raise TooNew(f"{where} was written by a newer chartkeep. Install the newer version to read it.")
        encryption = value["encryption"]
        if encryption not in ("none", "passphrase", "key"):
            raise ValueError("an unknown encryption")
        return Config(str(value["id"]), encryption, str(value["store"]))
    except NotFound:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(f"{where} is no configuration of a repository of backups ({error}).") from None


def unlocked(place: Place, config: Config, settings: Settings, base: Path) -> Repository:
    """The repository at a place with its keys. Raises Refused where they do not fit, Damaged."""
    if config.encryption == "none":
        return Repository(place, config, Sealer(settings.backup_level))
    if config.encryption == "key":
        identity = sealing.read_identity(sealing.key_file(settings, base))
    else:
        locked = _kept(place, KEY)
        identity = sealing.unlock_identity(locked, sealing.passphrase(settings, base), place.url)
    return Repository(place, config, Sealer(settings.backup_level, _secret(place, identity), identity))


def _secret(place: Place, identity: Any) -> bytes:
    try:
        return sealing.decrypt(_kept(place, SECRET), identity)
    except Unsealable:
        raise Refused(
            f"The key does not open the backups at {place.url}: it is not the one they were made with, or "
            f"{SECRET} there is damaged. Nothing was written."
        ) from None


def _kept(place: Place, name: str) -> bytes:
    try:
        return place.read(name, most=1 << 16)
    except NotFound:
        raise Damaged(
            f"{place.where(name)} is missing, and without it the backups there cannot be opened. Put it back "
            "from another copy of the repository."
        ) from None


def writable_repository(store: Store, place: str | None = None) -> Repository:
    """The repository of a store, made if it is not there, for writing. Call under the repository's lock.

    Raises Refused where `chartkeep.toml` asks for another encryption than it has, where its key does
    not fit, and where it belongs to another store.
    """
    found = home_place(store, place)
    config = read_config(found)
    if config is None:
        return _made(store, found)
    _check_encryption(found, config, store.settings)
    own = str(store.layout.single or store.layout.root)
    inside = isinstance(found, LocalPlace) and found.folder.is_relative_to(store.layout.home)
    if config.store != own and not inside and Path(config.store).exists():
        raise Refused(
            f"The backups at {found.url} belong to the store {config.store}. Name another folder for those of "
            f"{own}: backup.folder in chartkeep.toml. Nothing was written."
        )
    return unlocked(found, config, store.settings, store.layout.home)


def _check_encryption(place: Place, config: Config, settings: Settings) -> None:
    if config.encryption != settings.backup_encrypt:
        has = "not encrypted" if config.encryption == "none" else f"encrypted ({config.encryption})"
        raise Refused(
            f'The backups at {place.url} are {has}, but chartkeep.toml says backup.encrypt = "{settings.backup_encrypt}". '
            f'Set it to "{config.encryption}", or name another folder in backup.folder. Nothing was written.'
        )


def _made(store: Store, place: Place) -> Repository:
    """A new repository; one beside the store's own is a copy of it, so that they can take from each other."""
    if names_at(place):
        raise Damaged(
            f"{place.where(CONFIG)} is missing, though there are backups. Put it back from another copy; nothing "
            "was written."
        )
    own = home_place(store)
    config = read_config(own) if own.url != place.url else None
    if config is not None and config.encryption == store.settings.backup_encrypt:
        clone(own, place, config)
        return unlocked(place, config, store.settings, store.layout.home)
    return create(place, store.settings, store.layout.home, str(store.layout.single or store.layout.root))


def clone(source: Place, target: Place, config: Config) -> None:
    """Make a repository with the id and the keys of another; `config.json` last."""
    kept = {"none": (), "key": (SECRET,), "passphrase": (KEY, SECRET)}[config.encryption]
    for name in kept:
        target.write(name, _kept(source, name))
    target.write(CONFIG, encode_config(config))


def create(place: Place, settings: Settings, base: Path, store: str) -> Repository:
    """Make an empty repository at a place, as the settings say; `config.json`, which makes it one, last."""
    from secrets import token_bytes, token_hex

    encryption: Any = settings.backup_encrypt
    config = Config(token_hex(8), encryption, store)
    sealer = Sealer(settings.backup_level)
    if encryption != "none":
        if encryption == "key":
            identity = sealing.read_identity(sealing.key_file(settings, base))
        else:
            identity = sealing.new_identity()
            place.write(KEY, sealing.lock_identity(identity, sealing.passphrase(settings, base)))
        secret = token_bytes(sealing.SECRET)
        sealer = Sealer(settings.backup_level, secret, identity)
        place.write(SECRET, sealing.encrypt(secret, identity.to_public()))
    place.write(CONFIG, encode_config(config))
    return Repository(place, config, sealer)


def encode_config(config: Config) -> bytes:
    """`config.json`."""
    plain = {"format": FORMAT, "format_version": FORMAT_VERSION, **config._asdict()}
    return records.dumps(plain) + b"\n"
