"""How many components?"""
