"""The ops: a file each, which declares its rules by their pass, and what it notes beside the outputs."""
