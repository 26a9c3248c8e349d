"""The second way to import a PyTorch module: by torch.export, translating its core operators one by one."""
