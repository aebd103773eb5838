"""C++ of a segment: arrays in, arrays out, and what lives outside the arrays."""

from ..encoding import RECIPE

__all__ = ["SegmentCode"]


class SegmentCode:
    """Base of compiled networks: lines that read and write what `_describe` has found."""

    #: whether the program reads spikes when they are due, and makes those of a `brianprune.encoding.Recipe`
    makes_spikes = True

    def _reading_lines(self):
        """C++ that sets all arrays that the folder `_segment_in` has a file of."""
        of_generators = {
            f"{name}.{variable}"
            for name in self.inputs.generators
            for variable in ("_timebins", "neuron_index")
        }
        owners = {name: of for of, names in self.inputs.synapses.items() for name in names}
        lines = []
        for name, cpp in self._cpp.items():
            size = self.inputs.specs[name][2]
            dynamic = name in self.inputs.dynamic
            file = f'_segment_in, "{name}"'
            if name in of_generators:
                if not self.makes_spikes:
                    lines.append(f"segment::resize_and_read({file}, {cpp});")
            elif name in owners:
                pre = f'"{owners[name]}._synaptic_pre"'
                lines.append(f"segment::resize_and_read_if({file}, {cpp}, {pre});")
            elif dynamic:
                lines.append(f"segment::read({file}, {cpp});")
            else:
                lines.append(f"segment::read({file}, {cpp}, {size});")
        for name in self.inputs.generators if self.makes_spikes else ():
            cpp = self._generator_arrays(name)
            files = f'_segment_in, "{name}.neuron_index", "{name}._timebins", "{name}:sizes"'
            arrays = f"{cpp['neuron_index']}, {cpp['_timebins']}"
            period = f"{cpp['_period_bins']}[0]"
            lines.append(f"segment::SpikeReader _reader_{name}({files}, {arrays}, {period});")
            given = ", ".join(f'"{name}:{what}"' for what in RECIPE)
            lines.append(f"segment::SpikeMaker _maker_{name}(_segment_in, {given});")
        return lines

    def _restoring_lines(self):
        """C++ that restores what lives outside the arrays."""
        lines = [
            f'segment::read_queue(_segment_in, "{name}:arrival", "{name}:synapse", {name});'
            for name in self._queues
        ]
        generator = "_random_generators[0]"
        return [
            *lines,
            f'segment::read_generator(_segment_in, "random_generator", {generator});',
            "if (_segment_seed >= 0)",
            f"    {generator}.seed((unsigned long)_segment_seed);",
        ]

    def _writing_lines(self, everything=False):
        """C++ that writes what a run can change to the folder `_segment_out`, or all arrays."""
        lines = []
        names = self.inputs.initial if everything else self.inputs.states
        for name in names:
            data = self._cpp[name]
            if name not in self.inputs.dynamic:
                data = f"{data}, {self.inputs.specs[name][2]}"
            lines.append(f'segment::write(_segment_out, "{name}", {data});')
        if everything:
            return ["if (_segment_everything) {", *lines, "return 0;", "}"]
        for name, (kind, cpp, dynamic) in self._recorded_cpp.items():
            function = "write_rows" if kind == "rows" else "write"
            data = cpp if dynamic else f"{cpp}, _num_{cpp}"
            lines.append(f'segment::{function}(_segment_out, "{name}", {data});')
        lines += [
            f'segment::write_queue(_segment_out, "{name}:arrival", "{name}:synapse", {name});'
            for name in self._queues
        ]
        lines += [
            f'segment::write(_segment_out, "{name}:counts", _maker_{name}.counts);'
            for name in self.inputs.generators
            if self.makes_spikes
        ]
        if self._draws:
            lines.append(
                'segment::write_generator(_segment_out, "random_generator", _random_generators[0]);'
            )
        return lines

    def _generator_arrays(self, name):
        """C++ names of a generator's arrays."""
        names = "neuron_index", "_timebins", "_period_bins", "_lastindex"
        return {what: self._cpp[f"{name}.{what}"] for what in names}

    def _making_lines(self, name, timestep):
        """C++ that brings the spikes of a generator: those that were given, those of an image when it begins."""
        cpp = self._generator_arrays(name)
        arrays = f"{timestep}[0], {cpp['neuron_index']}, {cpp['_timebins']}, {cpp['_lastindex']}[0]"
        return [f"_{source}_{name}.before_step({arrays});" for source in ("reader", "maker")]
