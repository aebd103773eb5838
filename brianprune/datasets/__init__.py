"""Images, their splits, and their labels.

`digits` needs no download; `mnist`, `fashion_mnist` and `caltech101` are fetched once (or read
from the folder that ``BRIANPRUNE_DATA`` names); `idx` and `image_folders` read any folder of the
same form; `arrays` takes NumPy arrays; a subclass of `Dataset` is a data set of one's own. Validation images come out of the
training images, never out of the test images.
"""

from .base import Dataset, Images
from .embedded import Digits, digits
from .folders import ImageFolders, caltech101, image_folders
from .idx_files import IDX_FILES, IdxImages, fashion_mnist, idx, mnist
from .memory import ArrayImages, arrays

__all__ = [
    "IDX_FILES",
    "ArrayImages",
    "Dataset",
    "Digits",
    "IdxImages",
    "ImageFolders",
    "Images",
    "arrays",
    "caltech101",
    "digits",
    "fashion_mnist",
    "idx",
    "image_folders",
    "mnist",
]
