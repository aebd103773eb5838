"""Runs inside the simulator (cocotb): images to the Verilog classifier as AXI4-Stream packets, and its answers."""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge, with_timeout

FOLDER = Path(os.environ.get("STREAM_FOLDER", "."))


class TB:
    """The classifier, loaded; a sender that pauses and a receiver that makes it wait."""

    def __init__(self, dut):
        self.dut = dut
        self.about = json.loads((FOLDER / "bench.json").read_text())
        self.chance = random.Random(self.about["seed"])

    async def begin(self):
        """Reset the classifier and load the network."""
        dut, about = self.dut, self.about
        cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
        for name in ("write_weights", "write_theta", "write_label", "write_members"):
            getattr(dut, name).value = 0
        dut.s_axis_tvalid.value, dut.m_axis_tready.value, dut.reset.value = 0, 0, 1
        for _ in range(3):
            await FallingEdge(dut.clk)
        dut.reset.value = 0
        rows, thetas = self.read("weights"), self.read("theta")
        per_core = len(rows) // about["cores"]
        for place, row in enumerate(rows):
            await self.write(
                "write_weights",
                write_core=place // per_core,
                write_address=place % per_core,
                weight_data=row,
            )
        for place, theta in enumerate(thetas):
            await self.write(
                "write_theta",
                write_core=place % about["cores"],
                write_group=place // about["cores"],
                theta_data=theta,
            )
        for neuron, label in enumerate(self.read("labels")):
            await self.write("write_label", label_neuron=neuron, label_data=label)
        for number, members in enumerate(self.read("members")):
            await self.write("write_members", members_class=number, members_data=members)
        cocotb.start_soon(self.watch())

    def read(self, name):
        return [int(word, 16) for word in (FOLDER / f"{name}.hex").read_text().split()]

    async def write(self, strobe, **values):
        for name, value in values.items():
            getattr(self.dut, name).value = value
        getattr(self.dut, strobe).value = 1
        await FallingEdge(self.dut.clk)
        getattr(self.dut, strobe).value = 0

    async def watch(self):
        """An answer stays as it is until it is taken, and no word is taken before."""
        dut, held = self.dut, None
        while True:
            await RisingEdge(dut.clk)
            await ReadOnly()
            # values after the edge; the last ready decides whether the answer was taken
            answer = (int(dut.m_axis_tdata.value), int(dut.m_axis_tuser.value))
            valid = bool(dut.m_axis_tvalid.value)
            if held is not None:
                assert valid, "an answer was withdrawn"
                assert answer == held, "an answer changed"
            if valid:
                assert not dut.s_axis_tready.value, "a word was taken while an answer waited"
            await FallingEdge(dut.clk)
            await ReadOnly()
            held = answer if valid and not dut.m_axis_tready.value else None

    async def send(self, words):
        """Send a packet, with pauses between its words."""
        dut = self.dut
        for place, word in enumerate(words):
            while self.chance.random() < 0.3:
                await FallingEdge(dut.clk)
            dut.s_axis_tdata.value = word
            dut.s_axis_tlast.value = int(place == len(words) - 1)
            dut.s_axis_tvalid.value = 1
            taken = False
            while not taken:
                taken = bool(dut.s_axis_tready.value)  # it is steady until the edge
                await FallingEdge(dut.clk)
            dut.s_axis_tvalid.value = 0

    async def receive(self):
        """Take an answer, after a while: (class, flags)."""
        dut = self.dut
        while not dut.m_axis_tvalid.value:
            await FallingEdge(dut.clk)
        for _ in range(self.chance.randrange(20)):
            await FallingEdge(dut.clk)
        answer = int(dut.m_axis_tdata.value), int(dut.m_axis_tuser.value)
        dut.m_axis_tready.value = 1
        await FallingEdge(dut.clk)
        dut.m_axis_tready.value = 0
        return answer


@cocotb.test()
async def answers_are_the_twins(dut):
    tb = TB(dut)
    await tb.begin()
    sender = cocotb.start_soon(send_all(tb, tb.about["packets"]))
    for expected in tb.about["classes"]:
        answer = await with_timeout(tb.receive(), 10, "ms")
        assert answer == ((expected, 0) if expected >= 0 else (0, 1))
    await sender


@cocotb.test()
async def a_packet_of_another_length_has_no_class(dut):
    tb = TB(dut)
    await tb.begin()
    whole, expected = tb.about["packets"][0], tb.about["classes"][0]
    wrong = [whole[:1], whole[:2], whole[:-1], whole + whole[:1], whole + whole]
    sender = cocotb.start_soon(send_all(tb, [p for short in wrong for p in (short, whole)]))
    for _ in wrong:
        assert (await with_timeout(tb.receive(), 10, "ms"))[1] == 2
        assert await with_timeout(tb.receive(), 10, "ms") == (expected, 0)
    await sender


async def send_all(tb, packets):
    for words in packets:
        await tb.send(words)
