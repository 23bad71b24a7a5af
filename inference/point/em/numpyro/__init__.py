"""EM's passes and restarts, compiled by JAX."""
