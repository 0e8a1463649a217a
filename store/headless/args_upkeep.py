"""What the subcommands of upkeep take: verify, recover, backup, restore, compact, erase and their kin. See `args`."""

from __future__ import annotations

from argparse import ArgumentParser


def yes(parser: ArgumentParser, what: str) -> None:
    """The option that answers a question beforehand."""
    parser.add_argument("-y", "--yes", action="store_true", help=what)


def verify(parser: ArgumentParser) -> None:
    parser.add_argument("--backups", action="store_true", help="read every backup too")
    parser.add_argument(
        "--quick", action="store_true", help="only the journals and chart files, not what follows"
    )


def status(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prometheus", action="store_true", help="print the figures in the text format Prometheus reads"
    )


def backup(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("now", "verify", "prune", "drill", "key"),
        default="now",
        help="back up (default), read backups back, remove old ones, try a restore, make a key file",
    )
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="the backup to verify or drill (default: the newest); for key, the file to make",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--full", action="store_true", help="a full backup, which stands on no other")
    kind.add_argument("--differential", action="store_true", help="all since the last full one")
    parser.add_argument(
        "--place", metavar="URL", help="a folder or fsspec URL (default: as chartkeep.toml says)"
    )
    parser.add_argument("--all", action="store_true", help="with verify: every backup")
    parser.add_argument("--dry-run", action="store_true", help="with prune: only say what would go")


def backups(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--place", metavar="URL", help="a folder or fsspec URL (default: as chartkeep.toml says)"
    )


def restore(parser: ArgumentParser) -> None:
    parser.add_argument(
        "charts",
        nargs="*",
        metavar="CHART|KEY",
        help="only these charts, with all below them, or these records of knowledge (analogy:ID, or an id)",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--at", metavar="TIME", help="as it was: 2026-11-01, 14:30, yesterday, 2h, 3d ago")
    when.add_argument("--id", metavar="ID", help="from this backup (default: the newest)")
    parser.add_argument("--to", metavar="DIR", help="into a new folder; the store stays as it is")
    parser.add_argument(
        "--place", metavar="URL", help="a folder or fsspec URL (default: as chartkeep.toml says)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    yes(parser, "do not ask")


def recover(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def conflicts(parser: ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "keep", "take"), default="list")
    parser.add_argument("ids", nargs="*", metavar="ID", help="as the list names them; all for every one")
    parser.add_argument("--all", action="store_true", help="list those settled already, too")


def compact(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="also where little would be saved")
    parser.add_argument("--cold", action="store_true", help="compress every archived generation now")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would save")


def retention(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be put away or forgotten")


def erase(parser: ArgumentParser) -> None:
    parser.add_argument("charts", nargs="*", metavar="CHART", help="with all below them, and every version")
    parser.add_argument(
        "--key", action="append", default=[], metavar="KEY", help="one record by its key; repeat"
    )
    parser.add_argument(
        "--deleted", action="store_true", help="every record that is deleted now, and all its versions"
    )
    parser.add_argument(
        "--superseded", action="store_true", help="the earlier versions only, not the live ones"
    )
    parser.add_argument("--before", metavar="TIME", help="with --deleted or --superseded: only what is older")
    parser.add_argument(
        "--everywhere",
        action="store_true",
        help="also the backups, exports and states set aside that hold it",
    )
    parser.add_argument(
        "--why", metavar="TEXT", default="", help="the reason, kept in the record of the erasure"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be erased, and where else it is"
    )
    yes(parser, "do not ask")


def maintain(parser: ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="do what is due and end: for cron and timers")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait at most so long for the lease")
    parser.add_argument("--units", metavar="DIR", help="write systemd unit and timer files there and end")
