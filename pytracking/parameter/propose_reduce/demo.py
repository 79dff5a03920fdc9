"""Persons, animals, vehicles and objects, with the small network that ships with the package."""

from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters


def parameters() -> ProposeReduceParameters:
    """Narrow network, small input; few instances of a key frame, because most of them are sure."""
    return ProposeReduceParameters(
        net="propose_reduce_demo.pth.tar",
        categories="coarse",
        img_scale=(256, 144),
        max_per_img=6,
        detection_threshold=0.3,
        mem_num=8,
    )
