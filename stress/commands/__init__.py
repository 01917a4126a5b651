"""The commands of `kstress`, one file each; every one can be done from Python with what it calls."""
