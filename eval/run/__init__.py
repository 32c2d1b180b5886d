"""The run of an evaluation: plan, systems on recordings, results kept as they come."""
