"""init, status, sync, verify, export, import, completion, keys, help; exit codes and errors."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import errors
from store.cli import main
from store.headless.args import EXIT_CODES, SUBS, build
from tests.store.cli.conftest import Run

SAMPLES = Path(__file__).parents[2] / "data" / "coaia"


def test_init_leaves_a_store_that_is_there_as_it_is(run: Run, folder: Path, book: str) -> None:
    before = (folder / "charts.jsonl").read_bytes()
    assert run("init", str(folder.parent)).code == 0
    assert (folder / "charts.jsonl").read_bytes() == before


def test_status_and_sync(run: Run, book: str) -> None:
    figures = run("status", "--json").document
    assert figures["store"].endswith(".coaia")
    assert run("status").code == 0
    synced = run("sync", "--json").document
    assert set(synced) == {"absorbed", "transactions", "published"}


def test_sync_takes_in_what_another_program_wrote(run: Run, folder: Path, book: str) -> None:
    path = folder / "charts.jsonl"
    path.write_text(
        path.read_text(encoding="utf-8").replace("Find a printer", "Find two printers"), encoding="utf-8"
    )
    assert run("sync").code == 0
    assert run("show", book, "--json").document["steps"][2]["title"] == "Find two printers"


def test_verify_of_a_sound_store(run: Run, book: str) -> None:
    ran = run("verify", "--json")
    assert ran.code == 0, ran.out
    assert ran.document["ok"] is True


def test_verify_finds_a_flipped_bit(run: Run, folder: Path, book: str) -> None:
    (journal,) = folder.glob(".journal/default/charts.jsonl")
    data = bytearray(journal.read_bytes())
    data[data.index(b"Find a printer")] ^= 1
    journal.write_bytes(bytes(data))
    ran = run("verify", "--json")
    assert ran.code == 8
    assert any(finding["severity"] == "error" and finding["path"] for finding in ran.document["findings"])
    assert "error" in run("verify").out


def test_export_markdown(run: Run, book: str) -> None:
    run("done", f"{book}:1")
    text = run("export", book).out
    assert text.startswith("# A book people finish (2026-12-12)\n")
    assert "- [x] Draft the outline" in text
    assert "> Notes in three folders" in text


def test_export_csv(run: Run, book: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv").out)))
    assert [row["kind"] for row in rows] == ["chart", "step", "step", "step"]
    assert rows[0]["title"] == "A book people finish"


def test_export_jsonl_imports_as_it_was(run: Run, folder: Path, tmp_path: Path, book: str) -> None:
    run("telescope", f"{book}:2")
    target = tmp_path / "out.jsonl"
    assert run("export", "--format", "jsonl", "-o", str(target)).code == 0
    assert run("export", "--format", "jsonl", "-o", str(target)).code == 4
    kinds = [json.loads(line)["type"] for line in target.read_text(encoding="utf-8").splitlines()]
    assert kinds == sorted(kinds)
    assert sorted(target.read_text().splitlines()) == sorted(
        (folder / "charts.jsonl").read_text().splitlines()
    )
    run("init", str(tmp_path / "other"))
    other = tmp_path / "other" / ".coaia"
    assert run("import", str(target), store=other).code == 0
    assert len(run("list", "--json", store=other).document["charts"]) == 2
    assert sorted((other / "charts.jsonl").read_text().splitlines()) == sorted(
        target.read_text().splitlines()
    )


def test_export_of_one_chart_leaves_others_out(run: Run, book: str) -> None:
    run("add", "Another")
    lines = [json.loads(line) for line in run("export", book, "--format", "jsonl").out.splitlines()]
    assert "Another" not in json.dumps(lines)
    assert {line["type"] for line in lines} == {"entity", "relation"}


def test_real_files(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "spiral"
    store.mkdir()
    for file in (SAMPLES / "spiral").iterdir():
        (store / file.name).write_bytes(file.read_bytes())
    listed = run("list", "--json", store=store).document["charts"]
    assert {chart["context"] for chart in listed} == {"default", "learning", "personal", "work"}
    for chart in listed:
        assert run("show", chart["id"], "--context", chart["context"], store=store).code == 0


def test_import_of_what_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("import", str(tmp_path / "none.jsonl")).code == 3


def test_what_was_committed_before_a_failure_is_told_and_published(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.md").write_text("# Outcome one\n- [ ] A step\n", encoding="utf-8")
    ran = run("import", str(tmp_path / "one.md"), str(tmp_path / "none.md"))
    assert ran.code == 3
    assert "Import" in ran.out
    assert "Outcome one" in (folder / "charts.jsonl").read_text(encoding="utf-8")


def test_no_store(run: Run, tmp_path: Path) -> None:
    ran = run("list", store=tmp_path / "nowhere")
    assert ran.code == 3
    assert "chartkeep init" in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert all(name in ran.out for name in SUBS)


def test_keys_are_a_markdown_table(run: Run) -> None:
    ran = run("keys")
    assert "| keys | what happens | headless |" in ran.out
    assert "`add`" in ran.out


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"    {name}" in text for name in SUBS)
    for code, meaning in EXIT_CODES:
        assert f"{code:>3}  {meaning}" in text
    for name in SUBS:
        assert main([name, "--help"]) == 0
        assert f"usage: chartkeep {name}" in capsys.readouterr().out


def test_help_on_a_subject(run: Run) -> None:
    assert "130  stopped" in run("help", "exit-codes").out
    assert "CHART `{context, id, title" in run("help", "json").out
    assert run("help", "show").out.startswith("usage: chartkeep show")
    assert run("help", "nonsense").code == 2


def test_every_error_has_a_documented_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert {kind.exit_code for kind in kinds} <= {code for code, _ in EXIT_CODES}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["show"],
        ["list", "--sort", "colour"],
        ["--store"],
        ["list", "--limit", "many"],
        ["undo", "--steps", "0"],
    ],
)
def test_what_is_not_understood(run: Run, words: list[str]) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert ran.err.startswith("chartkeep: ")
    assert "Traceback" not in ran.err


def test_a_mistyped_command_is_answered_with_its_neighbours(run: Run) -> None:
    assert "Did you mean" in run("serch", "x").err


def test_errors_as_json(run: Run) -> None:
    ran = run("show", "nothing", "--json")
    assert ran.code == 3
    assert json.loads(ran.err)["error"]["kind"] == "NotFound"
    assert ran.out == ""


def test_global_options_stand_before_or_after_the_command(run: Run, book: str) -> None:
    assert run("--json", "list").document == run("list", "--json").document
    space = build().parse_args(["--context", "a", "list", "--context", "b"])
    assert space.context == "b"


def test_an_unreadable_file_is_an_error_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/some/where")

    monkeypatch.setattr("store.headless.reading.list_charts", fails)
    ran = run("list")
    assert (ran.code, ran.err) == (7, "chartkeep: /some/where: Permission denied\n")


def test_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("store.headless.reading.list_charts", stopped)
    assert run("list").code == 130


def python(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *words], capture_output=True, text=True, env=environment, check=False, **options
    )


def test_a_reader_that_goes_away_is_no_error(folder: Path, book: str) -> None:
    command = f"{sys.executable} -m store.cli --store {folder} list --json | true; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    ran = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    assert (ran.stdout, ran.stderr) == ("0\n", "")


def test_headless_commands_load_nothing_of_the_screens(folder: Path, book: str) -> None:
    heavy = (
        "{'textual', 'rich', 'sqlmodel', 'sqlalchemy', 'pydantic', 'numpy', 'plotext', 'watchfiles', 'shtab'}"
    )
    program = (
        "import sys, io, contextlib\n"
        "from store.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    codes = [main(['--store', sys.argv[1], *words.split()]) for words in sys.argv[2:]]\n"
        f"print(codes, sorted({heavy} & set(sys.modules)))\n"
    )
    commands = [
        "--help",
        "list",
        f"show {book}",
        "search book",
        "add Another",
        "done Another",
        "undo",
        "verify",
        "status",
    ]
    ran = python("-c", program, str(folder), *commands)
    assert ran.stdout == f"{[0] * len(commands)} []\n", ran.stderr


def test_help_loads_no_store() -> None:
    program = (
        "import sys\nfrom store.cli import main\nmain(['--help'])\n"
        "heavy = {'store.store', 'store.index', 'store.journal', 'sqlite3', 'orjson'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert python("-c", program).stdout.endswith("\n[]\n")
