"""The Verilog classifier behind AXI4-Streams: the twin's classes, whatever the sender and the receiver do."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Hz, ms, mV

import brianprune as bp
from brianprune.hardware import Board, StreamClassifier
from brianprune.hardware.simulation import SERIAL, STREAM, verilog

pytestmark = pytest.mark.slow
needs_iverilog = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="iverilog is not installed (see README, Hardware)"
)
#: Neurons, cores, banks, lanes, classes of the neurons, parameters of the network.
SETTINGS = {
    "many spikes": (5, 2, 2, 4, [0, 0, 0, 0, 1], {"w_inh": 0.2, "presentation": 60 * ms}),
    "one class twice": (7, 3, 2, 4, [2, 0, -1, 2, 0, 4, 1], {}),
    "one core": (4, 1, 4, 8, [1, 0, 1, 1], {}),
    "one class": (3, 3, 1, 16, [0, 0, -1], {}),
}


def classifier(setting):
    """A network of random weights with labels, and images; the last is blank."""
    n, cores, banks, lanes, labels, changes = SETTINGS[setting]
    draw = np.random.default_rng(len(setting))
    settings = {
        "presentation": 20 * ms,
        "rate": 2 * Hz,
        "v_thresh": -62 * mV,
        "theta_offset": 2 * mV,
    }
    network = bp.DiehlCook(n_exc=n, **settings | changes)
    result = SimpleNamespace(
        experiment=bp.Experiment(network=network),
        weights=draw.random((22, n)),
        mask=np.ones((22, n), bool),
        alive=np.ones(n, bool),
        theta=draw.random(n) * 3e-3,
        labels=np.array(labels),
        other_state={},
        image_shape=(1, 22),
    )
    images = draw.integers(0, 256, (6, 22)) * (draw.random((6, 22)) < 0.7)
    images[-1] = 0
    return StreamClassifier(result, cores=cores, banks=banks, lanes=lanes), images.astype(np.uint8)


def bench(folder, files, top, module, n_tests, parameters=None, **environment):
    """Run a cocotb module on exported Verilog."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    runner = get_runner("icarus")
    runner.build(
        sources=[folder / name for name in files],
        includes=[folder],
        hdl_toplevel=top,
        parameters=parameters or {},
        build_dir=folder / "build",
        timescale=("1ns", "1ps"),
    )
    found = runner.test(
        hdl_toplevel=top,
        test_module=module,
        build_dir=folder / "build",
        test_dir=folder,
        extra_env={"PYTHONPATH": os.pathsep.join(path)} | environment,
    )
    assert get_results(found) == (n_tests, 0)


@needs_iverilog
@pytest.mark.parametrize("setting", SETTINGS)
def test_answers_are_the_twins(setting, tmp_path):
    pytest.importorskip("cocotb", reason="cocotb is not installed (extra 'test')")
    stream, images = classifier(setting)
    classes = stream.classes(images).tolist()
    assert max(classes) >= 0
    assert classes[-1] == -1  # nobody spikes without input
    stream.export(tmp_path)
    about = {
        "packets": stream.packets(images),
        "classes": classes,
        "cores": stream.datapath.cores,
        "seed": 0,
    }
    (tmp_path / "bench.json").write_text(json.dumps(about))
    bench(tmp_path, STREAM.files, STREAM.top, "stream_bench", 2, STREAM_FOLDER=str(tmp_path))


def test_a_packet_has_the_seeds_and_the_pixels():
    stream, images = classifier("one class twice")
    packets = stream.packets(images, first=3)
    assert [len(words) for words in packets] == [2 + 6] * 6  # 22 pixels, 4 in a word
    low, high, first, *_ = packets[0]
    seeds = stream.datapath.seeds(3)
    assert low == int(seeds[0]) | int(seeds[1]) << 16
    assert high == int(seeds[2]) | int(seeds[3]) << 16
    assert first.to_bytes(4, "little") == images[0, :4].tobytes()


def test_classes_compete_in_one_of_the_settings():
    stream, images = classifier("many spikes")
    fired = stream.datapath.trace(images, states=False)["fired"]
    votes = np.array([[(row == 4).sum(), ((row >= 0) & (row < 4)).sum()] for row in fired])[:-1]
    # class 0 has four times the neurons: its votes are more, its mean is not always
    assert (votes > 0).all()
    assert set(stream.classes(images)) == {0, 1, -1}


def test_images_that_do_not_fit_are_refused():
    stream, images = classifier("one class twice")
    for wrong in (
        images[:, :10],
        np.zeros((2, 24), np.uint8),
        images[:0],
        images[:, :, np.newaxis],
    ):
        for method in (stream.packets, stream.classes):
            with pytest.raises(ValueError, match=r"must be \(images, 22\), at least one"):
                method(wrong)
    for wrong in (images / 255, images.astype(int) - 1, images.astype(int) + 300):
        with pytest.raises(ValueError, match="whole numbers from 0 to 255"):
            stream.packets(wrong)
    assert stream.packets(images[0]) == stream.packets(images[:1])
    np.testing.assert_array_equal(stream.classes(images[0]), stream.classes(images[:1]))


