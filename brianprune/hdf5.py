"""Files of results and checkpoints: trees of arrays, tables, texts and numbers in HDF5."""

import io

import h5py
import numpy as np
import pandas as pd

from .storage import read_checked, write_checked

__all__ = ["FORMAT", "NewerFormat", "read_tree", "require", "write_tree"]

#: Of the files. A change that alters numbers raises it, so old results are not mixed in.
FORMAT = 2


class NewerFormat(ValueError):
    """A file was written by a newer version of the package."""


def write_tree(path, tree, compression=None):
    """Write nested dictionaries of arrays, numbers and text as an HDF5 file with a checksum.

    It is made in memory, written under a temporary name in the same folder and renamed.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with h5py.File(f"{path}", "w", driver="core", backing_store=False, track_order=True) as file:
        file.attrs["format"] = FORMAT
        _write_group(file, tree, compression)
        file.flush()
        content = file.id.get_file_image()
    write_checked(path, content)


def _write_group(group, tree, compression):
    for key, value in tree.items():
        if isinstance(value, dict):
            _write_group(group.create_group(key, track_order=True), value, compression)
        elif isinstance(value, pd.DataFrame):
            table = group.create_group(key, track_order=True)
            table.attrs["_columns"] = list(value.columns)
            _write_group(table, {name: value[name].to_numpy() for name in value}, compression)
        elif np.ndim(value) == 0:
            group.attrs[key] = value
        else:
            array = np.asarray(value)
            if array.dtype.kind in "OU":
                group.create_dataset(key, data=array.astype(object), dtype=h5py.string_dtype())
                continue
            options = {"fletcher32": True, "compression": compression} if array.size else {}
            group.create_dataset(key, data=array, **options)


def read_tree(path):
    """Read a file of `write_tree`.

    Raises
    ------
    NewerFormat
        If a newer version of the package wrote it.
    ValueError
        If it is damaged.
    """
    content = read_checked(path)
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            found = int(file.attrs.get("format", 0))
            if found > FORMAT:
                raise NewerFormat(
                    f"{path} has format {found}, this version of brianprune reads up to {FORMAT}:"
                    " upgrade brianprune, or recompute into another folder"
                )
            return _read_group(file)
    except NewerFormat:
        raise
    except Exception as error:  # whatever damage does to HDF5
        raise ValueError(f"{path} is damaged or not a result file: {error}") from None


def _read_group(group):
    tree = {key: _plain(value) for key, value in group.attrs.items() if key != "format"}
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"'{key}' is a link, which result files do not have")
        item = group[key]
        if isinstance(item, h5py.Group):
            tree[key] = _read_group(item)
        elif item.is_virtual or item.external:
            raise ValueError(f"'{key}' is kept in another file, which result files do not do")
        else:
            tree[key] = item.asstr()[()] if h5py.check_string_dtype(item.dtype) else item[()]
    if "_columns" in tree:
        columns = [str(name) for name in tree["_columns"]]
        return pd.DataFrame({name: tree[name] for name in columns})
    return tree


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def require(holder, kinds, finite=True, **shapes):
    """Raise a ValueError if an array has not the shape, kind of numbers or finiteness that it must have.

    Parameters
    ----------
    holder : object or dict
        That has the arrays.
    kinds : str
        Kinds of NumPy types that are right.
    finite : bool
        Whether all numbers must be finite.
    **shapes
        By the array's name.
    """
    for name, shape in shapes.items():
        array = np.asarray(holder[name] if isinstance(holder, dict) else getattr(holder, name))
        if array.shape != tuple(shape):
            raise ValueError(f"'{name}' has the shape {array.shape}, not {tuple(shape)}")
        if array.dtype.kind not in kinds:
            raise ValueError(f"'{name}' is of type {array.dtype}")
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"'{name}' has numbers that are not finite")
