"""Which clustering sums it all up?"""
