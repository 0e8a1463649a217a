"""What keeps a store well.

`backup` takes, checks, keeps and copies backups; `compaction` begins the next generation of a journal;
`verification` names what is wrong; `recovery` brings back what is damaged or missing, and restores;
`retention` lets go, by `rules` or by erasure; `health` measures; `maintenance` says what is done when,
and by whom.
"""
