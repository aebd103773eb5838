"""What a notebook shows of a result: its summary and a small picture."""

import base64
import html
import io

import numpy as np

__all__ = ["page", "tiles"]


def page(title, summary, picture):
    """Return a table of a summary beside a picture as HTML.

    Parameters
    ----------
    title : str
    summary : dict
        Numbers by name.
    picture : array, shape (rows, columns)
    """
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name.replace('_', ' '))}</td>"
        f"<td style='text-align:left'>{_number(value)}</td></tr>"
        for name, value in summary.items()
    )
    return (
        f"<div><b>{html.escape(title)}</b></div><div style='display:flex; gap:1em'>"
        f"<table>{rows}</table><img alt='weights' src='{_png(picture)}'></div>"
    )


def _number(value):
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return f"{value:,}"


def tiles(images, most=25):
    """Return some images side by side in one, a line between them.

    Parameters
    ----------
    images : array, shape (images, rows, columns)
    most : int
        No more than this many.
    """
    images = np.asarray(images, dtype=float)[:most]
    across = int(np.ceil(np.sqrt(len(images))))
    down = -(-len(images) // across)
    rows, columns = images.shape[1:]
    found = np.full((down * (rows + 1), across * (columns + 1)), np.nan)
    for k, image in enumerate(images):
        y, x = k // across * (rows + 1), k % across * (columns + 1)
        found[y : y + rows, x : x + columns] = image
    return found


def _png(picture):
    """Return a picture as the address of an image; what is no number is white."""
    import matplotlib

    low, high = np.nanmin(picture), np.nanmax(picture)
    scaled = (picture - low) / (high - low if high > low else 1.0)
    colours = matplotlib.colormaps["viridis"](np.nan_to_num(scaled))
    colours[np.isnan(picture)] = 1.0
    zoom = max(1, 240 // max(picture.shape))
    colours = colours.repeat(zoom, axis=0).repeat(zoom, axis=1)
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray((255 * colours).astype(np.uint8)).save(content, format="png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
