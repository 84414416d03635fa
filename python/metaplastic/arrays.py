"""What Python calls numbers, as NumPy arrays that the C++ module reads: one way in for training and
for embedding. What would change its meaning on the way is refused, in scikit-learn's words where it
has some."""
from __future__ import annotations

import datetime
import os
import sys
import warnings
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ._native import Error


def as_array(data: Any, columns: Optional[Sequence[str]] = None) -> Tuple[np.ndarray, Optional[List[str]]]:
    """(array of bool, whole numbers or floats; names of its columns or None) of arrays, lists, data
    frames (pandas, Polars) and whatever has ``__array__``. A sparse matrix of SciPy's becomes one in rows (CSR),
    with float32 or float64 numbers. A missing value becomes NaN, which is refused
    where it is read. Arrays of such types are handed on without a copy. Raises Error."""
    if isinstance(data, os.PathLike):
        raise Error(f"data: expected an array or a data SPEC, found the path {os.fspath(data)!r}; give a str that "
                    "says what it holds, such as 'csv:FILE' or 'npy:FILE'")
    names = column_names(data) if columns is None else _names_of(list(columns))
    check_type(data)
    if is_sparse(data):
        return _rows_of_sparse(data), names
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _array_of_frame(data), names
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getattr(np, "VisibleDeprecationWarning", FutureWarning))  # ragged lists
            array = np.asarray(data)
    except (TypeError, ValueError, RuntimeError, Warning) as error:
        raise Error(f"data: expected an array of numbers, found {_short(error)}; make its rows equally long "
                    "and its values numbers") from error
    check_type(array)
    return _numbers(array), names


def column_names(data: Any) -> Optional[List[str]]:
    """The names of a data frame's columns when all are strings or all whole numbers, else None.
    Raises Error for names that are not unique, or of several types."""
    columns = getattr(data, "columns", None)
    if columns is None or not (hasattr(data, "dtypes") or hasattr(data, "schema")):
        return None
    return _names_of(list(columns))


def _names_of(columns) -> Optional[List[str]]:
    twice = sorted({str(name) for name in columns if columns.count(name) > 1})
    if twice:
        raise Error(f"data: Selected columns, {twice[:8]}, are not unique in dataframe; rename or drop them")
    if all(isinstance(name, str) for name in columns):
        return [str(name) for name in columns]
    if any(isinstance(name, str) for name in columns):
        types = sorted({type(name).__name__ for name in columns})
        raise Error("data: Feature names are only supported if all input features have string names, but your "
                    f"input has {types} as feature name / column name types; use X.columns.astype(str)")
    if all(isinstance(name, (int, np.integer)) and not isinstance(name, bool) for name in columns):
        return [str(int(name)) for name in columns]
    return None


def match_names(names: Optional[List[str]], fitted: List[str], count: int) -> List[str]:
    """What the columns of ``count``-column data are to an encoder that was fitted on columns of the names
    ``fitted``: matched by name where both have names, else by position, with scikit-learn's warning."""
    positions = [str(n) for n in range(len(fitted))]
    if names == [str(n) for n in range(count)]:
        names = names if set(names) == set(fitted) else None
    if names is not None and set(names) == set(fitted):
        return names
    if names is not None and fitted != positions:
        unseen, missing = (sorted(set(a) - set(b)) for a, b in ((names, fitted), (fitted, names)))
        what = [f"{text}: {', '.join(map(repr, some[:5]))}{', ..' if len(some) > 5 else ''}"
                for text, some in (("unseen at fit time", unseen), ("seen at fit time, yet now missing", missing))
                if some]
        raise Error("data: The feature names should match those that were passed during fit; feature names "
                    + "; ".join(what))
    if count != len(fitted):
        raise Error(f"array: expected {len(fitted)} columns, found {count}; use data of the same columns")
    if names is not None:
        warnings.warn("X has feature names, but Encoder was fitted without feature names", stacklevel=3)
    elif fitted != positions:
        warnings.warn("X does not have valid feature names, but Encoder was fitted with feature names",
                      stacklevel=3)
    return fitted


