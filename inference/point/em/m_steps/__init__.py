"""Closed-form M-steps: array code, one file a family."""
