def climb_by_gradient(*a):
    raise NotImplementedError
