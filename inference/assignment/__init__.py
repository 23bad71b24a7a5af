"""Which component does a row belong to?"""
