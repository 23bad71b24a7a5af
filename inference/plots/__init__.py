"""A picture for each question."""
