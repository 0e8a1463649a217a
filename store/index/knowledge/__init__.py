"""The index of knowledge: a database of its own beside that of charts, so that a batch of a million
records never holds up a chart.

One row of `items` stands for each key, live or deleted: its newest version. Its `seq`, which is also
the row's number in the full text, rises with the place of the version in its journal, so the newest
changes come first by reading backwards and a new version is a new row at the end. What it superseded
goes to `versions`, chained by `prev`. Domains, tags and kinds are words of the full text too, so that
any of them together are one question to one structure; rows of superseded versions are never taken
out of the full text, the join with `items` drops them.
"""
