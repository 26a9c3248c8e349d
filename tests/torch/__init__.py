"""The engine and the referee against PyTorch, where it is installed."""
