"""The sets of `coverage_networks.py`: small networks, the models of torchvision and timm, and graphs of ONNX, each as a list of jobs."""

from __future__ import annotations

import copy
import importlib
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from coverage_against_torch import compare, move
from coverage_common import NETWORKS, N
from coverage_outcome import Outcome, compared, imported

from landscape import from_onnx, from_torch
from landscape.importers.data import read_data
from landscape.importers.finish import make_model
from landscape.importers.pytorch.losses import read_loss
from landscape.importers.pytorch.ways import translated
from landscape.objective.lowered import checked
from landscape.objective.place_check import Mode

FILES = (
    "mlp", "mlp_special", "cnn", "cnn_layers", "cnn_images", "generative", "recurrent", "transformer", "transformer_encoders",
    "other", "activations", "losses",
)  # fmt: skip
# What has more parameters is translated and not run.
LARGEST = 60_000_000
# The smallest image of each model, where it is not 32 pixels wide.
TORCHVISION_IMAGES = {"alexnet": 64, "inception_v3": 96, "maxvit_t": 224, "vit_h_14": 28}
TIMM_IMAGES = {"ghostnetv2_100": 64, "efficientformer_l1": 224, "crossvit_tiny_240": 240, "inception_v3": 96}
TIMM = (
    "resnet10t", "resnet14t", "resnet18", "resnet26d", "resnet34", "resnet50", "resnext50_32x4d", "seresnet18", "seresnet50",
    "seresnext26d_32x4d", "ecaresnet26t", "skresnet18", "res2net50_26w_4s", "resnest14d", "efficientnet_b0", "efficientnet_lite0",
    "tf_efficientnetv2_b0", "efficientnet_es", "mixnet_s", "mnasnet_small", "mobilenetv2_050", "mobilenetv3_small_050",
    "mobilenetv3_large_100", "mobilenetv4_conv_small", "fbnetc_100", "lcnet_050", "tinynet_e", "ghostnet_100", "ghostnetv2_100",
    "hardcorenas_a", "convnext_atto", "convnextv2_atto", "vit_tiny_patch16_224", "vit_small_patch32_224", "deit_tiny_patch16_224",
    "deit_tiny_distilled_patch16_224", "swin_tiny_patch4_window7_224", "mixer_s32_224", "resmlp_12_224", "gmlp_s16_224", "poolformer_s12",
    "regnetx_002", "regnety_002", "densenet121", "mobilevit_xxs", "mobilevitv2_050", "mobileone_s0", "cait_xxs24_224", "coat_tiny",
    "levit_128s", "eca_nfnet_l0", "nf_resnet50", "nf_regnet_b0", "repvgg_a0", "repvit_m0_9", "edgenext_xx_small", "efficientformer_l1",
    "efficientvit_b0", "fastvit_t8", "crossvit_tiny_240", "pit_ti_224", "pvt_v2_b0", "xcit_nano_12_p16_224", "visformer_tiny",
    "convmixer_768_32", "dla34", "darknet53", "cspresnet50", "rexnet_100", "ese_vovnet19b_dw", "hrnet_w18_small", "inception_v3",
    "xception41", "botnet26t_256", "eva02_tiny_patch14_224", "starnet_s1", "focalnet_tiny_srf", "tiny_vit_5m_224", "vgg11_bn",
    "mambaout_femto", "convnext_tiny", "vit_base_patch32_224",
)  # fmt: skip
# Networks that are exported to ONNX; the last four are torchvision's, the last of them a small one.
EXPORTED = (
    "mlp_batchnorm_dropout", "mlp_residual_layernorm", "mlp_concat_skip", "mlp_learned_scalar", "cnn_lenet5", "cnn_vgg_like",
    "cnn_resnet_kuangliu", "cnn_inception", "cnn_squeeze_excite", "cnn_mobilenetv2_block", "cnn_1d_timeseries", "cnn_unet_transpose",
    "cnn_segmentation_ce", "rnn_lstm_classifier", "gpt_nanogpt_sdpa_tied", "transformer_encoder_classifier", "vit_cls_token",
    "embedding_mean_mlp", "ae_mlp", "loss_F_log_softmax_nll", "resnet18", "mobilenet_v2", "squeezenet1_1", "vit",
)  # fmt: skip
ONNX_FOLDERS = {"converted": "pytorch-converted", "operator": "pytorch-operator", "simple": "simple"}


