"""A module that takes more memory than there is."""

raise MemoryError
