"""The scikit-learn classifier for many rows of which few have a label."""
from __future__ import annotations

import numbers
import sys
import warnings
from typing import Any, Optional, Sequence, Union

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_consistent_length, check_is_fitted

from . import _native, arrays, images
from .estimator import DTYPES, ClassNamePrefixFeaturesOutMixin, validate_data
from .live_line import LiveLine
from .threads import count_threads


def split_labels(y: Any):
    """Labels as (classes, codes): codes count classes, and are -1 for rows without a label.

    Rows without a label are -1 (as in ``sklearn.semi_supervised``), None or NaN; where the labels
    are strings, -1 or "-1", too. A y of -1 and one other number is a binary y, as everywhere else
    in scikit-learn: its -1 is a class, with a warning.
    """
    y = np.asarray(y)
    missing = np.array([value is None or value != value for value in y.tolist()], dtype=bool)
    if y.dtype.kind in "OUS":
        text = y.dtype.kind != "O" or any(isinstance(value, str) for value in y[~missing])
        missing |= np.array([str(value) == "-1" if text else bool(value == -1)
                             for value in y.tolist()], dtype=bool)
        known = y[~missing]
        if not text:
            known = known.astype(np.float64)
            known = known.astype(np.int64) if (known == known.astype(np.int64)).all() else known
    elif y.dtype.kind == "f":
        missing |= y == -1
        known = y[~missing]
        if missing.any() and (known == np.floor(known)).all():
            known = known.astype(np.int64)
    elif y.dtype.kind == "b":
        known = y[~missing]
    else:
        missing |= y == -1
        known = y[~missing]
    if missing.any() and y.dtype.kind in "if" and len(np.unique(known)) == 1 and np.isfinite(y).all():
        warnings.warn(f"y holds -1 and {known[0]} alone: both are taken for classes; mark rows "
                      "without a label by -1 beside two classes or more", UserWarning, stacklevel=3)
        missing[:], known = False, y
    classes, codes_of_known = np.unique(known, return_inverse=True)
    codes = np.full(len(y), -1, dtype=np.int64)
    codes[~missing] = codes_of_known
    return classes, codes