@dataclass(frozen=True)
class Job:
    """A network of a set, in a group, and the function that gives it to the importer."""

    set: str
    group: str
    name: str
    work: Callable[[], Outcome]


def small() -> list[Job]:
    """The networks of the files `coverage_….py`."""
    for name in FILES:
        importlib.import_module(f"coverage_{name}")
    return [Job("small", made.group, made.name, partial(try_small, made.name)) for made in NETWORKS.values()]


def trained(module: Any) -> int:
    """Count the numbers of the trained parameters that have a size."""
    sized = (p for p in module.parameters() if p.requires_grad and not torch.nn.parameter.is_lazy(p))
    return sum(parameter.numel() for parameter in sized)


def try_small(name: str) -> Outcome:
    """Import a small network, and compare it with PyTorch."""
    module, loss, data = NETWORKS[name].case()
    move(module)
    outcome, model = imported(lambda: from_torch(module, loss, data))
    outcome = replace(outcome, parameters=trained(module))
    return outcome if model is None else compared(outcome, lambda: compare(model, module, loss, data))


def import_torchvision() -> Any:
    """Import torchvision, also where its operators of detection are built for another PyTorch: no classifier calls them."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        # For as long as this process runs.
        torch.torchvision_library = library
        return importlib.import_module("torchvision")


def torchvision_model(name: str) -> Any:
    """Make a model of torchvision, untrained, for its smallest image."""
    options: dict[str, Any] = {"weights": None}
    if name.startswith("vit_"):
        options["image_size"] = TORCHVISION_IMAGES.get(name, 32)
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    return import_torchvision().models.get_model(name, **options)


def torchvision() -> list[Job]:
    """All models of classification; a group is a file of torchvision."""
    models = import_torchvision().models
    jobs = []
    for name in models.list_models(module=models):
        count = models.get_model_weights(name).DEFAULT.meta["num_params"]
        group = models.get_model_builder(name).__module__.rpartition(".")[2]
        work = partial(accepts, partial(torchvision_model, name), TORCHVISION_IMAGES.get(name, 32), count)
        jobs.append(Job("torchvision", group, name, work))
    return jobs


def timm_model(name: str, device: str = "cpu") -> Any:
    """Make a model of timm, untrained, for its smallest image where it has to be told the size."""
    create = importlib.import_module("timm").create_model
    with torch.device(device):
        try:
            return create(name, img_size=TIMM_IMAGES.get(name, 32))
        except TypeError:
            return create(name)


def timm() -> list[Job]:
    """A choice of timm's models."""
    import_torchvision()
    importlib.import_module("timm")
    return [Job("timm", "timm", name, partial(try_timm, name)) for name in TIMM]


def try_timm(name: str) -> Outcome:
    return accepts(partial(timm_model, name), TIMM_IMAGES.get(name, 32), trained(timm_model(name, "meta")))


def accepts(make: Callable[[], Any], image: int, count: int) -> Outcome:
    """Import a model that classifies images of a width; one with too many parameters to be run beside its original is translated only."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make().eval()
    data = torch.randn(N, 3, image, image), torch.randint(0, 10, (N,))
    if count > LARGEST:
        outcome, _ = imported(lambda: by_graph(module, data))
        said = outcome.said or "by its graph, not run beside its original"
        return replace(outcome, said=said, parameters=count)
    outcome, _ = imported(lambda: from_torch(module, "cross_entropy", data))
    return replace(outcome, parameters=trained(module))


def by_graph(module: Any, data: tuple[Any, Any]) -> Any:
    """Translate a module, and check the model's shapes and the program that it becomes, without computing an output of it."""
    loss, arrays = read_loss(torch, "cross_entropy"), read_data(data)
    traced, network, last, _ = translated(torch, module, arrays["x_train"], loss)
    model = make_model(
        network, last, arrays, loss.with_decay(0.0), type(module).__name__, original=traced.output_shape
    )
    checked(model, Mode.VALUES)
    return model


