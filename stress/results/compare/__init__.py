"""Two campaigns side by side: cells paired, a rank test for each figure, verdicts as facts, one decision over all."""