def is_sparse(data: Any) -> bool:
    """Of SciPy's matrices and arrays."""
    return hasattr(data, "tocsr") and hasattr(data, "nnz")


def _rows_of_sparse(data):
    rows = data.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def check_type(data: Any) -> None:
    """Raises Error for what NumPy or scikit-learn would turn into other numbers without a word: complex
    numbers, dates, masked values, records."""
    if is_sparse(data):
        _check_kind(data.dtype, "")
    if isinstance(data, np.ma.MaskedArray) and np.ma.getmaskarray(data).any():
        raise Error(f"data: expected values everywhere, found {int(np.ma.getmaskarray(data).sum())} masked ones; "
                    "fill them, or drop their rows")
    if hasattr(data, "iloc") and hasattr(data, "dtypes"):
        dtypes = list(data.dtypes) if hasattr(data, "columns") else [data.dtypes]
        names = list(data.columns) if hasattr(data, "columns") else ["the series"]
        for name, dtype in zip(names, dtypes):
            _check_kind(dtype, f" in column {str(name)!r}")
    elif isinstance(data, (np.ndarray, np.generic)):
        _check_kind(data.dtype, "")
        if data.dtype.kind == "O":
            _check_objects(np.asarray(data))


def _check_kind(dtype, where) -> None:
    kind = getattr(dtype, "kind", "O")
    if kind == "c":
        raise Error(f"data: Complex data not supported, found {dtype}{where}; give its parts as columns")
    if kind in "Mm" or str(dtype).startswith("period"):
        raise Error(f"data: dates and times could not be promoted to numbers, found {dtype}{where}; turn them into "
                    "numbers that mean something, such as days since a start")
    if kind in "US" and isinstance(dtype, np.dtype):
        raise Error(f"data: dtype='numeric' is not compatible with arrays of bytes/strings, found {dtype}{where}. "
                    "Convert your data to numeric values explicitly instead.")
    if kind == "V":
        raise Error(f"data: expected numbers, found records ({dtype}){where}; give their fields as columns")


def _check_objects(array) -> None:
    for value in array.flat:
        if isinstance(value, (complex, np.complexfloating)):
            raise Error(f"data: Complex data not supported, found {value!r}; give its parts as columns")
        if isinstance(value, (datetime.date, datetime.timedelta, np.datetime64, np.timedelta64)):
            raise Error(f"data: dates and times could not be promoted to numbers, found {str(value)!r}; turn them "
                        "into numbers that mean something, such as days since a start")


def _array_of_frame(frame) -> np.ndarray:
    """pandas: without a copy where all columns have one type of NumPy's, else float64."""
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), np.dtype) and next(iter(dtypes)).kind in "biuf":
        return _numbers(frame.to_numpy())
    result = np.empty(frame.shape, np.float64)
    for n in range(frame.shape[1]):
        column = frame.iloc[:, n]
        if getattr(column.dtype, "kind", "O") in "biuf":
            result[:, n] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            result[:, n] = _floats(column.to_numpy(dtype=object), f" in column {str(frame.columns[n])!r}")
    return result


def _numbers(array: np.ndarray) -> np.ndarray:
    """An array of a type that the C++ module reads: bool, whole numbers, floats of 16 to 64 bits."""
    if array.dtype.kind in "biu" or (array.dtype.kind == "f" and array.dtype.itemsize <= 8):
        return array
    return array.astype(np.float64) if array.dtype.kind == "f" else _floats(array, "")


def _floats(array, where) -> np.ndarray:
    array = np.asarray(array)
    _check_kind(array.dtype, where)
    if array.dtype.kind == "O":
        _check_objects(array)
        missing = getattr(sys.modules.get("pandas"), "NA", None)
        if missing is not None:
            gone = np.asarray(np.frompyfunc(lambda value: value is missing, 1, 1)(array), dtype=bool)
            array = np.where(gone, np.nan, array)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise Error(f"data: expected an array of numbers, {_short(error)}{where}; encode its categories "
                    "first") from error


def _short(error) -> str:
    return " ".join(str(error).split())[:200]
