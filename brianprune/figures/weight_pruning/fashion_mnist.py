"""Fashion-MNIST."""

from ..base import figure
from .scales import SCALES
from .sizes import _Sizes


@figure("weight_pruning.fashion_mnist", "Adaptive weight pruning on a second data set", SCALES)
class SecondData(_Sizes):
    """Fashion-MNIST."""

    with_paper = False

    @staticmethod
    def what(scale):
        return scale.second[1:]

    @staticmethod
    def name_of(scale):
        return (
            scale.note.replace("MNIST", scale.second[0])
            if scale.name == "full"
            else scale.second[0]
        )
