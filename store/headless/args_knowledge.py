"""What the subcommands of knowledge take: batch, workflows, query, domains, record, similar, vectors. See `args`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from store.headless.args_upkeep import yes

_TIME = "2026-11-01, 2026-11-01T14:30+01:00, yesterday, 3d"


def criteria(parser: ArgumentParser) -> None:
    """Which records are meant; what is given must all hold."""
    group = parser.add_argument_group("which records (all that is given must hold)")
    group.add_argument(
        "--kind", action="append", default=[], metavar="KIND", help="analogy, frame, concept …; repeat"
    )
    group.add_argument(
        "--domain", action="append", default=[], metavar="NAME", help="source or target domain; repeat"
    )
    group.add_argument("--source", metavar="NAME", help="source domain")
    group.add_argument("--target", metavar="NAME", help="target domain")
    group.add_argument("--tag", action="append", default=[], metavar="TAG", help="repeat for all of them")
    group.add_argument("--below", type=float, metavar="SCORE", help="quality below this")
    group.add_argument(
        "--from", dest="quality_from", type=float, metavar="SCORE", help="quality from here on"
    )
    group.add_argument("--created-after", metavar="TIME", help=_TIME)
    group.add_argument("--created-before", metavar="TIME", help=_TIME)
    group.add_argument("--workflow", metavar="ID", help="written by this workflow")
    group.add_argument(
        "--where",
        metavar="EXPR",
        help="a condition on any member: 'quality_score >= 0.8 and metadata.lang = \"en\"'",
    )
    group.add_argument("--words", metavar="WORDS", help="words that occur in its texts")


def given(space: Namespace) -> dict[str, Any]:
    """The criteria that were given, as keywords of `store.knowledge.criteria.criteria`."""
    return {
        "kinds": space.kind,
        "domains": space.domain,
        "source": space.source,
        "target": space.target,
        "tags": space.tag,
        "below": space.below,
        "quality_from": space.quality_from,
        "created_after": space.created_after,
        "created_before": space.created_before,
        "workflow": space.workflow,
        "where": space.where,
        "words": space.words,
    }


def batch(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("import", "create", "delete", "expand", "clusters", "fields", "embed"),
        help="import records as they are, create them from drafts, delete by criteria, expand frames, "
        "find clusters or semantic fields, embed what has no vector or an old one",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="JSONL, for import and create; - reads stdin")
    parser.add_argument("--id", metavar="ID", help="name of the workflow (default: made)")
    parser.add_argument("--title", default="", metavar="TEXT", help="what lists call it")
    parser.add_argument("--strict", action="store_true", help="refuse records that lack documented members")
    parser.add_argument(
        "--atomic", action="store_true", help="all of it, or nothing where one item is refused"
    )
    parser.add_argument(
        "--update", action="store_true", help="a record that is there already gets a new version"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, with examples")
    parser.add_argument("--later", action="store_true", help="only submit it; the UI or `maintain` runs it")
    parser.add_argument("--detach", action="store_true", help="run it in a process of its own")
    parser.add_argument(
        "--model", metavar="NAME", help="vectors of this model (default: as chartkeep.toml says)"
    )
    parser.add_argument("--clusters", type=int, metavar="K", help="how many (default: found out)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="for clusters: the same gives the same"
    )
    parser.add_argument(
        "--force", action="store_true", help="with delete: also what others that stay point to"
    )
    criteria(parser)
    yes(parser, "do not ask before deleting")


def workflows(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=(
            "list", "show", "rejects", "run", "watch", "pause",
            "resume", "cancel", "rollback", "retry", "clean",
        ),
        default="list",
    )  # fmt: skip
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="the workflow, or the beginning of its id; for run, all that wait"
    )
    parser.add_argument("--running", action="store_true", help="with list: only those not ended")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N (default 50)")
    parser.add_argument("--days", type=float, metavar="N", help="with clean: ended so many days ago")
    parser.add_argument(
        "--dry-run", action="store_true", help="with clean and rollback: only say what would go"
    )
    parser.add_argument(
        "--skip-changed", action="store_true", help="with rollback: leave records that were changed later"
    )
    yes(parser, "do not ask")


def query(parser: ArgumentParser) -> None:
    parser.add_argument(
        "collection",
        nargs="?",
        metavar="COLLECTION",
        help="analogies, frames, instances, concepts, clusters, fields, scopes, rejects, workflows, others, all",
    )
    criteria(parser)
    parser.add_argument("--sort", choices=("changed", "created", "quality", "title", "kind", "key"))
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N records")
    parser.add_argument("--count", action="store_true", help="only how many")
    parser.add_argument("--deleted", action="store_true", help="deleted records, not live ones")
    parser.add_argument(
        "--checked", action="store_true", help="read along the journal, checking its hash chain"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the records here as JSONL")
    parser.add_argument("--force", action="store_true", help="replace FILE where it exists")


def domains(parser: ArgumentParser) -> None:
    parser.add_argument(
        "question",
        nargs="?",
        choices=("list", "pairs", "best", "shared"),
        default="list",
        help="domains with counts, pairs of them, the best analogies of each pair, tags they share",
    )
    parser.add_argument("names", nargs="*", metavar="DOMAIN", help="only with these")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N (default 50)")
    parser.add_argument("--per", type=int, default=1, metavar="N", help="with best: so many of each pair")


def record(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("show", "history", "add", "put", "delete", "restore"), metavar="ACTION",
        help="show, history, add, put, delete, restore",
    )  # fmt: skip
    parser.add_argument("key", nargs="?", metavar="KEY", help="analogy:ID, an id, its beginning, or words")
    parser.add_argument("--value", metavar="JSON", help="the record; else FILE, else standard input")
    parser.add_argument("--file", metavar="FILE", help="a file that holds the record")
    parser.add_argument("--kind", metavar="KIND", help="with add: its kind, where it does not say")
    parser.add_argument("--ver", type=int, metavar="N", help="show or restore this version; put only onto it")
    parser.add_argument("--strict", action="store_true", help="refuse where documented members are missing")
    parser.add_argument("--force", action="store_true", help="delete although others point to it")
    parser.add_argument(
        "--scope", metavar="NAME", help="look the name up in this scope, then in those it inherits from"
    )


def similar(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="+", metavar="KEY|TEXT", help="a record, a chart, or any text")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="at most N (default 10)")
    parser.add_argument("--kind", action="append", default=[], metavar="KIND", help="only these; charts too")
    parser.add_argument("--model", metavar="NAME", help="vectors of this model")
    parser.add_argument(
        "--exact", action="store_true", help="look at every vector, not at the approximate index"
    )
    parser.add_argument("--text", action="store_true", help="take it as text, though it names a record")


def vectors(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "add", "embed", "check", "index", "measure", "merge", "remove"),
        default="list",
        help="models there are; add given vectors; embed what has none; find stale and orphan ones; "
        "build the approximate index; measure its recall; merge shards; remove a model",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="with add: .npz, .npy with --keys, or .jsonl")
    parser.add_argument("--keys", metavar="FILE", help="with an .npy: its record keys, one a line")
    parser.add_argument("--model", metavar="NAME", help="the model (default: as chartkeep.toml says)")
    parser.add_argument("--form", choices=("float32", "float16", "int8"), help="how they are kept")
    yes(parser, "do not ask")
