"""Put the key table, made from the command table, into README: `make keys`."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- keys: made by `make keys` -->\n", "<!-- /keys -->"


def with_keys(text: str) -> str:
    """`text` with everything between the marks replaced by the present table."""
    from store.headless.completion import key_table

    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{key_table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_keys(README.read_text(encoding="utf-8")), encoding="utf-8")