def onnx() -> list[Job]:
    """The graphs that the onnx package tests backends with, and exports of small networks."""
    small()
    import_torchvision()
    package = importlib.import_module("onnx")
    importlib.import_module("onnxruntime")
    data = Path(package.__file__).parent / "backend" / "test" / "data"
    jobs = [
        Job("onnx", group, f"{group}/{path.parent.name}", partial(try_tested, path))
        for group, folder in ONNX_FOLDERS.items()
        for path in sorted(data.glob(f"{folder}/*/model.onnx"))
    ]
    jobs += [
        Job("onnx", "light", f"light/{path.stem}", partial(try_tested, path))
        for path in sorted(data.glob("light/*.onnx"))
    ]
    for way in ("dynamo", "legacy"):
        jobs += [Job("onnx", way, f"{way}/{name}", partial(try_exported, name, way)) for name in EXPORTED]
    return jobs


def read_tensor(path: Path) -> np.ndarray:
    from onnx import TensorProto, numpy_helper

    return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))


def try_tested(path: Path) -> Outcome:
    """Import a graph with the inputs of its test as examples, and the first output as targets."""
    from onnx import load, numpy_helper

    graph = load(path).graph
    count = sum(numpy_helper.to_array(array).size for array in graph.initializer)
    given = {array.name for array in graph.initializer}
    if path.parent.name == "light":
        shapes = [
            [size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in graph.input
            if value.name not in given
        ]
        inputs = [np.random.default_rng(0).standard_normal(shape).astype("f4") for shape in shapes]
        y = read_tensor(path.with_name(f"{path.stem}_output_0.pb"))
    else:
        test = path.parent / "test_data_set_0"
        inputs = [read_tensor(test / f"input_{i}.pb") for i in range(len(list(test.glob("input_*.pb"))))]
        y = read_tensor(test / "output_0.pb")
    x = inputs[0] if len(inputs) == 1 else tuple(inputs)
    loss = "mse" if y.dtype.kind == "f" else None
    outcome, _ = imported(lambda: from_onnx(path, (x, y), loss=loss))
    return replace(outcome, parameters=count, said=outcome.said.removeprefix(f"{path}: "))


def exported_case(name: str) -> tuple[Any, Any, tuple[Any, Any]]:
    """Make a network that is exported, with its loss and data."""
    if name in NETWORKS:
        return NETWORKS[name].case()
    torch.manual_seed(0)
    models = import_torchvision().models
    if name == "vit":
        module = models.VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=10
        )
    else:
        module = models.get_model(name, weights=None, num_classes=10)
    return module, torch.nn.CrossEntropyLoss(), (torch.randn(N, 3, 32, 32), torch.randint(0, 10, (N,)))


def try_exported(name: str, way: str) -> Outcome:
    """Export a network to ONNX, import the file, and compare it with the module."""
    module, loss, (x, y) = exported_case(name)
    move(module)
    module.eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"{name}.onnx"
        torch.onnx.export(copy.deepcopy(module), (x,), path, dynamo=way == "dynamo", external_data=False)
        outcome, model = imported(lambda: from_onnx(path, (x, y)))
    outcome = replace(outcome, parameters=trained(module), said=outcome.said.removeprefix(f"{path}: "))
    return (
        outcome
        if model is None
        else compared(outcome, lambda: compare(model, module, loss, (x, y)), another=True)
    )


SETS = {"small": small, "torchvision": torchvision, "timm": timm, "onnx": onnx}
