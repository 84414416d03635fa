"""Embedding Dask collections block by block, on whatever runs their tasks: rows beyond one machine's memory."""
from __future__ import annotations

import sys
from typing import Any, Optional, Sequence, Union

import numpy as np

from ._native import Encoder, Error
from .threads import count_threads

_embed_in_memory = Encoder.embed


def is_dask(data: Any) -> bool:
    return "dask" in sys.modules and hasattr(data, "dask") and (hasattr(data, "map_blocks")
                                                                or hasattr(data, "map_partitions"))


def embed(self: Encoder, data: Any, layer: Union[int, str, None] = None, with_input: Optional[bool] = None,
          num_threads: Optional[int] = None, columns: Optional[Sequence[str]] = None) -> Any:
    options = {"layer": layer, "with_input": with_input, "columns": columns}
    if not is_dask(data):
        return _embed_in_memory(self, data, num_threads=count_threads(None) if num_threads is None else num_threads,
                                **options)
    options["num_threads"] = num_threads or 1  # Dask runs a block per thread
    return _embed_frame(self, data, options) if hasattr(data, "to_dask_array") else _embed_array(self, data, options)


embed.__doc__ = _embed_in_memory.__doc__


def _width(encoder, data, options):
    """Features of a row, from one row of zeros of the data's shape and type."""
    return _embed_in_memory(encoder, data, **options).shape[1]


def _embed_array(encoder, data, options):
    if data.ndim < 2:
        raise Error(f"data: expected a Dask array of rows, found {data.ndim} dimension; reshape it")
    data = data.rechunk({axis: -1 for axis in range(1, data.ndim)})
    width = _width(encoder, np.zeros((1, *data.shape[1:]), data.dtype), options)
    return data.map_blocks(_block, encoder, options, dtype=np.float32, chunks=(data.chunks[0], (width,)),
                           drop_axis=list(range(2, data.ndim)), meta=np.empty((0, 0), np.float32))


def _embed_frame(encoder, data, options):
    """A data frame with the same index and the columns encoder0, encoder1, .."""
    import pandas
    first = pandas.DataFrame({name: np.zeros(1, dtype) for name, dtype in data._meta.dtypes.items()})
    names = [f"encoder{n}" for n in range(_width(encoder, first, options))]
    meta = pandas.DataFrame({name: np.empty(0, np.float32) for name in names}, index=data._meta.index[:0])
    return data.map_partitions(_part, encoder, options, names, meta=meta)


def _block(block, encoder, options):
    if len(block) == 0:
        return np.empty((0, _width(encoder, np.zeros((1, *block.shape[1:]), block.dtype), options)), np.float32)
    return _embed_in_memory(encoder, block, **options)


def _part(part, encoder, options, names):
    import pandas
    values = _embed_in_memory(encoder, part, **options) if len(part) else np.empty((0, len(names)), np.float32)
    return pandas.DataFrame(values, index=part.index, columns=names)
