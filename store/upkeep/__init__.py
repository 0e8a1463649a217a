"""What keeps a store well: verification and measured health."""
