"""The weights of a rule's terms by name."""
from __future__ import annotations

import difflib
import math
from collections.abc import MutableMapping


class Mix(MutableMapping):
    """``rule.mix``: how much each term of the weight step counts, in the order of theta's matrix ``mix``.
    Writing changes the rule; every rule has all its terms, so none can be deleted."""

    def __init__(self, rule):
        self._weights = rule.matrices["mix"].reshape(-1)  # a view, which keeps the rule alive
        self._places = {name: n for n, name in enumerate(rule.terms)}

    def _place(self, name):
        if name in self._places:
            return self._places[name]
        near = difflib.get_close_matches(str(name), self._places, n=1)
        raise KeyError(f"mix: expected one of {', '.join(self._places)}, found {name!r}"
                       + (f"; did you mean {near[0]!r}?" if near else ""))

    def __getitem__(self, name):
        return float(self._weights[self._place(name)])

    def __setitem__(self, name, weight):
        place, weight = self._place(name), float(weight)
        if not math.isfinite(weight):
            raise ValueError(f"mix: expected a finite weight of {name!r}, found {weight}")
        self._weights[place] = weight

    def __delitem__(self, name):
        self._place(name)
        raise TypeError(f"mix: a rule has all its terms; set {name!r} to 0")

    def __iter__(self):
        return iter(self._places)

    def __len__(self):
        return len(self._places)

    def __repr__(self):
        return f"Mix({dict(self)})"
