"""batch and workflows: submitted, run, listed, stopped and taken back from the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from store import open_store, workflows
from store.cli import main
from tests.batches import analogy, batch, file_of, state


@pytest.fixture
def call(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command on the store; (exit code, output, remarks)."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["--store", str(folder), *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_batch_with_rejects_ends_well_and_says_so(call: Any, folder: Path, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1), b"torn", analogy(2)])
    code, out, _ = call("batch", "import", str(path), "--id", "w")
    assert code == 0
    assert "completed, 1 rejected" in out
    assert "chartkeep workflows rejects w" in out
    code, out, _ = call("workflows", "rejects", "w")
    assert code == 0
    assert out.startswith("line 2: ")
    with open_store(folder) as store:
        assert len(state(store)) == 2


def test_json_is_a_document_a_line_with_progress(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(n) for n in range(30)])
    code, out, _ = call("--json", "batch", "import", str(path), "--id", "w")
    found = documents(out)
    assert code == 0
    assert all(list(one) == ["progress"] for one in found[:-1])
    assert found[-1]["workflow"]["written"] == 30
    code, out, _ = call("--json", "workflows", "list")
    assert [one["id"] for one in json.loads(out)["workflows"]] == ["w"]
    code, out, _ = call("--json", "workflows", "show", "w")
    assert [step["state"] for step in json.loads(out)["steps"]] == ["pending", "processing", "completed"]


def test_a_failed_one_ends_with_1(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1), b"torn"])
    code, out, _ = call("batch", "import", str(path), "--atomic")
    assert code == 1
    assert "nothing was written" in out


def test_standard_input(call: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = orjson.dumps(analogy(1)) + b"\n" + orjson.dumps(analogy(2))

    class In:
        """Standard input."""

        buffer = io.BytesIO(data)

    monkeypatch.setattr("sys.stdin", In)
    code, _, _ = call("batch", "import", "-")
    assert code == 0
    with open_store(folder) as store:
        assert len(state(store)) == 2


def test_a_dry_run_writes_nothing(call: Any, folder: Path, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1), b"torn"])
    code, out, _ = call("batch", "import", str(path), "--dry-run")
    assert code == 0
    assert "1 new" in out
    assert "1 rejected" in out
    assert not (folder / ".journal" / "default" / "knowledge.jsonl").exists()


def test_later_is_only_submitted_and_run_runs_what_waits(call: Any, folder: Path, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1)])
    code, out, _ = call("batch", "import", str(path), "--id", "w", "--later")
    assert (code, "maintain" in out) == (0, True)
    with open_store(folder) as store:
        assert workflows.get(store, "w").state == "pending"
    assert call("workflows", "run")[0] == 0
    with open_store(folder) as store:
        assert workflows.get(store, "w").state == "completed"
    assert "No workflow waits" in call("workflows", "run")[1]


def test_ctrl_c_pauses_and_says_how_to_go_on(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.workflows import staging

    real = staging.chunks

    def stopped(*words: Any) -> Any:
        yield next(real(*words))
        raise KeyboardInterrupt

    path = file_of(tmp_path, [analogy(n) for n in range(2500)])
    with monkeypatch.context() as patch:
        patch.setattr(staging, "chunks", stopped)
        code, _, told = call("batch", "import", str(path), "--id", "w")
    assert code == 130
    assert "chartkeep workflows resume w" in told
    assert "paused" in call("workflows", "list")[1]
    code, out, _ = call("workflows", "resume", "w")
    assert code == 0
    assert "2,500 written" in out


def test_a_rollback_needs_a_yes_and_says_what_it_does(call: Any, folder: Path, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(n) for n in range(5)])
    call("batch", "import", str(path), "--id", "w")
    code, out, _ = call("workflows", "rollback", "w", "--dry-run")
    assert code == 0
    assert "5 records deleted" in out
    code, _, told = call("workflows", "rollback", "w")
    assert code == 4
    assert "--yes" in told
    code, out, _ = call("workflows", "rollback", "w", "--yes")
    assert (code, "rolled back" in out) == (0, True)
    with open_store(folder) as store:
        assert state(store) == {}


def test_deleting_by_criteria_asks_with_a_count(call: Any, folder: Path) -> None:
    with open_store(folder) as store:
        batch(store, [analogy(n) for n in range(10)], "w")
    code, _, told = call("batch", "delete")
    assert code == 4
    assert "criterion" in told
    code, _, told = call("batch", "delete", "--below", "0.05")
    assert code == 4
    assert "5 records" in told
    code, _, _ = call("batch", "delete", "--below", "0.05", "--yes", "--id", "gone")
    assert code == 0
    with open_store(folder) as store:
        assert len(state(store)) == 5
    call("workflows", "rollback", "gone", "--yes")
    with open_store(folder) as store:
        assert len(state(store)) == 10


def test_what_others_point_to_is_deleted_only_by_force(call: Any, folder: Path) -> None:
    with open_store(folder) as store:
        made = {"type": "cluster", "id": "c", "name": "c", "members": [{"key": "analogy:a1"}]}
        batch(store, [analogy(n) for n in range(3)], "w")
        batch(store, [json.dumps(made).encode()], "c")
    code, out, _ = call("batch", "delete", "--kind", "analogy", "--dry-run")
    assert code == 0
    assert "2 deleted" in out
    assert "1 rejected" in out
    code, out, told = call("batch", "delete", "--kind", "analogy")
    assert "1 record would stay" in out
    assert "analogy:a1 is to be deleted, and cluster:c would point at nothing" in out
    assert "Delete 2 records" in told
    assert "1 rejected" in call("batch", "delete", "--kind", "analogy", "--yes")[1]
    code, out, _ = call("batch", "delete", "--kind", "analogy", "--yes")
    assert "None that meets these criteria may go" in out
    assert call("batch", "delete", "--kind", "analogy", "--yes", "--force")[0] == 0
    with open_store(folder) as store:
        assert list(state(store)) == ["cluster:c"]
    assert call("batch", "embed", "--force")[0] == 2


def test_what_is_not_understood_is_told(call: Any, tmp_path: Path) -> None:
    assert call("batch", "import")[0] == 2
    assert call("batch", "import", str(tmp_path / "none.jsonl"))[0] == 3
    assert call("workflows", "show", "none")[0] == 3
    assert call("workflows", "pause")[0] == 2
    assert call("batch", "import", "x", "--kind", "nonsense")[0] == 2
    path = file_of(tmp_path, [analogy(1)])
    assert call("batch", "import", str(path), "--id", "w")[0] == 0
    assert call("batch", "import", str(path), "--id", "w")[0] == 4
    assert call("--read-only", "batch", "import", str(path))[0] == 6


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1)])
    for name in ("autumn-1", "autumn-2", "spring"):
        call("batch", "import", str(path), "--id", name)
    assert call("workflows", "show", "spr")[0] == 0
    code, _, told = call("workflows", "show", "autumn")
    assert code == 2
    assert "autumn-1" in told


def test_old_ones_are_cleaned_away_when_asked(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1)])
    call("batch", "import", str(path), "--id", "w")
    assert "would be removed" in call("workflows", "clean", "--days", "0", "--dry-run")[1]
    assert call("workflows", "clean", "--days", "0")[0] == 4
    assert call("workflows", "clean", "--days", "0", "--yes")[0] == 0
    assert "No workflows" in call("workflows")[1]


def test_rejects_are_tried_again_from_the_command_line(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1), b"torn"])
    call("batch", "import", str(path), "--id", "w")
    code, out, _ = call("workflows", "retry", "w")
    assert code == 0
    assert "w-retry-1" in out


def test_watching_ends_when_it_has_ended(call: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, [analogy(1)])
    call("batch", "import", str(path), "--id", "w")
    code, out, _ = call("workflows", "watch", "w")
    assert (code, "completed" in out) == (0, True)
    assert "No workflow runs" in call("workflows", "watch")[1]
