"""Runs inside the simulator (cocotb): the Verilog behind a serial line, and `Board` at the line's other end."""

import contextlib
import os

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, SimTimeoutError, Timer, with_timeout
from test_hardware_stream import classifier

from brianprune.hardware import Board
from brianprune.hardware.board import LOST, THETA, WEIGHTS

#: As the Verilog is built for the test.
CLOCKS_PER_BIT, IDLE_BITS = 4, 8
PERIOD = 10  # ns
TIMEOUT = 200, "us"


class TB:
    """A serial port, as `Board` takes it: bytes out, and the bytes that came in."""

    def __init__(self, dut):
        self.dut, self.came = dut, Queue()
        self.write, self.read = resume(self.send), resume(self.receive)

    async def begin(self):
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, PERIOD, "ns").start())
        dut.rx.value, dut.reset.value = 1, 1
        await self.pause(3)
        await FallingEdge(dut.clk)
        dut.reset.value = 0
        cocotb.start_soon(self.listen())

    async def send(self, data, stop=1):
        for byte in data:
            for bit in (0, *(byte >> k & 1 for k in range(8)), stop):
                self.dut.rx.value = bit
                await self.pause(CLOCKS_PER_BIT)
            self.dut.rx.value = 1
            if not stop:
                await self.pause(2 * CLOCKS_PER_BIT)

    async def pause(self, cycles):
        await Timer(PERIOD * cycles, "ns")

    async def listen(self):
        while True:
            await FallingEdge(self.dut.tx)
            await self.pause(CLOCKS_PER_BIT // 2)
            assert not self.dut.tx.value
            byte = 0
            for k in range(8):
                await self.pause(CLOCKS_PER_BIT)
                byte |= int(self.dut.tx.value) << k
            await self.pause(CLOCKS_PER_BIT)
            assert self.dut.tx.value, "no stop bit"
            self.came.put_nowait(byte)

    async def receive(self, n):
        with contextlib.suppress(SimTimeoutError):  # fewer, as a port does
            return bytes([await with_timeout(self.came.get(), *TIMEOUT) for _ in range(n)])
        return b""


def made():
    stream, images = classifier(os.environ["SERIAL_SETTING"])
    return Board(stream), images, stream.classes(images)


async def raises(board, tb, match, *arguments):
    """Whether classifying raises an error."""
    with pytest.raises(RuntimeError, match=match):
        await bridge(board.classify)(tb, *arguments)


@cocotb.test()
async def classes_are_the_twins(dut):
    board, images, classes = made()
    tb = TB(dut)
    await tb.begin()
    await bridge(board.load)(tb)
    found = await bridge(board.classify)(tb, images[3:], first=3)
    np.testing.assert_array_equal(found, classes[3:])
    assert tb.came.empty()
    assert int(dut.answer.value) == max(0, classes[-1])


# the network stays in the memories, a reset does not change them


@cocotb.test()
async def what_is_no_frame_is_left_out_and_said(dut):
    board, images, classes = made()
    tb = TB(dut)
    await tb.begin()
    await tb.send(bytes(3))  # nothing
    np.testing.assert_array_equal(await bridge(board.classify)(tb, images[:1]), classes[:1])
    shown = board.images(images)[0]
    pause = 2**IDLE_BITS + 2 * CLOCKS_PER_BIT
    threshold = board._frame(THETA, 0, 0)  # a threshold of 0 would change what follows
    for data, stop in (
        (bytes([7]), 1),  # no kind
        (bytes([WEIGHTS]), 0),  # no stop bit
        (shown[:-1], 1),  # a frame that stops
        (threshold[:-1] + bytes([threshold[-1] ^ 1]), 1),  # another sum
    ):
        await tb.send(data, stop)
        await tb.pause(pause)
        await raises(board, tb, "flags 0x8.: the board left out something", images[:1])
        np.testing.assert_array_equal(await bridge(board.classify)(tb, images[:1]), classes[:1])
    other = bytes([shown[20] ^ 4])
    await tb.send(shown[:20] + other + shown[21:])
    assert await tb.receive(3) == bytes([LOST, 0, (shown[-1] + other[0] - shown[20]) % 256])
    np.testing.assert_array_equal(await bridge(board.classify)(tb, images[:1]), classes[:1])


@cocotb.test()
async def a_frame_before_the_answer_is_left_out_and_said(dut):
    board, images, classes = made()
    tb = TB(dut)
    await tb.begin()
    shown = board.images(images)
    for late in (shown[1], board._frame(THETA, 0, 0)):
        await tb.send(shown[0] + late)
        flags, label, _ = await tb.receive(3)
        assert flags & LOST
        assert label == max(0, classes[0])
        # the frame's bytes are over, and the next answer says nothing of it
        np.testing.assert_array_equal(await bridge(board.classify)(tb, images[:1]), classes[:1])
    # one that stops gives up itself, not the image that is shown
    await tb.send(shown[0] + shown[1][:5])
    flags, label, _ = await tb.receive(3)
    assert (flags & LOST, label) == (LOST, max(0, classes[0]))


@cocotb.test()
async def an_answer_that_was_not_read_is_not_taken_for_another(dut):
    board, images, _ = made()
    tb = TB(dut)
    await tb.begin()
    await tb.send(board.images(images)[0])
    while tb.came.qsize() < 3:
        await tb.pause(100)
    await raises(board, tb, "the answer is to something that was sent before", images[2:3], 2)


@cocotb.test()
async def a_byte_that_is_lost_while_loading_is_said(dut):
    board, *_ = made()
    tb = TB(dut)
    await tb.begin()
    whole = board._network()
    frame = whole[3]
    for change in ({3: frame[:1] + frame[2:]}, {3: b""}, {3: frame + frame}):
        board._network = lambda change=change: [change.get(k, f) for k, f in enumerate(whole[:9])]
        with pytest.raises(RuntimeError, match=r"did not come as it was sent|of 3 bytes came"):
            await bridge(board.load)(tb)
        await tb.pause(2**IDLE_BITS + 2 * CLOCKS_PER_BIT)
    board._network = lambda: whole[:9]
    await bridge(board.load)(tb)
