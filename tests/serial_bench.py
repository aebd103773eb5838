"""Runs inside the simulator (cocotb): the Verilog behind a serial line, and `Board` at the line's other end."""

import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge, Timer, with_timeout
from test_hardware_stream import classifier

from brianprune.hardware import Board
from brianprune.hardware.board import LATE, WEIGHTS

#: As the Verilog is built for the test.
CLOCKS_PER_BIT, IDLE_BITS = 4, 8
PERIOD = 10  # ns
TIMEOUT = 5, "ms"


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
        return bytes([await with_timeout(self.came.get(), *TIMEOUT) for _ in range(n)])


def made():
    stream, images = classifier(os.environ["SERIAL_SETTING"])
    return Board(stream), images, stream.classes(images)


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
async def what_is_no_frame_is_left_out(dut):
    board, images, classes = made()
    tb = TB(dut)
    await tb.begin()
    await tb.send(bytes([0, 6, 255, 0]))  # no kinds
    await tb.send(bytes([WEIGHTS]), stop=0)  # a byte without its stop bit
    np.testing.assert_array_equal(await bridge(board.classify)(tb, images[:1]), classes[:1])
    shown = board.images(images)
    for until in (1, len(shown[0]) - 1):
        await tb.send(shown[0][:until])  # a frame that stops
        await tb.pause(2**IDLE_BITS + 2 * CLOCKS_PER_BIT)
        found = await bridge(board.classify)(tb, images[:1])
        np.testing.assert_array_equal(found, classes[:1])
    half = board.network()[: 3 + board._data_bytes]
    await tb.send(half)
    await tb.pause(2**IDLE_BITS + 2 * CLOCKS_PER_BIT)
    np.testing.assert_array_equal(await bridge(board.classify)(tb, images[1:2], 1), classes[1:2])


@cocotb.test()
async def a_frame_before_the_answer_is_left_out_and_said(dut):
    board, images, classes = made()
    tb = TB(dut)
    await tb.begin()
    shown = board.images(images)
    wrong = board._frame(3, 0, 0)  # a threshold of 0 would change what follows
    for late in (shown[1], wrong):
        await tb.send(shown[0] + late)
        flags, label = await tb.receive(2)
        assert flags & LATE
        assert label == max(0, classes[0])
        # the frame's bytes are over, and the next answer says nothing of it
        found = await bridge(board.classify)(tb, images[:1])
        np.testing.assert_array_equal(found, classes[:1])
    # one that stops gives up itself, not the image that is shown
    await tb.send(shown[0] + shown[1][:5])
    flags, label = await tb.receive(2)
    assert (flags & LATE, label) == (LATE, max(0, classes[0]))
