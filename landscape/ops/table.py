"""Every op of the format by its name."""

from __future__ import annotations

from landscape.ops.activation import ACTIVATIONS
from landscape.ops.arithmetic import ADD, DIVIDE, MULTIPLY, SUBTRACT
from landscape.ops.attention import ATTENTION
from landscape.ops.attention_of import SCALED_DOT_PRODUCT_ATTENTION
from landscape.ops.avgpool import AVGPOOL2D
from landscape.ops.batchnorm import BATCHNORM
from landscape.ops.concat import CONCAT
from landscape.ops.convolution import CONV1D, CONV2D
from landscape.ops.dense import DENSE
from landscape.ops.dropout import DROPOUT
from landscape.ops.embedding import EMBEDDING
from landscape.ops.flatten import FLATTEN
from landscape.ops.groupnorm import GROUPNORM
from landscape.ops.identity import IDENTITY
from landscape.ops.layernorm import LAYERNORM
from landscape.ops.layout import LAYOUTS
from landscape.ops.matmul import MATMUL
from landscape.ops.maxpool import MAXPOOL2D
from landscape.ops.mean import GLOBALAVGPOOL, MEAN
from landscape.ops.operation import Operation
from landscape.ops.pad_channels import PAD_CHANNELS
from landscape.ops.parameter import CONSTANT, PARAMETER
from landscape.ops.position import POSITION
from landscape.ops.reductions import REDUCTIONS
from landscape.ops.softmax import SOFTMAX

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        DENSE,
        CONV2D,
        CONV1D,
        BATCHNORM,
        LAYERNORM,
        GROUPNORM,
        EMBEDDING,
        POSITION,
        ATTENTION,
        *ACTIVATIONS,
        IDENTITY,
        SOFTMAX,
        DROPOUT,
        MAXPOOL2D,
        AVGPOOL2D,
        GLOBALAVGPOOL,
        FLATTEN,
        MEAN,
        ADD,
        MULTIPLY,
        CONCAT,
        PAD_CHANNELS,
        SUBTRACT,
        DIVIDE,
        PARAMETER,
        CONSTANT,
        *LAYOUTS,
        *REDUCTIONS,
        MATMUL,
        SCALED_DOT_PRODUCT_ATTENTION,
    )
}
