"""The rows of the table: a function for each operator of ONNX, which makes nodes of what the operator reads."""
