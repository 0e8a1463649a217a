"""What keeps a store well: backup, compaction, verification, recovery, retention, health, and their schedule.

    backup/        taking, checking, keeping and copying backups
    compaction.py  the next generation of a journal, and the archive of the one before
    verification/  what is wrong with a store, named
    recovery/      bringing back what is damaged or missing; restoring
    retention/     letting go: rules, erasure
    health/        figures, thresholds, samples
    maintenance/   what is done when, and by whom
"""
