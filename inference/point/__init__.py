"""Which parameters are best?"""
