"""What may be asked of a program, in Pyro."""
