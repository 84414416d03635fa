"""The scikit-learn transformer."""
from __future__ import annotations

import numbers
from typing import Any, Optional, Sequence, Union

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from . import _native, arrays
from .encoder import warn_of_collapse
from .live_line import LiveLine
from .threads import count_threads

try:  # scikit-learn 1.1 and later: names of the outputs, and set_output where it exists
    from sklearn.base import ClassNamePrefixFeaturesOutMixin
except ImportError:
    from sklearn.base import _ClassNamePrefixFeaturesOutMixin as ClassNamePrefixFeaturesOutMixin
try:  # scikit-learn 1.6 and later
    from sklearn.utils.validation import validate_data
except ImportError:
    def validate_data(estimator, X, **options):
        return estimator._validate_data(X, **options)

DTYPES = (np.float64, np.float32)


class UnsupervisedUpdate(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Features from a network that a learned rule trained on unlabelled rows.

    The network is a small MLP with batch norm. A neuron-local rule, the same for every neuron and
    meta-learned beforehand, changes its weights step by step; there is no loss and no label.
    Source: Metz et al., ICLR 2019, arXiv 1804.00222.

    Parameters
    ----------
    rule : str or metaplastic.Rule, default="compact-v1"
        A rule file, the name of a bundled rule (``metaplastic.rule_names()``), or a rule itself.
    hidden : tuple of int, default=(128, 128)
        Widths of the hidden layers, from the input up.
    n_features : int, default=128
        Width of the top layer.
    activation : str, default="relu"
        relu, leaky_relu, tanh, elu, sigmoid, softplus, swish or step.
    n_steps : int or "auto", default="auto"
        Inner steps of ``fit``. "auto": the number that the rule is evaluated at. For ``partial_fit`` "auto" is
        one step per ``inner_batch`` rows of the call, at least one.
    inner_batch : int, default=64
        Rows per inner step, at least 2; all rows where there are fewer.
    variant : str, default="usual"
        Of a rule that walks among neighbours, such as the default: usual, alike, alone, noisy, mixed,
        dense, far or apart, how it is applied. Which one serves the data is worth a grid search.
    layer : int or str, default="top"
        What ``transform`` returns: a layer from 1 up, "top", or "all" of them side by side.
    with_input : bool, default=False
        Put the standardised inputs before the features, multiplied by one number so that they vary
        as much as the features do.
    random_state : int, RandomState or None, default=None
        Seed of initial weights and batches. An int gives the same bits as the command line does
        with ``--seed``.
    n_jobs : int or None, default=None
        Threads of ``fit`` and ``transform``, as joblib counts them. None: all cores, or as many as
        OMP_NUM_THREADS says (joblib sets it in its workers). The result does not depend on it.
    verbose : int, default=0
        1: one line on stderr; on a terminal it shows progress first.

    Attributes
    ----------
    encoder_ : metaplastic.Encoder
        Network and preprocessing; ``encoder_.save(path)`` writes a file for ``metaplastic embed``.
    n_features_in_ : int
    feature_names_in_ : ndarray of str; only when ``fit`` saw string column names.
    n_steps_ : int
        Inner steps done, those of every ``partial_fit`` counted.
    health_ : dict
        Of the last training, see :class:`metaplastic.Training`.

    Notes
    -----
    Columns are standardised first (in ``partial_fit``: by the first call's rows). Everything is
    computed in float32; float32 input gives float32 features, float64 input float64 ones.
    Memory-mapped and read-only arrays in either order are read where they lie, row by row.
    Signs of a collapse, and constant columns, are a :class:`metaplastic.CollapseWarning` each.
    Column names are saved with ``encoder_``; whole numbers as names count, too.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from metaplastic import UnsupervisedUpdate
    >>> X, _ = load_wine(return_X_y=True)
    >>> UnsupervisedUpdate("hebb-decorrelate", n_features=8, random_state=0).fit_transform(X).shape
    (178, 8)
    """

    def __init__(self, rule: Union[str, _native.Rule] = "compact-v1", hidden: Sequence[int] = (128, 128), n_features: int = 128,
                 activation: str = "relu", n_steps: Union[int, str] = "auto", inner_batch: int = 64,
                 variant: str = "usual", layer: Union[int, str] = "top", with_input: bool = False,
                 random_state: Union[int, np.random.RandomState, None] = None,
                 n_jobs: Optional[int] = None, verbose: int = 0):
        self.rule = rule
        self.hidden = hidden
        self.n_features = n_features
        self.activation = activation
        self.n_steps = n_steps
        self.inner_batch = inner_batch
        self.variant = variant
        self.layer = layer
        self.with_input = with_input
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> UnsupervisedUpdate:
        """Trains a fresh network on X [n_samples, n_features_in], n_samples >= 2; y is ignored.

        Raises ValueError with one line for parameters or rows that cannot be used, for instance
        when the weights do not stay finite. Returns self.
        """
        n_steps = self._check_parameters()
        names = self._check_input(X)
        X = validate_data(self, X, dtype=DTYPES, accept_sparse="csr", ensure_min_samples=2)
        return self._start(X, n_steps, names)

    def partial_fit(self, X: Any, y: Any = None) -> UnsupervisedUpdate:
        """Goes on training with the rows X [n_samples, n_features_in], n_samples >= 2; y is ignored.

        The first call starts a fresh network and fits the standardisation to its rows; later ones
        (and calls after ``fit``) keep it. The statistics of batch norm are those of the last call's
        rows. Returns self.
        """
        n_steps = self._check_parameters()
        first = not hasattr(self, "encoder_")
        names = self._check_input(X)
        X = validate_data(self, X, dtype=DTYPES, accept_sparse="csr", ensure_min_samples=2, reset=first)
        if n_steps is None:
            n_steps = max(1, X.shape[0] // int(self.inner_batch))
        if first:
            return self._start(X, n_steps, names)
        return self._keep(_native.continue_training(
            self.rule, X, self.encoder_, self._phi, inner_steps=n_steps,
            inner_batch=int(self.inner_batch), columns=self._columns(names), progress=self._progress(),
            num_threads=count_threads(self.n_jobs)))

    def transform(self, X: Any) -> Any:  # an array, or a data frame after set_output
        """Features [n_samples, n_features] of the rows X [n_samples, n_features_in].

        A row's features do not depend on the rows it comes with.
        """
        check_is_fitted(self, "encoder_")
        names = self._check_input(X)
        X = validate_data(self, X, dtype=DTYPES, accept_sparse="csr", reset=False)
        features = self.encoder_.embed(X, columns=self._columns(names),
                                       num_threads=count_threads(self.n_jobs))
        return features if X.dtype == np.float32 else features.astype(X.dtype)

    @property
    def _n_features_out(self):
        return self.encoder_.num_features

    def _start(self, X, n_steps, names):
        return self._keep(_native.train_encoder(
            self.rule, X, hidden=[int(width) for width in self.hidden],
            features=int(self.n_features), activation=self.activation, inner_steps=n_steps,
            inner_batch=int(self.inner_batch), seed=self._draw_seed(), variant=str(self.variant),
            layer=str(self.layer), with_input=bool(self.with_input), columns=names,
            progress=self._progress(), num_threads=count_threads(self.n_jobs)))

    def _keep(self, applied):
        self.encoder_ = applied.encoder
        self._phi = applied.phi
        self.n_steps_ = applied.inner_steps
        self.health_ = applied.health
        warn_of_collapse(self.encoder_, self.health_, stacklevel=4)
        if self.verbose:
            said = [f"{self.n_steps_} inner steps, {self.encoder_.num_features} features", *applied.notes]
            self.__dict__.pop("_line").finish("; ".join(said))
        return self

    @staticmethod
    def _check_input(X):
        """The names of X's columns or None. Refuses what scikit-learn would convert without a word."""
        arrays.check_type(X)
        return arrays.column_names(X)

    def _columns(self, names):
        """The names to find columns by. scikit-learn has compared strings, order included, and warned;
        whole numbers are left."""
        fitted = self.encoder_.columns
        return names if names is not None and set(names) == set(fitted) else fitted

    def _check_parameters(self):
        """Inner steps, None for "auto". Ranges are checked where the numbers are used."""
        if isinstance(self.n_steps, str):
            if self.n_steps != "auto":
                raise _native.Error(f"n_steps: expected a number or 'auto', found {self.n_steps!r}")
            n_steps = None
        else:
            n_steps = self.n_steps
        whole = [("n_features", self.n_features), ("inner_batch", self.inner_batch)]
        if not isinstance(self.hidden, (tuple, list, np.ndarray)):
            raise _native.Error(f"hidden: expected a tuple of widths, found {self.hidden!r}")
        whole += [("hidden", width) for width in self.hidden]
        whole += [] if n_steps is None else [("n_steps", n_steps)]
        for name, value in whole:
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise _native.Error(f"{name}: expected a whole number, found {value!r}")
        return None if n_steps is None else int(n_steps)

    def _draw_seed(self):
        if isinstance(self.random_state, numbers.Integral):
            if not 0 <= self.random_state < 2**63:
                raise _native.Error("random_state: expected 0 to 2**63 - 1, found "
                                    f"{self.random_state}")
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _progress(self):
        if not self.verbose:
            return None
        self._line = LiveLine("UnsupervisedUpdate")
        return self._line.update

    def _more_tags(self):  # scikit-learn up to 1.5
        return {"preserves_dtype": [np.float64, np.float32]}

    def __sklearn_tags__(self):  # scikit-learn 1.6 and later
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
