"""Which backups go: by generations, and never what everything hangs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import charts, clock
from store.errors import NotFound
from store.settings import Settings
from store.store import Store
from store.upkeep.backup import Backup, open_repository
from store.upkeep.backup.checking import verify
from store.upkeep.backup.drilling import drill
from store.upkeep.backup.keeping import kept, prune, prunings
from store.upkeep.backup.taking import take
from tests.store.backup.restored import settings, stored
from tests.stores import chart

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def backup(
    seq: int, at: datetime, parent: str | None = None, drilled: bool = False, failed: str = ""
) -> Backup:
    kind = "full" if parent is None else "incremental"
    stamp = clock.stamp(at)
    return Backup(
        f"b{seq}", "", seq, stamp, kind, parent, 0, 0, 0, 0.0, (), stamp if drilled else None, failed
    )


def test_the_default_rules_over_ten_years_of_days() -> None:
    days = [backup(n, NOW - (3650 - n) * DAY) for n in range(3651)]
    keep = kept(days, NOW, Settings())
    ages = sorted(3650 - int(id[1:]) for id in keep)
    assert ages[:48] == list(range(48)), "48 hours that have one are 48 days here"
    assert len([age for age in ages if age >= 48]) == 4 + 11 - 1 + 6 - 1 or len(ages) < 75
    years = {clock.parse(one.at).year for one in days if one.id in keep}
    assert years == set(range(2020, 2027))
    months = {(clock.parse(one.at).year, clock.parse(one.at).month) for one in days if one.id in keep}
    assert {(2025, 12), *((2026, month) for month in range(1, 12))} <= months


def test_hours_days_and_weeks_are_counted_each_for_itself() -> None:
    rules = Settings(
        backup_keep_hourly=2,
        backup_keep_daily=2,
        backup_keep_weekly=1,
        backup_keep_monthly=0,
        backup_keep_yearly=0,
    )
    hours = [backup(n, NOW - timedelta(hours=72 - n)) for n in range(73)]
    assert {int(id[1:]) for id in kept(hours, NOW, rules)} == {72, 71, 59}


@st.composite
def chains(draw: st.DrawFn) -> list[Backup]:
    found: list[Backup] = []
    for seq in range(draw(st.integers(1, 30))):
        age = timedelta(minutes=draw(st.integers(-2000, 600_000)))
        standing = draw(st.sampled_from([None, *range(max(0, seq - 5), seq)]))
        parent = None if standing is None else found[standing].id
        found.append(
            backup(seq, NOW - age, parent, draw(st.booleans()), "bad" if draw(st.booleans()) else "")
        )
    return found


rules = st.builds(
    Settings,
    backup_keep_hourly=st.integers(1, 5),
    backup_keep_daily=st.integers(0, 5),
    backup_keep_weekly=st.integers(0, 5),
    backup_keep_monthly=st.integers(0, 5),
    backup_keep_yearly=st.integers(0, 5),
)


@given(chains(), rules)
def test_what_is_never_let_go(backups: list[Backup], given_rules: Settings) -> None:
    keep = kept(backups, NOW, given_rules)
    by_id = {one.id: one for one in backups}
    assert all(by_id[id].parent in keep for id in keep if by_id[id].parent is not None), "a parent"
    assert backups[-1].id in keep, "the newest"
    good = [one for one in backups if one.good]
    assert not good or good[-1].id in keep, "the newest good one"
    drilled = [one for one in good if one.drilled]
    assert not drilled or drilled[-1].id in keep, "the newest that passed a drill"
    assert all(one.id in keep for one in backups if clock.parse(one.at) > NOW), "one from the future"
    without_bad = kept(good, NOW, given_rules)
    assert without_bad <= keep, "a good one, in favour of a bad one"
    assert kept([by_id[id] for id in sorted(keep, key=lambda id: by_id[id].seq)], NOW, given_rules) == keep


def history(store: Store) -> list[Backup]:
    """A full backup a week, and incrementals after it, for five weeks."""
    name, made = chart(store, "Book"), []
    for day in range(35):
        clock.fix(NOW + day * DAY)
        store.run("default", charts.add_fact, name, f"Day {day}")
        made.append(take(store, "full" if day % 7 == 0 else "incremental"))
    return made


def test_pruning_frees_what_only_pruned_backups_held(store: Store) -> None:
    settings(store, keep_hourly="1", keep_daily="3", keep_weekly="2", keep_monthly="0", keep_yearly="0")
    made = history(store)
    before = stored(store)
    (would,) = prunings(store, dry_run=True)
    assert stored(store) == before
    gone = prune(store)
    assert [one.id for one in gone] == [one.id for one in would.removed]
    after = stored(store)
    assert sum(map(len, before.values())) - sum(map(len, after.values())) == would.freed > 0
    assert after.items() <= before.items()
    left = open_repository(store).backups()
    assert [one.id for one in left][:7] == [one.id for one in made[:-8:-1]], "the chain of the newest"
    assert verify(store, all=True) == []
    for one in left:
        drill(store, one.id)
    assert prune(store) == []


def test_the_newest_chain_that_passed_a_drill_stays(store: Store) -> None:
    settings(store, keep_hourly="1", keep_daily="0", keep_weekly="0", keep_monthly="0", keep_yearly="0")
    made = history(store)
    drill(store, made[9].id)
    prune(store)
    left = {one.id for one in open_repository(store).backups()}
    assert {made[7].id, made[8].id, made[9].id, made[34].id} <= left
    assert made[10].id not in left
    drill(store, made[9].id)


def test_erasing_takes_the_backups_named_and_all_that_stand_on_them(store: Store) -> None:
    made = history(store)
    (done,) = prunings(store, only=[made[30].id])
    assert [one.id for one in done.removed] == [one.id for one in made[:29:-1]]
    assert verify(store, all=True) == []


def test_objects_of_a_manifest_that_cannot_be_read_are_left_alone(store: Store) -> None:
    settings(store, keep_hourly="1", keep_daily="0", keep_weekly="0", keep_monthly="0", keep_yearly="0")
    chart(store, "Book")
    first = take(store)
    chart(store, "Other")
    take(store, "full")
    (store.layout.backups / first.name).write_bytes(b"garbage")
    before = stored(store)
    assert prune(store) == []
    assert stored(store) == before


def test_half_written_files_and_unused_objects_are_swept(store: Store) -> None:
    chart(store, "Book")
    take(store)
    before = stored(store)
    odd = store.layout.backups / "objects" / "aa"
    odd.mkdir(exist_ok=True)
    (odd / ("aa" + "0" * 62)).write_bytes(b"left by a backup that was cut short")
    (odd / ".x.1-2.ckpart").write_bytes(b"half")
    prune(store)
    assert stored(store) == before


def test_pruning_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFound):
        prune(store)
