"""The robot that plays the user: scribbles along the middle of what is wrong in a frame.

Steps and constants are those of the DAVIS interactive framework (Caelles et al., arXiv
1803.00557), so that the same prediction gets the same scribbles.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import networkx as nx  # comes with PyTorch
import numpy as np
from scipy import ndimage
from scipy.special import comb

from ltr.admin.errors import DataError
from ltr.admin.optional import import_optional
from ltr.data.interactive.scribbles import ScribbleLine

_SHRINK = 0.9  # a disk that opens everything away is tried again smaller
_NEIGHBOURS = tuple(step for step in product((-1, 0, 1), repeat=2) if step > (0, 0))


@dataclass(frozen=True)
class RobotParameters:
    """How the robot draws, by default as in sessions of the DAVIS framework.

    Args:
        kernel_size: Radius of the smoothing disk relative to half the root of an error's area.
        max_kernel_radius: Largest radius of the kernel, pixels.
        min_nb_nodes: Parts of a skeleton with fewer pixels are left out (ATNet: 2).
        nb_points: Number of points of a line.
    """

    kernel_size: float = 0.2
    max_kernel_radius: float = 16
    min_nb_nodes: int = 4
    nb_points: int = 1000


def draw_corrections(
    truth: np.ndarray,
    prediction: np.ndarray,
    num_objects: int,
    params: RobotParameters = RobotParameters(),
) -> list[ScribbleLine]:
    """Draw what a user would draw into a frame.

    Args:
        truth: uint8 (H, W) label map.
        prediction: uint8 (H, W) label map.
        num_objects: The objects are 1 to ``num_objects``; the background is corrected too.
        params: Parameters of the robot, see ``RobotParameters``.

    Returns:
        The lines, background first; none for a perfect prediction.

    Raises:
        DataError: The sizes differ.
    """
    if truth.shape != prediction.shape:
        raise DataError(f"the prediction has the shape {prediction.shape}, the truth {truth.shape}")
    height, width = truth.shape
    lines = []
    for object_id in range(num_objects + 1):
        error = (truth == object_id) & (prediction != object_id)
        if not error.any():
            continue
        skeleton = error_skeleton(error, params)
        for path in longest_paths(skeleton, params.min_nb_nodes):
            curve = bezier_curve(path, params.nb_points) / (width, height)
            lines.append(ScribbleLine(curve, object_id))
    return lines


def error_skeleton(error: np.ndarray, params: RobotParameters) -> np.ndarray:
    """The middle lines of an area, smoothed beforehand.

    Args:
        error: bool (H, W), not empty.
        params: Parameters of the robot, see ``RobotParameters``.

    Returns:
        bool (H, W).
    """
    import_optional("skimage", "the robot that draws scribbles", "interactive")
    from skimage.morphology import medial_axis

    padded = np.pad(_smooth(error, params), 1)
    return medial_axis(padded, rng=_PublishedOrder(np.random.PCG64(0)))[1:-1, 1:-1]


class _PublishedOrder(np.random.Generator):
    """Ties in the medial axis are broken in the order of scikit-image until 0.18.

    Newer versions draw it; another order changes most scribbles.
    """

    def permutation(self, x: Any, axis: int = 0) -> np.ndarray:
        return np.random.RandomState(0).permutation(x)


def _smooth(error: np.ndarray, params: RobotParameters) -> np.ndarray:
    """Open the area by the largest disk that leaves something of it.

    Where even the smallest disk leaves nothing the result is empty, as published.
    """
    area = float(np.count_nonzero(error))
    radius = min(params.kernel_size * np.sqrt(area) / 2, params.max_kernel_radius)
    opened = error
    while radius > 1:
        disk = _disk(radius)
        eroded = ndimage.binary_erosion(error, disk, border_value=1)
        centre = len(disk) // 2
        if not disk[centre:, centre:].any():
            eroded[0, 0] = False  # no pixel of the image lies under the disk there
        # Not binary_dilation: it mirrors the disk, which matters where its side is even.
        opened = ~ndimage.binary_erosion(~eroded, disk, border_value=1)
        if opened.any():
            break
        radius *= _SHRINK
    return opened


def _disk(radius: float) -> np.ndarray:
    """Its offsets go in steps of 1 from ``-radius``, also where that is not a whole number."""
    offsets = np.arange(-radius, radius + 1)
    return np.add.outer(offsets**2, offsets**2) <= radius**2


def longest_paths(skeleton: np.ndarray, min_nb_nodes: int) -> list[np.ndarray]:
    """The longest way through every connected part of a skeleton.

    Args:
        skeleton: bool (H, W).
        min_nb_nodes: Smaller parts are left out.

    Returns:
        int (pixels, 2) each, x and y.
    """
    graph, pixels = _pixel_graph(skeleton)
    paths = []
    for nodes in list(nx.connected_components(graph)):
        tree = graph.subgraph(nodes).copy()
        _cut_cycles(tree)
        if len(tree) >= min_nb_nodes:
            paths.append(pixels[_longest_path(tree)])
    return paths


def _pixel_graph(skeleton: np.ndarray) -> tuple[nx.Graph, np.ndarray]:
    """8-neighbours joined by edges of weight 1 or the root of 2; nodes in row-major order."""
    rows, columns = np.nonzero(skeleton)
    places = np.full(np.add(skeleton.shape, 2), -1)
    places[rows + 1, columns + 1] = np.arange(len(rows))
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(rows)))
    edges = []
    for row_step, column_step in _NEIGHBOURS:
        neighbours = places[rows + 1 + row_step, columns + 1 + column_step]
        weight = float(np.hypot(row_step, column_step))
        found = np.flatnonzero(neighbours >= 0)
        edges += [(int(i), int(neighbours[i]), weight) for i in found]
    graph.add_weighted_edges_from(sorted(edges))
    return graph, np.stack([columns, rows], axis=1)


def _cut_cycles(graph: nx.Graph) -> None:
    """Remove the heaviest edge of a cycle, the first of equals, until there is none."""
    while True:
        try:
            cycle = nx.find_cycle(graph)
        except nx.NetworkXNoCycle:
            return
        graph.remove_edge(*max(cycle, key=lambda edge: graph.edges[edge]["weight"]))


def _longest_path(tree: nx.Graph) -> list[int]:
    """From the node that is farthest from the first one, by number of nodes."""
    hops = nx.single_source_shortest_path_length(tree, next(iter(tree)))
    farthest = max(hops, key=hops.__getitem__)
    return max(nx.single_source_shortest_path(tree, farthest).values(), key=len)


def bezier_curve(path: np.ndarray, nb_points: int) -> np.ndarray:
    """Smooth a path by the Bezier curve of which it gives the control points.

    Args:
        path: (pixels, 2).
        nb_points: Number of points; a path that has more is returned as it is.

    Returns:
        float64 (points, 2), from the path's last pixel to its first.
    """
    path = path.astype(float)
    if len(path) > nb_points:
        return path
    degree = len(path) - 1
    steps = np.linspace(0.0, 1.0, nb_points)[:, None]
    index = np.arange(degree + 1)
    weights = comb(degree, index) * steps ** (degree - index) * (1 - steps) ** index
    return weights @ path
