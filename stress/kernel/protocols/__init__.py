"""The protocols that come with kstress, one a file, each with its broken variants; `stress.protocols` has them all."""
