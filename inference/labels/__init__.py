"""Which component is which, across draws?"""
