"""Metaplastic: learned features without labels, by a meta-learned and neuron-local update rule.

    >>> from metaplastic import UnsupervisedUpdate
    >>> features = UnsupervisedUpdate(random_state=0).fit_transform(X)      # X [N, U], no labels

* :class:`FewLabelClassifier` -- a scikit-learn classifier for many rows of which few have a label;
* :class:`UnsupervisedUpdate` -- a scikit-learn transformer;
* :func:`train_encoder`, :class:`Encoder` -- the same without scikit-learn, also for images and for
  every data SPEC of the command line;
* :class:`Rule` -- a rule's numbers and weights, to read, change, save and use;
* :func:`read_data` -- what a data SPEC names, as arrays;
* :mod:`metaplastic.meta` -- meta-training: tasks from arrays and callables, outer steps one by one, pure gradients;
* :mod:`metaplastic.callbacks` -- CSV files, TensorBoard and other loggers of a meta-training run;
* :mod:`metaplastic.elastic` -- meta-training on a Dask cluster whose workers come and go.

After Metz, Maheswaranathan, Cheung and Sohl-Dickstein, "Meta-Learning Update Rules for Unsupervised
Representation Learning", ICLR 2019, arXiv 1804.00222. Files are those of the command line.
"""
from . import blocks
from ._native import Encoder, Error, Rule, __version__
from .encoder import CollapseWarning, Training, read_data, rule_names, train_encoder

__all__ = ["CollapseWarning", "Encoder", "Error", "FewLabelClassifier", "Rule", "Training", "UnsupervisedUpdate",
           "__version__", "read_data", "rule_names", "train_encoder"]

Encoder.embed = blocks.embed  # of what lies in memory, and of Dask collections


def __getattr__(name):
    # scikit-learn is imported when it is asked for: the rest works without it.
    if name == "FewLabelClassifier":
        from .few_labels import FewLabelClassifier
        return FewLabelClassifier
    if name == "UnsupervisedUpdate":
        from .estimator import UnsupervisedUpdate
        return UnsupervisedUpdate
    raise AttributeError(f"module 'metaplastic' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
