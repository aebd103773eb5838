"""Images, their splits, and their labels.

`digits` needs no download; `mnist`, `fashion_mnist`, `kmnist`, `emnist` and `caltech101` are fetched once (or read
from the folder that ``BRIANPRUNE_DATA`` names); `idx` and `image_folders` read any folder of the
same form; `arrays` takes NumPy arrays; `events` and `event_folders` take recorded spikes; a subclass of `Dataset` is a data set of one's own. Validation images come out of the
training images, never out of the test images.
"""

from .base import Dataset, Images
from .embedded import Digits, digits
from .events import EventFolders, RecordedSpikes, SpikeTrains, event_folders, events
from .folders import ImageFolders, caltech101, image_folders
from .idx_files import IDX_FILES, IdxImages, emnist, fashion_mnist, idx, kmnist, mnist
from .memory import ArrayImages, arrays

__all__ = [
    "IDX_FILES",
    "ArrayImages",
    "Dataset",
    "Digits",
    "EventFolders",
    "IdxImages",
    "ImageFolders",
    "Images",
    "RecordedSpikes",
    "SpikeTrains",
    "arrays",
    "caltech101",
    "digits",
    "emnist",
    "event_folders",
    "events",
    "fashion_mnist",
    "idx",
    "image_folders",
    "kmnist",
    "mnist",
]
