"""Types of the C++ module; the package around it is what to use."""
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Data = Union[str, npt.NDArray[Any]]

__version__: str

class Error(ValueError):
    """Input that its user can mend; one line: expected, found, what to do."""

class Encoder:
    """Preprocessing and network in one; immutable, picklable, and a file of the command line."""

    @staticmethod
    def load(path: str) -> Encoder:
        """Reads what ``metaplastic apply --model`` or :meth:`save` wrote. Raises Error."""
    def save(self, path: str) -> None:
        """Writes a safetensors file atomically, for ``metaplastic embed``. Raises Error."""
    def export_onnx(self, path: str, pixel_max: float = 255) -> None:
        """Writes an ONNX model atomically, preprocessing included, as ``metaplastic export``.
        pixel_max: images only, the value of white in the model's input. Raises Error."""
    def embed(self, data: Data, layer: Optional[int] = None, num_threads: int = 1) -> Floats:
        """Features [N, widths[layer]] of raw rows: a SPEC or an array as in training. layer: 1 to
        the top one, the default. The same bits for any num_threads, N and order of rows.
        Raises Error for rows of another kind and for features that are not finite."""
    def weights(self, layer: int) -> Floats:
        """Weights [widths[layer-1], widths[layer]] of layer 1.., batch norm folded in."""
    @property
    def widths(self) -> List[int]:
        """Units per layer, inputs first."""
    @property
    def activation(self) -> str: ...
    @property
    def preprocessing(self) -> str:
        """One line: what is done to a row."""
    @property
    def record_json(self) -> str:
        """How it was made, as JSON."""

class Applied:
    @property
    def encoder(self) -> Encoder: ...
    @property
    def phi(self) -> Floats:
        """The weights before batch norm is folded in: [phi_size]."""
    @property
    def inner_steps(self) -> int: ...
    @property
    def notes(self) -> List[str]: ...
    @property
    def health(self) -> Dict[str, Any]: ...

def train_encoder(rule: str, data: Data, *, hidden: Sequence[int], features: int, activation: str,
                  inner_steps: Optional[int] = None, inner_batch: Optional[int] = None, seed: int = 0,
                  resize: Optional[int] = None, columns: Optional[Sequence[str]] = None,
                  progress: Optional[Callable[[int, int], object]] = None) -> Applied: ...
def continue_training(rule: str, data: Data, encoder: Encoder, phi: Floats, *, inner_steps: int,
                      inner_batch: int,
                      progress: Optional[Callable[[int, int], object]] = None) -> Applied: ...
def read_data(spec: str) -> Tuple[Floats, Optional[npt.NDArray[np.int64]], Dict[str, Any]]: ...
def rule_names() -> List[str]: ...
def rule_inner_steps(rule: str) -> int: ...
def activation_names() -> List[str]: ...
