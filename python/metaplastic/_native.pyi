"""Types of the C++ module; the package around it is what to use."""
import os
from typing import Any, Callable, Dict, List, MutableMapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Data = Any  # a SPEC, an array, a list, a data frame, what has __array__

__version__: str

class Error(ValueError):
    """Input that its user can fix; one line: expected, found, what to do."""

class Rule:
    """A rule as a value: its numbers and weights, the settings it is applied with, how it was made. Picklable.
    Arrays over its numbers are views: writing to them changes the rule."""

    def __init__(self, sizes: Optional[Dict[str, Any]] = None, theta: Optional[npt.ArrayLike] = None, *,
                 inner: Optional[Dict[str, Any]] = None, provenance: Optional[Dict[str, Any]] = None) -> None:
        """A rule of these sizes and settings (those that are not named have their defaults) with this theta,
        or one of zeros. Raises Error."""
    @staticmethod
    def load(name: Union[str, os.PathLike[str]]) -> Rule:
        """A rule file, or the name of a bundled rule. Raises Error."""
    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a rule file atomically, for ``--rule`` of the command line. Raises Error."""
    @property
    def theta(self) -> Floats:
        """All its numbers [P], a view. Assigning copies numbers of the same length."""
    @theta.setter
    def theta(self, values: npt.ArrayLike) -> None: ...
    @property
    def matrices(self) -> Dict[str, Floats]:
        """theta's matrices by name, views [inputs, outputs]; docs/method.md uses the same names."""
    @property
    def mix(self) -> MutableMapping[str, float]:
        """The weights of the terms by name: ``rule.mix["hebb"] = 0.2``."""
    @property
    def terms(self) -> List[str]:
        """Names of the terms, in the order of the mix."""
    @property
    def sizes(self) -> Dict[str, Any]:
        """The section [rule] of a config; fixed."""
    @property
    def inner(self) -> Dict[str, Any]:
        """The settings it is applied with. Assigning a dict changes those that it names."""
    @inner.setter
    def inner(self, values: Dict[str, Any]) -> None: ...
    @property
    def provenance(self) -> Dict[str, Any]:
        """How it was made, as JSON."""
    @provenance.setter
    def provenance(self, values: Dict[str, Any]) -> None: ...
    @property
    def name(self) -> str:
        """As it was loaded, and whether it was changed since."""
    @property
    def sha256(self) -> str:
        """Digest of its file; what encoders record. "" for a classical rule."""

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
    def embed(self, data: Data, layer: Union[int, str, None] = None, with_input: Optional[bool] = None,
              num_threads: Optional[int] = None, columns: Optional[Sequence[str]] = None) -> Any:
        """Features [N, F] of raw rows, of whatever trains. layer: from 1 up, "top" or "all" side by
        side; with_input: the prepared inputs, scaled, before them. Without either: what the encoder was
        made to give. columns: names of an array's columns; a data frame brings its own. Columns are
        found by name where the data and the encoder have names, else by position, with a warning where
        one of them has names. num_threads: None is all cores, or as many as OMP_NUM_THREADS says. The same
        bits for any num_threads, N and order of rows. A Dask array gives a Dask array with the same blocks of rows,
        computed where Dask computes; a Dask data frame gives one with columns encoder0, ...
        Raises Error for rows of another kind and for features that are not finite."""
    def get_feature_names_out(self, layer: Optional[int] = None) -> npt.NDArray[np.object_]:
        """encoder0, encoder1, .. for the units of a layer, the top one by default."""
    @property
    def feature_names_in_(self) -> npt.NDArray[np.object_]:
        """Names of a table's columns, in the order of the encoder. Raises AttributeError where the training data
        had none, as in scikit-learn."""
    @property
    def columns(self) -> List[str]:
        """The same, or "0", "1", ..; empty for images and text."""
    @property
    def constant_columns(self) -> List[str]:
        """Columns that held one value in all training rows and become 0."""
    def weights(self, layer: int) -> Floats:
        """Weights [inputs of a unit, units] of layer 1.., batch norm folded in; a conv layer's inputs
        are a window, row by row with the channels of a pixel together."""
    @property
    def widths(self) -> List[int]:
        """Features of every layer, inputs first; a conv layer is read behind its pools."""
    @property
    def num_features(self) -> int:
        """What ``embed`` gives out for each row, without ``layer`` and ``with_input``."""
    @property
    def readout(self) -> str:
        """Which layers that is, in words."""
    @property
    def layers(self) -> str:
        """All layers in words, e.g. ``conv 128 7x7, pool 3x3, dense 128``."""
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
        """The weights before batch norm is folded in, then their mean that is read out: [2 phi_size]."""
    @property
    def inner_steps(self) -> int: ...
    @property
    def notes(self) -> List[str]: ...
    @property
    def health(self) -> Dict[str, Any]: ...

def train_encoder(rule: Union[str, Rule], data: Data, *, hidden: Sequence[int], features: int, activation: str,
                  inner_steps: Optional[int] = None, inner_batch: Optional[int] = None, seed: int = 0,
                  resize: Optional[int] = None, variant: str = "usual",
                  columns: Optional[Sequence[str]] = None, layers: Optional[str] = None,
                  layer: str = "top", with_input: bool = False, kind: Optional[str] = None,
                  views: Optional[str] = None, num_threads: int = 1,
                  progress: Optional[Callable[[int, int], object]] = None) -> Applied: ...
def continue_training(rule: Union[str, Rule], data: Data, encoder: Encoder, phi: Floats, *, inner_steps: int,
                      inner_batch: int, columns: Optional[Sequence[str]] = None, num_threads: int = 1,
                      progress: Optional[Callable[[int, int], object]] = None) -> Applied: ...
