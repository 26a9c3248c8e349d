"""The second way in for PyTorch: a module exported by torch.export, translated call by call of its core operators."""
