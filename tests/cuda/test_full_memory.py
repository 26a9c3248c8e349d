"""If a GPU's memory is full, or its driver fails, every command ends with one line and leaves no files."""

from __future__ import annotations

import pytest

from landscape.commands import main
from landscape.errors import ComputationError
from landscape.model import bundled_path
from tests.cuda.conditions import in_simulator

# As the driver's own, which can be imported only where numba-cuda is.
DriverError = type("DriverError", (Exception,), {"__module__": "numba.cuda.cudadrv.driver"})


@in_simulator
@pytest.mark.parametrize(
    "command", ["scan", "hessian", "critical", "sharpness", "train", "race", "trajectory"]
)
def test_a_command_on_a_full_gpu_ends_with_status_2_and_writes_nothing(
    command, tmp_path, monkeypatch, capsys
):
    from landscape.objective.gpu import DeviceMemoryError, Gpu

    def full(*given):
        raise DeviceMemoryError("the GPU's memory is full: 0 MiB are free")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Gpu, "put", full)
    with pytest.raises(SystemExit) as leaving:
        main([command, str(bundled_path("digits")), "--device", "cuda", "--quiet"])
    told = capsys.readouterr().err
    assert leaving.value.code == 2, told
    assert "the GPU's memory is full" in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_a_driver_says_is_told_in_one_line():
    from landscape.objective.gpu import DeviceMemoryError, Gpu

    def raising(error):
        raise error

    with pytest.raises(DeviceMemoryError, match="take --device cpu"):
        Gpu.guarded(lambda: raising(DriverError("Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")))
    with pytest.raises(ComputationError, match="the GPU failed: Call to x; see what nvidia-smi says"):
        Gpu.guarded(lambda: raising(DriverError("Call to\nx")))
    with pytest.raises(ZeroDivisionError):
        Gpu.guarded(lambda: 1 / 0)
