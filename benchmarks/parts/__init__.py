"""One part a file: ``TITLE``, ``tasks(quick)`` and, if it has one, ``summary(record)``."""
