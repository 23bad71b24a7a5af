"""How are draws made from a density? One sampler a file, behind one protocol; none of them knows a program."""
