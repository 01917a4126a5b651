"""What `benchmarks.reach` installs: a package with planted bugs, and the tests of somebody who uses it."""
