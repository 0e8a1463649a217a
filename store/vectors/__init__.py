"""Vectors: embeddings of records, how they are kept on disk and searched."""
