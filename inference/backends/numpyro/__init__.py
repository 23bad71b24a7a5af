"""What may be asked of a program, in NumPyro."""
