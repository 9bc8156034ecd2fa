"""Python's half of `scripts/bench-lanes` answers every line with as many times as it was asked for."""

import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from courtside_train import beside

PACK = Path(__file__).resolve().parents[2] / "packs/board"
ASKED = f"{PACK}/full.f32.onnx\t{PACK}/golden_full.bin\t%s\t3\n"


def shape() -> str:
    run = onnxruntime.InferenceSession(str(PACK / "full.f32.onnx"), providers=["CPUExecutionProvider"])
    return "x".join(map(str, run.get_inputs()[0].shape))


def test_a_line_gives_as_many_times_as_runs():
    times = [float(ms) for ms in beside.turn(ASKED % shape()).split(" ")]
    assert len(times) == 3 and all(ms > 0 for ms in times)


def test_the_program_says_its_version_and_answers_until_nobody_asks():
    command = [sys.executable, "-m", "courtside_train.beside"]
    folder = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=folder, input=2 * (ASKED % shape()), capture_output=True, text=True, check=True)
    version, *answers = done.stdout.splitlines()
    assert version == onnxruntime.__version__
    assert [len(answer.split(" ")) for answer in answers] == [3, 3]


def test_another_shape_than_the_networks_is_no_time():
    with pytest.raises(Exception, match="(?i)dimension"):
        beside.turn(ASKED % "1x1x2x2")
