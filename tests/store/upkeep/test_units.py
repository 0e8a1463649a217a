"""The systemd units: what they allow, and paths that systemd would otherwise misread."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from store import init_store, open_store
from store.errors import UsageError
from store.headless.args import parse
from store.headless.maintaining import maintain
from store.headless.output import Output
from store.store import Store
from store.upkeep.maintenance import units

ODD = 'a b %h $HOME "q" \\x'


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A store whose path means a lot to systemd."""
    return init_store(tmp_path / ODD)


def test_the_service_notifies_is_restarted_and_may_write_to_the_store_only(store: Store) -> None:
    text = units.texts(store)[units.SERVICE]
    lines = text.splitlines()
    for line in ("Type=notify", "Restart=on-failure", "ProtectSystem=strict", "NoNewPrivileges=yes",
                 "PrivateTmp=yes", "Nice=10", "IOSchedulingClass=idle",
                 f'ReadWritePaths="{store.root}"'):  # fmt: skip
        assert line in lines
    command = next(line for line in lines if line.startswith("ExecStart="))
    assert command.endswith(f'"--store" "{store.root}" maintain')


def test_the_timer_catches_up_each_hour(store: Store) -> None:
    made = units.texts(store)
    assert "OnCalendar=hourly" in made[units.TIMER]
    assert "Persistent=true" in made[units.TIMER]
    assert "maintain --once" in made[units.ONCE]
    assert "SuccessExitStatus=5" in made[units.ONCE]


def test_folders_of_backups_may_be_written_too(store: Store, tmp_path: Path) -> None:
    (store.root / "chartkeep.toml").write_text(
        f'[backup]\nfolder = "{tmp_path}/safe"\noffsite = ["s3://b/c", "file://{tmp_path}/far", "near"]\n'
    )
    store.reload_settings()
    assert units.writable(store) == [store.root, tmp_path / "safe", tmp_path / "far"]


def test_blanks_percents_dollars_and_quotes_are_taken_as_they_are(odd: Path) -> None:
    with open_store(odd) as store:
        text = units.texts(store)[units.SERVICE]
    assert 'a b %%h $$HOME \\"q\\" \\\\x/.coaia" maintain' in text
    assert 'ReadWritePaths="' in text
    assert "Description=chartkeep upkeep of" in text
    assert "%h" not in text.replace("%%", "")


def test_a_path_over_two_lines_is_refused() -> None:
    with pytest.raises(UsageError, match="control characters"):
        units.quoted("/a\nExecStartPre=/bin/evil")


def test_a_single_chart_file_is_named_and_its_folder_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "memory.jsonl").write_text("")
    with open_store(tmp_path / "memory.jsonl") as store:
        text = units.texts(store)[units.SERVICE]
    assert f'"--store" "{tmp_path}/memory.jsonl"' in text
    assert f'ReadWritePaths="{tmp_path}"\n' in text


def test_the_subcommand_writes_them(odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = parse(["--store", str(odd), "maintain", "--units", str(tmp_path / "units")])
    assert maintain(space, Output()) == 0
    assert sorted(os.listdir(tmp_path / "units")) == sorted((units.SERVICE, units.ONCE, units.TIMER))
    assert units.SERVICE in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_them(odd: Path, tmp_path: Path) -> None:
    with open_store(odd) as store:
        files = units.write(store, tmp_path / "units")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
