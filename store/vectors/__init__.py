"""Vectors of records and charts: made by an embedder or given, kept as numpy archives, searched for likeness.

`collection` is what other layers call; it imports numpy only when it is asked something.
"""
