"""What `kstress new` copies: a scenario and its twin, which run as they are."""
