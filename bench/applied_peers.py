#!/usr/bin/env python3
"""The peers of bench/applied, one method a run, as users of those libraries would call them.

usage: applied_peers.py pca|kmeans|umap|autoencoder X.npy TRAINING_ROWS [EPOCHS]

Learns from the first TRAINING_ROWS rows of X [N,U], writes p.npy, the features of all rows, and prints the seconds
of the processor that this took. Importing the libraries does not count.
"""
import importlib
import sys
import time

import numpy as np

WIDTH = 128


def pca(X, N):
    from sklearn.decomposition import PCA
    return PCA(min(WIDTH, X.shape[1]), svd_solver="randomized", random_state=0).fit(X[:N]).transform(X)


def kmeans(X, N):
    """Distances to centres below their mean (Coates and Ng's triangle), the form that classifies best."""
    from sklearn.cluster import MiniBatchKMeans
    distances = MiniBatchKMeans(WIDTH, n_init=1, random_state=0).fit(X[:N]).transform(X)
    return np.maximum(distances.mean(axis=1, keepdims=True) - distances, 0)


def umap(X, N):
    import umap as library
    model = library.UMAP(n_components=16, random_state=0, n_jobs=1).fit(X[:N])
    return model.embedding_ if len(X) == N else np.concatenate([model.embedding_, model.transform(X[N:])])


def autoencoder(X, N, epochs):
    """U-128-128-128-128-128-U with ReLU, Adam 1e-3, batches of 64, noise of 0.1 on the inputs (denoising)."""
    import torch
    from torch import nn
    torch.manual_seed(0)
    torch.set_num_threads(1)
    U = X.shape[1]

    def block(*widths):
        layers = []
        for lower, upper in zip(widths, widths[1:]):
            layers += [nn.Linear(lower, upper), nn.ReLU()]
        return nn.Sequential(*layers)

    encoder = block(U, WIDTH, WIDTH, WIDTH)
    decoder = nn.Sequential(block(WIDTH, WIDTH, WIDTH), nn.Linear(WIDTH, U))
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    rows = torch.from_numpy(X)
    for _ in range(epochs):
        order = torch.randperm(N)
        for first in range(0, N - 63, 64):
            batch = rows[order[first:first + 64]]
            loss = nn.functional.mse_loss(decoder(encoder(batch + 0.1 * torch.randn_like(batch))), batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return np.concatenate([encoder(rows[n:n + 4096]).numpy() for n in range(0, len(X), 4096)])


def main():
    method, path, count, *epochs = sys.argv[1:]
    for library in {"umap": ["umap"], "autoencoder": ["torch"]}.get(method, ["sklearn.cluster", "sklearn.decomposition"]):
        importlib.import_module(library)
    begin = time.process_time()
    X, N = np.load(path), int(count)
    methods = {"pca": pca, "kmeans": kmeans, "umap": umap}
    features = autoencoder(X, N, int(epochs[0])) if method == "autoencoder" else methods[method](X, N)
    np.save("p.npy", np.asarray(features, dtype=np.float32))
    print(time.process_time() - begin)


if __name__ == "__main__":
    main()