def test_a_network_without_classes_is_refused():
    stream, _ = classifier("one core")
    result = stream.datapath.result
    result.labels = np.zeros(3)
    with pytest.raises(ValueError, match="must be one for each neuron"):
        StreamClassifier(result)
    result.labels = np.full(4, -1)
    with pytest.raises(ValueError, match="no living neuron has a class"):
        StreamClassifier(result)


@pytest.mark.skipif(shutil.which("verilator") is None, reason="verilator is not installed")
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("design", [STREAM, SERIAL], ids=["stream", "board"])
def test_verilog_has_no_warnings(setting, design, tmp_path):
    stream = classifier(setting)[0]
    (stream if design is STREAM else Board(stream)).export(tmp_path)
    command = ["verilator", "--lint-only", "-Wall", "--top-module", design.top, *design.files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "stream_classifier.v").read_text() == verilog("stream_classifier.v")


# the board


@needs_iverilog
def test_the_board_answers_over_a_serial_line(tmp_path):
    setting = "one class twice"
    pytest.importorskip("cocotb", reason="cocotb is not installed (extra 'test')")
    from serial_bench import CLOCKS_PER_BIT, IDLE_BITS

    Board(classifier(setting)[0]).export(tmp_path)
    parameters = {"CLOCKS_PER_BIT": CLOCKS_PER_BIT, "IDLE_BITS": IDLE_BITS}
    bench(
        tmp_path,
        SERIAL.files[:-1],
        "serial_classifier",
        "serial_bench",
        5,
        parameters,
        SERIAL_SETTING=setting,
    )


@pytest.mark.skipif(shutil.which("yosys") is None, reason="yosys is not installed")
def test_the_project_is_what_its_makefile_builds(tmp_path):
    """Its first step; the others need place and route."""
    Board(classifier("one core")[0]).export(tmp_path)
    text = (tmp_path / "Makefile").read_text()
    assert sorted(re.search(r"SOURCES = (.*)", text)[1].split()) == sorted(
        path.name for path in tmp_path.glob("*.v")
    )
    done = subprocess.run(
        ["make", "netlist.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ports = json.loads((tmp_path / "netlist.json").read_text())["modules"]["ulx3s"]["ports"]
    pins = set(re.findall(r'LOCATE COMP "(\w+)', (tmp_path / "ulx3s.lpf").read_text()))
    assert pins == set(ports)


class Port:
    """A serial port that gives what it was made with."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), b""

    def write(self, data):
        self.sent += data

    def read(self, n):
        return self.answers.pop(0)


def test_what_a_board_says_is_looked_at():
    stream, images = classifier("one core")
    board = Board(stream)
    shown = board.images(images)
    port = Port(b"\0\1" + shown[0][-1:], b"\1\0" + shown[1][-1:])
    assert board.classify(port, images[:2]).tolist() == [1, -1]
    assert port.sent == shown[0] + shown[1]
    with pytest.raises(RuntimeError, match="image 0: 1 of 3 bytes came; is the bitstream"):
        board.classify(Port(b"\0"), images[:2])
    with pytest.raises(RuntimeError, match=r"image 0: flags 0x80: .* left out"):
        board.classify(Port(b"\x80\1" + shown[0][-1:]), images[:1])
    with pytest.raises(RuntimeError, match=r"image 0: the answer is to something .* before"):
        board.classify(Port(b"\0\1" + shown[1][-1:]), images[:1])
    n = len(board._network())
    port = Port(b"\x80\3\6", bytes([0, n, 6]))
    board.load(port)
    assert port.sent == b"\6\6" + board.network() + b"\6\6"
    for wrong in (bytes([0, n - 1, 6]), bytes([128, n, 6])):
        with pytest.raises(RuntimeError, match="the network did not come as it was sent"):
            board.load(Port(b"\0\0\6", wrong))


def test_more_classes_or_cores_than_a_byte_has_are_refused():
    stream, _ = classifier("one core")
    stream.labels = np.array([0, 256, 1, 1])
    with pytest.raises(ValueError, match="257 classes: an answer has one byte"):
        Board(stream)
    stream.labels = np.array([0, 255, 1, 1])
    Board(stream)
    result = stream.datapath.result
    result.weights, result.alive = np.ones((22, 300)), np.ones(300, bool)
    result.mask, result.theta, result.labels = result.weights > 0, np.zeros(300), np.zeros(300, int)
    with pytest.raises(ValueError, match="300 cores: must be at most 256; give"):
        Board(StreamClassifier(result, lanes=4))
