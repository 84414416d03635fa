#!/usr/bin/env python3
"""Few labels on Fashion-MNIST: an encoder trained without labels, then a linear classifier.

The 60,000 training images train the encoder; labels of `--shots` images per class train the
classifier; the official test images judge it. The rule never saw Fashion-MNIST.

usage: few_shot_fashion_mnist.py [--out FOLDER] [--rule NAME] [--shots 10] [--draws 10] [--rows 60000]
"""
import argparse
import pathlib

import matplotlib
import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import metaplastic

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position

SIDE = 14  # pixels; what the rule was meta-trained at


def shrink(images):
    """[N, 28, 28] -> [N, 14 * 14]: means of 2 x 2 pixels."""
    return images.reshape(len(images), SIDE, 2, SIDE, 2).mean(axis=(2, 4)).reshape(len(images), -1)


def few_shot_accuracy(train, train_labels, test, test_labels, shots, draws):
    """Mean and standard error over draws of `shots` labelled training rows per class."""
    results = []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        chosen = np.concatenate([random.choice(np.flatnonzero(train_labels == c), shots, replace=False)
                                 for c in np.unique(train_labels)])
        model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))
        model.fit(train[chosen], train_labels[chosen])
        results.append(model.score(test, test_labels))
    return np.mean(results), np.std(results, ddof=1) / np.sqrt(draws)


def draw(accuracies, encoder, path):
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    axes[0].barh(list(accuracies), [mean for mean, _ in accuracies.values()],
                 xerr=[error for _, error in accuracies.values()])
    axes[0].set_xlabel("test accuracy, mean and standard error over draws")
    filters = encoder.weights(1)[:, :48].T.reshape(-1, SIDE, SIDE)
    filters = filters / np.abs(filters).max(axis=(1, 2), keepdims=True)
    filters = np.pad(filters, ((0, 0), (1, 1), (1, 1)))  # a white line between them
    rows = [np.concatenate(filters[n:n + 12], axis=1) for n in range(0, 48, 12)]
    axes[1].imshow(np.concatenate(rows), cmap="RdBu", vmin=-1, vmax=1)
    axes[1].set_axis_off()
    axes[1].set_title("first-layer weights of 48 units")
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--rule", default="compact-v1")
    parser.add_argument("--shots", type=int, default=10)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--rows", type=int, default=60000, help="training images used")
    parser.add_argument("--steps", type=int, help="inner steps (default: what the rule was judged at)")
    options = parser.parse_args()
    X, y, info = metaplastic.read_data("fashion-mnist")
    print(info["description"])
    first_test = info["first_test_row"]
    images = X / np.float32(info["pixel_max"])
    train, train_labels = images[:first_test][:options.rows], y[:first_test][:options.rows]
    test, test_labels = images[first_test:], y[first_test:]

    settings = dict(rule=options.rule, hidden=(128, 64), n_features=64, seed=1)
    learned = metaplastic.train_encoder(train, n_steps=options.steps, **settings)
    untrained = metaplastic.train_encoder(train, n_steps=0, **settings)
    for line in learned.health["warnings"]:
        print(line)
    features = {
        "raw pixels": (shrink(train), shrink(test)),
        "random encoder": tuple(untrained.encoder.embed(part) for part in (train, test)),
        "learned rule": tuple(learned.encoder.embed(part) for part in (train, test)),
    }
    print(f"{options.shots} labels per class, {options.draws} draws, {learned.inner_steps} inner steps")
    accuracies = {}
    for name, (of_train, of_test) in features.items():
        accuracies[name] = few_shot_accuracy(of_train, train_labels, of_test, test_labels,
                                             options.shots, options.draws)
        print(f"{name:<15} {accuracies[name][0]:.3f} +- {accuracies[name][1]:.3f}")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "few_shot_fashion_mnist.png"
    draw(accuracies, learned.encoder, path)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
