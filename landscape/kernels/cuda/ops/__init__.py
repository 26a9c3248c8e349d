"""The ops: a file for each, which declares its rules for each pass, and the scratch that it needs."""
