"""EM's passes and restarts on torch tensors."""
