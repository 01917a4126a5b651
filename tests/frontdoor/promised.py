"""The keys of a run's JSON that are promised."""

RUN_KEYS = {
    "scenario", "engine", "cpus", "seed", "duration_s", "expect", "verdict", "reason", "as_expected", "interrupted",
    "lookups", "loads", "unloads", "race_windows", "violations", "first_violation_s", "rate_upper_95",
    "outcomes", "stop_machine", "stall", "reports", "twin", "conditions", "trials", "catches", "catch_rate_upper_95",
    "applicable", "fate", "structure", "updates", "forbidden",
}  # fmt: skip
CONDITION_KEYS = {
    "python", "gil", "numba", "cores", "affinity", "switch_interval_s", "steal_percent",
    "kasan", "noise", "pace_s", "stall_after_s", "readers_per_writer", "gap_s", "fate", "llvmlite",
}  # fmt: skip
