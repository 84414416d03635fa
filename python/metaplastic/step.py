"""Inner steps as a pure function of arrays, with its vector-Jacobian product.

What PyTorch and JAX need to differentiate through the rule: see docs/research.md for both wrappers.
Users import these names from :mod:`metaplastic.meta`.
"""
from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _native
from ._native import Rule


class StepBars(NamedTuple):
    """What :func:`step_vjp` returns, each in the shape of the argument it belongs to."""

    phi: np.ndarray
    batch: Optional[np.ndarray]
    theta: np.ndarray


class StepSpec:
    """What an inner step takes besides its arrays: the rule's form, the network, the step size.

    Immutable, picklable, and usable in any number of threads.

    Parameters
    ----------
    rule : metaplastic.Rule or dict
        Its sizes fix what theta is; its numbers are not used. A dict is the section ``[rule]`` of a config.
    widths : sequence of int
        Units of every layer, the inputs first.
    activation : str, default="relu"
        relu, leaky_relu, tanh, elu, sigmoid, softplus, swish or step.
    inner_lr : float, optional
        Relative step size. By default that of the rule; for a dict 0.02.
    homeostatic_share : float, optional
        What units aim at with ``bias_mean = "homeostatic"``; by default the share for dense data.

    Attributes
    ----------
    num_phi, num_theta : int
        Lengths of flat phi and theta.
    """

    def __init__(self, rule: Union[Rule, Mapping], widths: Sequence[int], activation: str = "relu", *,
                 inner_lr: Optional[float] = None, homeostatic_share: Optional[float] = None):
        self.rule = rule if isinstance(rule, Rule) else dict(rule)
        self.widths = tuple(int(width) for width in widths)
        self.activation = activation
        self._inner = (self.rule if isinstance(rule, Rule) else Rule(self.rule)).inner
        self.inner_lr = float(self._inner["inner_lr"] if inner_lr is None else inner_lr)
        if not 0 < self.inner_lr < 1:
            raise _native.Error(f"inner_lr: expected a number between 0 and 1, found {self.inner_lr}")
        self.homeostatic_share = float(_native.HOMEOSTATIC_SHARE if homeostatic_share is None else homeostatic_share)
        self._native = _native.NativeStep(self.rule, list(self.widths), activation, self.inner_lr,
                                          self.homeostatic_share)
        self.num_phi: int = self._native.num_phi
        self.num_theta: int = self._native.num_theta

    def __reduce__(self):
        return _remake, (self.rule, self.widths, self.activation, self.inner_lr, self.homeostatic_share)

    def __repr__(self):
        return (f"StepSpec({self.rule!r}, widths={self.widths}, activation={self.activation!r}, "
                f"inner_lr={self.inner_lr}, homeostatic_share={self.homeostatic_share})")

    def initial_phi(self, seed: int = 0, dtype=np.float64) -> np.ndarray:
        """Fresh weights [num_phi]: the numbers that training with ``layers="mlp"`` and this seed starts from."""
        inner = self._inner
        return self._native.initial_phi(inner["weight_std"], inner["bias_std"], inner["init"] == "truncated",
                                        seed).astype(dtype)

    def split_phi(self, phi: np.ndarray) -> Dict[str, np.ndarray]:
        """Views of phi by name: ``W1`` and ``V1`` [lower units, upper units], ``b1`` [units], ``W2``, ..

        phi : [num_phi], or several in one array [..., num_phi].
        """
        return {name: part[..., 0, :] if name[0] == "b" else part
                for name, part in self._split(phi, self._native.phi_entries).items()}

    def split_theta(self, theta: np.ndarray) -> Dict[str, np.ndarray]:
        """Views of theta [..., num_theta] by the names of ``Rule.matrices``, each [inputs, outputs]."""
        return self._split(theta, self._native.theta_entries)

    @staticmethod
    def _split(flat, entries):
        return {name: flat[..., at:at + rows * columns].reshape(*flat.shape[:-1], rows, columns)
                for name, at, rows, columns in entries}


def _remake(rule, widths, activation, inner_lr, homeostatic_share):
    return StepSpec(rule, widths, activation, inner_lr=inner_lr, homeostatic_share=homeostatic_share)


def _arrays(**arrays):
    """The arguments as C-contiguous arrays of one type, float32 or float64."""
    taken = {name: np.asarray(value) for name, value in arrays.items()}
    found = {name: array.dtype.name for name, array in taken.items()}
    if len(set(found.values())) != 1 or next(iter(found.values())) not in ("float32", "float64"):
        raise _native.Error("step: expected arrays of one type, float32 or float64, found "
                            + ", ".join(f"{name} {dtype}" for name, dtype in found.items()) + "; use astype")
    return [np.ascontiguousarray(array) for array in taken.values()]


def _as_batches(batch):
    return batch[None] if batch.ndim == 2 else batch


def step(spec: StepSpec, phi: np.ndarray, batch: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The weights after one inner step, or after K of them. A pure function: same arguments, same bits.

    Parameters
    ----------
    spec : StepSpec
    phi : ndarray [num_phi]
        All weights of the network; see :meth:`StepSpec.split_phi`.
    batch : ndarray [B, inputs] or [K, B, inputs]
        Unlabelled examples, one a row; with K of them a step is taken with each in turn. For a rule
        of two views the second half of the rows shows the examples of the first half again.
    theta : ndarray [num_theta]
        The rule.

    Returns
    -------
    ndarray [num_phi]
        In the type of the arguments, which is one: float32 or float64.

    Raises
    ------
    metaplastic.Error
        For other shapes and types.

    Notes
    -----
    The GIL is released. Any number of threads may use one spec.
    """
    phi, batch, theta = _arrays(phi=phi, batch=batch, theta=theta)
    return spec._native.forward(phi, _as_batches(batch), theta)  # pylint: disable=protected-access


def step_vjp(spec: StepSpec, phi: np.ndarray, batch: np.ndarray, theta: np.ndarray, phi_next_bar: np.ndarray, *,
             with_batch: bool = False) -> StepBars:
    """The vector-Jacobian product of :func:`step`.

    Parameters
    ----------
    spec, phi, batch, theta
        As :func:`step` took them.
    phi_next_bar : ndarray [num_phi]
        The gradient of a scalar with respect to what :func:`step` returned.
    with_batch : bool, default=False
        Also the gradient with respect to the batch.

    Returns
    -------
    StepBars
        Gradients of the scalar: ``phi``, ``batch`` (None without ``with_batch``) and ``theta``.

    Notes
    -----
    The steps are computed again, so that nothing is kept between the two calls. It takes two to three
    times as long as :func:`step`, and memory for K states of phi and the tape of one step.
    """
    phi, batch, theta, phi_next_bar = _arrays(phi=phi, batch=batch, theta=theta, phi_next_bar=phi_next_bar)
    phi_bar, batch_bar, theta_bar = spec._native.vjp(  # pylint: disable=protected-access
        phi, _as_batches(batch), theta, phi_next_bar, with_batch)
    return StepBars(phi_bar, batch_bar.reshape(batch.shape) if with_batch else None, theta_bar)