class FewLabelFit:
    @property
    def encoder(self) -> Encoder: ...
    @property
    def table(self) -> str: ...
    @property
    def notes(self) -> List[str]: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def trials(self) -> List[Dict[str, Any]]: ...
def fit_few_labels(rule: str, data: Data, codes: Sequence[int], class_names: Sequence[str],
                   columns: Optional[Sequence[str]], settings: Dict[str, Any],
                   progress: Optional[Callable[[int, int], object]]) -> FewLabelFit: ...
def refit_few_labels(encoder: Encoder, data: Data, codes: Sequence[int], class_names: Sequence[str],
                     columns: Optional[Sequence[str]], settings: Dict[str, Any]) -> FewLabelFit: ...
def predict_proba(encoder: Encoder, data: Data, columns: Optional[Sequence[str]] = None) -> Floats: ...
def class_names(encoder: Encoder) -> List[str]: ...
def read_data(spec: str) -> Tuple[npt.NDArray[Any], Optional[npt.NDArray[np.int64]], Dict[str, Any]]: ...
def rule_names() -> List[str]: ...
def rule_inner_steps(rule: Union[str, Rule]) -> int: ...
def activation_names() -> List[str]: ...

class TaskState:
    """One trajectory of the inner loop between two truncations, and what its last estimate came to.
    A value: picklable, and goes on on any machine."""

    @property
    def slot(self) -> int:
        """Its place among the trajectories in flight, 0 to outer.outer_batch - 1."""
    @property
    def generation(self) -> int:
        """Trajectories finished or given up in this slot."""
    @property
    def inner_step(self) -> int: ...
    @property
    def truncation(self) -> int: ...
    @property
    def phi(self) -> Floats:
        """The base model's weights [phi_size]."""
    @property
    def inner_steps(self) -> int:
        """Of the last estimate."""
    @property
    def meta_loss(self) -> float: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def finite(self) -> bool: ...

class InnerLoop:
    """Tasks and inner loop of a config, given as JSON. Raises Error. Any number of threads may use it."""

    def __init__(self, config_json: str, families: Sequence[Any] = ()) -> None: ...
    @property
    def num_parameters(self) -> int:
        """P, the length of theta."""
    @property
    def tasks(self) -> List[str]:
        """One line per task family."""
    def initial_theta(self, seed: int = 0) -> Floats:
        """[P], where a run of this config starts (outer.init_rule)."""
    def open(self, slot: int, seed: int = 0, outer_step: int = 0) -> TaskState:
        """The first state of a slot; outer_step matters only with a curriculum."""
    def validate(self, theta: Floats, seed: int = 0, *, num_threads: int = 1) -> Dict[str, Any]:
        """See metaplastic.meta.validate. The GIL is released."""
    def estimate(self, theta: Floats, task_state: TaskState, seed: int = 0,
                 outer_step: int = 0) -> Tuple[Floats, TaskState]:
        """See metaplastic.meta.estimate. The GIL is released."""

class OuterLoop:
    """The outer half of a run whose gradients are made elsewhere; see metaplastic.elastic."""

    def __init__(self, config_json: str, out: str, seed: int = 0, resume: bool = False,
                 families: Sequence[Any] = ()) -> None: ...
    @property
    def theta(self) -> Floats: ...
    @property
    def average(self) -> Floats: ...
    @property
    def outer_step(self) -> int: ...
    @property
    def seed(self) -> int: ...
    def states(self) -> List[TaskState]: ...
    def update(self, gradients: Sequence[Floats], task_states: Sequence[TaskState], *,
               seconds: float = 0, num_threads: int = 1,
               on_note: Optional[Callable[[str], object]] = None) -> Dict[str, Any]: ...
    def save(self) -> None: ...

def rule_from_config(config_json: str, theta: npt.ArrayLike, provenance: Optional[Dict[str, Any]] = None) -> Rule: ...
def config_from_toml(path: str) -> str: ...
def full_config(config_json: str) -> str: ...
def run_training(config_json: str, out: str, *, seed: int, num_threads: int, resume: bool, minutes: float,
                 on_step: Callable[[Dict[str, Any]], bool],
                 on_note: Optional[Callable[[str], object]], families: Sequence[Any] = ()) -> str: ...

HOMEOSTATIC_SHARE: float

class NativeStep:
    """Under metaplastic.meta.step: arrays in and out, in float32 or float64; the GIL is released."""

    def __init__(self, rule: Union[Rule, Dict[str, Any]], widths: Sequence[int], activation: str, inner_lr: float,
                 homeostatic_share: float) -> None: ...
    @property
    def num_phi(self) -> int: ...
    @property
    def num_theta(self) -> int: ...
    @property
    def has_two_views(self) -> bool: ...
    @property
    def phi_entries(self) -> List[Tuple[str, int, int, int]]:
        """Name, offset, rows and columns of each matrix."""
    @property
    def theta_entries(self) -> List[Tuple[str, int, int, int]]: ...
    def initial_phi(self, weight_std: float, bias_std: float, truncated: bool, seed: int) -> Floats: ...
    def forward(self, phi: npt.NDArray[Any], batch: npt.NDArray[Any],
                theta: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
    def vjp(self, phi: npt.NDArray[Any], batch: npt.NDArray[Any], theta: npt.NDArray[Any],
            next_bar: npt.NDArray[Any],
            with_batch: bool) -> Tuple[npt.NDArray[Any], Optional[npt.NDArray[Any]], npt.NDArray[Any]]: ...

class EventFile:
    """A new event file of TensorBoard in a folder; see metaplastic.callbacks."""

    def __init__(self, folder: str, first_step: int) -> None: ...
    def write(self, step: int, scalars: Dict[str, float]) -> None: ...
    @property
    def path(self) -> str: ...
