"""Who goes next where one CPU runs at a time: strategies, schedules as text, replay, shrinking."""
