"""How sure is a point fit?"""
