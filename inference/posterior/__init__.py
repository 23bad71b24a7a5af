"""How uncertain are the parameters?"""
