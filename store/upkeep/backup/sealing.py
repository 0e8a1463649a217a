"""Chunks on their way to a repository and back: compressed by zstd, encrypted by age, named by hash.

Encryption is age's, through pyrage, and nothing else: every object is encrypted to one X25519
recipient, that of the repository. Its identity is either a key file of the person's, or lies in the
repository itself as `key.age`, encrypted with a passphrase (age's scrypt). An object's name is the
SHA-256 of its plain bytes; in an encrypted repository HMAC-SHA-256 under a random secret, which lies
there encrypted as `names.age`, so that names tell nothing of what is in them. (SHA-256 runs at
twice the speed of blake2b on processors that have instructions for it.)
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from store.errors import ChartkeepError, Refused
from store.syscalls import guard

if TYPE_CHECKING:
    from store.settings import Settings

Encryption = Literal["none", "passphrase", "key"]
SECRET = 32
"""Bytes of the secret that names are made with."""
SLACK = 4096
"""Bytes that compression and encryption add at most to a chunk that cannot be compressed, and a 256th."""

_WINDOW = 24


class Unsealable(ValueError):
    """Bytes that are not what was written; the text says why."""


class Sealer:
    """Names, compresses and encrypts the chunks of one repository, and opens them again."""

    def __init__(self, level: int = 3, secret: bytes = b"", identity: Any = None) -> None:
        """`identity` is a pyrage X25519 identity, None without encryption."""
        self.level = level
        self._secret = secret
        self._identity = identity
        self._recipient = identity.to_public() if identity is not None else None

    def name(self, plain: bytes) -> str:
        """What a chunk is called: 64 hex digits that no other content has."""
        if self._secret:
            from hmac import digest

            return digest(self._secret, plain, "sha256").hex()
        return sha256(plain).hexdigest()

    def seal(self, plain: bytes) -> bytes:
        """The bytes to store."""
        import pyzstd

        packed = pyzstd.compress(plain, self.level)
        return encrypt(packed, self._recipient) if self._recipient is not None else packed

    def unseal(self, sealed: bytes, most: int) -> bytes:
        """What was sealed, at most `most` bytes. Raises Unsealable."""
        import pyzstd

        if self._identity is not None:
            sealed = decrypt(sealed, self._identity)
        reader = pyzstd.ZstdDecompressor(None, {pyzstd.DParameter.windowLogMax: _WINDOW})
        try:
            plain = reader.decompress(sealed, max_length=most + 1)
        except pyzstd.ZstdError as error:
            raise Unsealable(f"it cannot be decompressed ({error})") from None
        if len(plain) > most or not reader.eof:
            raise Unsealable("it is cut off, or longer than it can be")
        return plain


def sealed_most(plain: int) -> int:
    """The most bytes that so many plain ones take in a repository."""
    return plain + plain // 256 + SLACK


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise ChartkeepError(
            "Encrypted backups need the package pyrage: pip install 'chartkeep[crypt]'. Nothing was written."
        ) from None
    return pyrage


def encrypt(plain: bytes, recipient: Any) -> bytes:
    """`plain` encrypted to an X25519 recipient."""
    sealed: bytes = _age().encrypt(plain, [recipient])
    return sealed


def decrypt(sealed: bytes, identity: Any) -> bytes:
    """What was encrypted to an identity. Raises Unsealable."""
    age = _age()
    try:
        plain: bytes = age.decrypt(sealed, [identity])
    except age.DecryptError as error:
        raise Unsealable(f"it cannot be decrypted ({error})") from None
    return plain


# -- identities ------------------------------------------------------------------------------------


def new_identity() -> Any:
    """A fresh X25519 identity."""
    return _age().x25519.Identity.generate()


def lock_identity(identity: Any, passphrase: str) -> bytes:
    """The identity encrypted with a passphrase: `key.age`."""
    locked: bytes = _age().passphrase.encrypt(str(identity).encode(), passphrase)
    _opened[_lock(locked, passphrase)] = identity
    return locked


def unlock_identity(locked: bytes, passphrase: str, where: str) -> Any:
    """The identity in `key.age`. Raises Refused for a wrong passphrase.

    Trying a passphrase takes a second or more, as it should; a process does so once for each.
    """
    age, lock = _age(), _lock(locked, passphrase)
    if lock not in _opened:
        try:
            text = age.passphrase.decrypt(locked, passphrase).decode()
        except age.DecryptError:
            raise Refused(
                f"The passphrase does not open the backups at {where}: it is not the one they were made with, or "
                "key.age there is damaged. Nothing was written."
            ) from None
        _opened[lock] = age.x25519.Identity.from_str(text.strip())
    return _opened[lock]


_opened: dict[bytes, Any] = {}
"""Identities this process has unlocked."""


def _lock(locked: bytes, passphrase: str) -> bytes:
    """What stands for a passphrase and what it opens; the passphrase itself is not kept."""
    return sha256(locked + b"\0" + passphrase.encode("utf-8", "surrogateescape")).digest()


def read_identity(path: Path) -> Any:
    """The identity in an age key file. Raises Refused where there is none in it, StorageError."""
    age = _age()
    with guard("read the key file", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            try:
                return age.x25519.Identity.from_str(line.strip())
            except age.IdentityError:
                break
    raise Refused(
        f"{path} holds no age identity (a line that begins with AGE-SECRET-KEY-1). Make one with `chartkeep backup key`."
    )


def key_file(settings: Settings, base: Path) -> Path:
    """The key file meant: `CHARTKEEP_KEY_FILE`, or `backup.key_file`, relative to the store."""
    named = os.environ.get("CHARTKEEP_KEY_FILE") or settings.backup_key_file
    if not named:
        raise Refused(
            "The backups are encrypted with a key file, but none is named: set backup.key_file in chartkeep.toml "
            "or CHARTKEEP_KEY_FILE. `chartkeep backup key` makes one. Nothing was written."
        )
    return base / Path(named).expanduser()


def passphrase(settings: Settings, base: Path) -> str:
    """The passphrase: `CHARTKEEP_PASSPHRASE`, the file that `backup.passphrase_file` names, or asked for.

    Raises Refused where there is none, and no terminal to ask on.
    """
    given = os.environ.get("CHARTKEEP_PASSPHRASE")
    if given:
        return given
    if settings.backup_passphrase_file:
        path = base / Path(settings.backup_passphrase_file).expanduser()
        with guard("read the passphrase file", path):
            given = path.read_text(encoding="utf-8").rstrip("\r\n")
        if given:
            return given
        raise Refused(
            f"{path} is empty: the passphrase of the backups must stand in it. Nothing was written."
        )
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        from getpass import getpass

        given = getpass("Passphrase of the backups: ")
        if given:
            return given
    raise Refused(
        "The backups are encrypted with a passphrase, but none is given: set CHARTKEEP_PASSPHRASE, or "
        "backup.passphrase_file in chartkeep.toml. Nothing was written."
    )