class FewLabelClassifier(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin,
                         BaseEstimator):
    """A classifier for many rows of which few have a label.

    ``fit`` trains a network on all rows by a meta-learned rule that needs no label. The classifier is
    logistic regression of the standardised inputs, blended with ridge regression of the network's
    layers. Penalties and weights come from cross-validation on the labelled rows alone. Where the
    blend is not better, the classifier is logistic regression.

    Parameters
    ----------
    rule : str, default="compact-v1"
        A rule file, or the name of a bundled rule (``metaplastic.rule_names()``).
    hidden : tuple of int, default=(128, 128)
        Widths of the hidden layers, from the input up.
    n_features : int, default=128
        Width of the top layer.
    layers : str or None, default=None
        "mlp" (``hidden`` and ``n_features`` alone), "images" or "signals" (conv layers below them), or
        all layers in words. None: "images" where X holds images of 8 x 8 and more, "signals" where it
        holds signals of 16 steps and more, else "mlp".
    kind : str or None, default=None
        "signal" reads X as signals [n_samples, time] or [n_samples, time, channels]. None: by its
        dimensions, see Notes.
    image_shape : "auto", None or tuple, default="auto"
        (height, width) or (height, width, channels) of the images that rows of X hold, row by row.
        "auto": the shape of X where it has more than two axes, and of square grey images whose pixels
        are the columns of X (with a warning). None: columns are a table.
    activation : str, default="relu"
        relu, leaky_relu, tanh, elu, sigmoid, softplus, swish or step.
    n_steps : int or "auto", default="auto"
        Inner steps of the training. "auto": the number that the rule is evaluated at.
    inner_batch : int or "auto", default="auto"
        Rows per inner step. "auto": what the rule was meta-trained with.
    variants : tuple of str, default=("usual",)
        Variants of the rule to choose from; each takes one training.
    cv : int, default=5
        Folds of the cross-validation, stratified.
    n_repeats : int, default=3
        Repeats of the cross-validation, with other folds.
    random_state : int, RandomState or None, default=None
        Seed of initial weights, batches and folds.
    n_jobs : int or None, default=None
        Threads of training and prediction, as joblib counts them. None: all cores, or as many as
        OMP_NUM_THREADS says (joblib sets it in its workers). The result does not depend on it.
    verbose : int, default=0
        1: what was chosen, one line on stderr. 2: the table of what was tried.

    Attributes
    ----------
    classes_ : ndarray
        The classes, sorted. -1, None and NaN are no classes.
    encoder_ : metaplastic.Encoder
        Network, preprocessing and classifier; ``encoder_.save(path)`` writes a file for
        ``metaplastic predict``, ``encoder_.export_onnx(path)`` an ONNX model.
    accuracy_ : float
        Out-of-fold accuracy of the classifier, on the labelled rows.
    readout_ : str
        What the classifier reads: "input", "1, with input" or "all, with input".
    share_ : float
        Share of ridge regression in the blend, from 0 (logistic regression alone) to 0.875.
    trials_ : list of dict
        What cross-validation says of logistic regression, then of each read-out beside it, and the
        weight of each.
    image_shape_ : tuple of int or None
        The shape of the images; None: a table.
    n_features_in_ : int
    feature_names_in_ : ndarray of str; only when ``fit`` saw string column names.

    Notes
    -----
    X is [n_samples, n_columns], or images [n_samples, height, width] or [.., channels]. White is 255
    or 65535 in images of uint8 or uint16, else the first of 1, 16, 255 and 65535 that no pixel
    exceeds. Everything is computed in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from metaplastic import FewLabelClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> few = np.full(len(y), -1)
    >>> few[::12] = y[::12]                       # 15 of 178 rows have a label
    >>> model = FewLabelClassifier(random_state=0).fit(X, few)
    >>> model.predict(X).shape
    (178,)
    """

    def __init__(self, rule: str = "compact-v1", hidden: Sequence[int] = (128, 128),
                 n_features: int = 128, layers: Optional[str] = None, kind: Optional[str] = None,
                 image_shape: Union[str, Sequence[int], None] = "auto", activation: str = "relu",
                 n_steps: Union[int, str] = "auto",
                 inner_batch: Union[int, str] = "auto", variants: Sequence[str] = ("usual",),
                 cv: int = 5, n_repeats: int = 3,
                 random_state: Union[int, np.random.RandomState, None] = None,
                 n_jobs: Optional[int] = None, verbose: int = 0):
        self.rule = rule
        self.hidden = hidden
        self.n_features = n_features
        self.layers = layers
        self.image_shape = image_shape
        self.kind = kind
        self.activation = activation
        self.n_steps = n_steps
        self.inner_batch = inner_batch
        self.variants = variants
        self.cv = cv
        self.n_repeats = n_repeats
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> FewLabelClassifier:
        """Learns from all rows X, and from the labels y [n_samples] where there are any.

        Raises ValueError with one line where there are fewer than two classes. Returns self.
        """
        settings = self._settings()
        if y is None:
            raise ValueError("This FewLabelClassifier estimator requires y to be passed, but the "
                             "target y is None")
        arrays.check_type(X)
        white = images.white_of(X) if isinstance(X, np.ndarray) and X.dtype.kind == "u" else None
        X = validate_data(self, X, dtype=DTYPES, accept_sparse="csr", ensure_min_samples=2, allow_nd=True)
        codes = self._take_labels(X, y)
        auto_table = self.layers == "mlp" and X.ndim == 2 and self.image_shape == "auto"
        is_no_image = auto_table or self.kind in ("signal", "table")
        self.image_shape_ = None if is_no_image else images.find_shape(X, self.image_shape)
        if self.image_shape_ is not None:
            if X.ndim == 2 and self.image_shape == "auto":
                height, width = self.image_shape_
                warnings.warn(f"X has {X.shape[1]} columns that vary like the pixels of {height} x {width} images, "
                              "and they are used as such; image_shape=None uses them as a table", UserWarning,
                              stacklevel=2)
            self._white = white or images.white_of(X)
        names = getattr(self, "feature_names_in_", None)
        line = LiveLine("FewLabelClassifier")
        return self._keep(_native.fit_few_labels(
            str(self.rule), self._pixels(X), codes.tolist(), [str(name) for name in self.classes_.tolist()],
            None if names is None or self.image_shape_ else [str(name) for name in names], settings,
            line.update if self.verbose else None), line)

    def fit_labels(self, X: Any, y: Any) -> FewLabelClassifier:
        """Fits the classifier again to other labels, without training: the network stays as it is.

        X [n_samples, ..] are rows of the kind that ``fit`` saw, y [n_samples] their labels; rows without
        a label are not looked at. The choice by cross-validation is made again. Returns self.
        """
        X = self._checked(X)
        codes = self._take_labels(X, y)
        line = LiveLine("FewLabelClassifier")
        return self._keep(_native.refit_few_labels(
            self.encoder_, self._pixels(X)[codes >= 0], codes[codes >= 0].tolist(),
            [str(name) for name in self.classes_.tolist()], self._columns(), self._settings()), line)

    def _take_labels(self, X, y):
        """Sets ``classes_``, returns the codes of the rows."""
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        classes, codes = split_labels(y)
        if y.dtype.kind == "f":
            _check_y(y[codes >= 0])
        check_classification_targets(classes[codes[codes >= 0]])
        self.classes_ = classes
        return codes

    def _keep(self, found, line):
        self.encoder_ = found.encoder
        self.trials_ = found.trials
        self.accuracy_ = found.accuracy
        self.readout_ = self.encoder_.readout
        self.share_ = 1 - self.trials_[0]["weight"]
        if self.verbose > 1:
            print(*found.notes, found.table, sep="\n", end="", file=sys.stderr)
        if self.verbose:
            line.finish(f"{self.encoder_.layers}; reads {self.readout_}: out-of-fold accuracy {self.accuracy_:.3f}, "
                        f"of logistic regression alone {self.trials_[0]['accuracy']:.3f}")
        return self

    def _pixels(self, X):
        return X if self.image_shape_ is None else images.scale(X, self.image_shape_, self._white)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities [n_samples, n_classes], in the order of ``classes_``."""
        X = self._checked(X)
        return _native.predict_proba(self.encoder_, self._pixels(X), columns=self._columns()).astype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of every row, [n_samples]."""
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    def transform(self, X: Any) -> Any:  # an array, or a data frame after set_output
        """The features that the classifier reads, [n_samples, n]."""
        X = self._checked(X)
        features = self.encoder_.embed(self._pixels(X), columns=self._columns(),
                                       num_threads=count_threads(self.n_jobs))
        return features if X.dtype == np.float32 else features.astype(X.dtype)

    @property
    def _n_features_out(self):
        return self.encoder_.num_features

    def _columns(self):
        return self.encoder_.columns or None  # scikit-learn has compared names and order

    def _checked(self, X):
        check_is_fitted(self, "encoder_")
        arrays.check_type(X)
        return validate_data(self, X, dtype=DTYPES, accept_sparse="csr", reset=False, allow_nd=True)

    def _settings(self):
        def whole(name, value, auto=False):
            if auto and isinstance(value, str) and value == "auto":
                return None
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise _native.Error(f"{name}: expected a whole number{' or auto' if auto else ''}, "
                                    f"found {value!r}")
            return int(value)

        for name, value in (("hidden", self.hidden), ("variants", self.variants)):
            if not isinstance(value, (tuple, list, np.ndarray)):
                raise _native.Error(f"{name}: expected a tuple, found {value!r}")
        if isinstance(self.random_state, numbers.Integral):
            seed = int(self.random_state)
            if not 0 <= seed < 2**63:
                raise _native.Error(f"random_state: expected 0 to 2**63 - 1, found {seed}")
        else:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return {"hidden": [whole("hidden", width) for width in self.hidden],
                "features": whole("n_features", self.n_features), "activation": self.activation,
                "layers": self.layers, "kind": self.kind,
                "inner_steps": whole("n_steps", self.n_steps, auto=True),
                "inner_batch": whole("inner_batch", self.inner_batch, auto=True), "seed": seed,
                "variants": [str(name) for name in self.variants], "folds": whole("cv", self.cv),
                "repeats": whole("n_repeats", self.n_repeats),
                "num_threads": count_threads(self.n_jobs)}

    def _more_tags(self):  # scikit-learn up to 1.5
        return {"preserves_dtype": [np.float64, np.float32]}

    def __sklearn_tags__(self):  # scikit-learn 1.6 and later
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
