"""An SFTP server on the loopback interface that serves one folder: what paramiko leaves to be filled in."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
from paramiko import SFTP_OK, SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface


class _Door(paramiko.ServerInterface):
    """Lets in who knows the password."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == ("ada", "pw") else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def _serving(folder: Path) -> type[SFTPServerInterface]:
    def told(doing: Callable[..., Any]) -> Callable[..., Any]:
        """The errors of the system as those of SFTP."""

        def call(self: Any, *args: Any) -> Any:
            try:
                return doing(self, *args)
            except OSError as error:
                return SFTPServer.convert_errno(error.errno)

        return call

    def real(path: str) -> Path:
        return folder / path.lstrip("/")

    class Files(SFTPServerInterface):
        @told
        def list_folder(self, path: str) -> Any:
            return [
                SFTPAttributes.from_stat(entry.stat(), entry.name) for entry in sorted(real(path).iterdir())
            ]

        @told
        def stat(self, path: str) -> Any:
            return SFTPAttributes.from_stat(real(path).stat())

        lstat = stat

        @told
        def open(self, path: str, flags: int, attr: Any) -> Any:
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR))
            handle = SFTPHandle(flags)
            handle.readfile = handle.writefile = os.fdopen(
                os.open(real(path), flags, 0o644), "wb" if writes else "rb"
            )
            return handle

        @told
        def remove(self, path: str) -> Any:
            real(path).unlink()
            return SFTP_OK

        @told
        def posix_rename(self, oldpath: str, newpath: str) -> Any:
            real(oldpath).replace(real(newpath))
            return SFTP_OK

        @told
        def mkdir(self, path: str, attr: Any) -> Any:
            real(path).mkdir()
            return SFTP_OK

    return Files


class Server:
    """Serves `folder` until closed; `url` is how fsspec reaches it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = paramiko.RSAKey.generate(2048)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._transports: list[paramiko.Transport] = []
        self.url = f"sftp://ada:pw@127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(caller)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", SFTPServer, _serving(self._folder))
            transport.start_server(server=_Door())
            self._transports.append(transport)

    def close(self) -> None:
        """Hang up and let nobody in any more; closing alone does not wake who waits for callers."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for transport in self._transports:
            transport.close()
