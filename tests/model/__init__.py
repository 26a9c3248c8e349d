"""The file format: what is read, what is inferred, what is refused."""
