"""JOINT with the small network that ships with the package."""

from pytracking.tracker.joint.parameters import JointParameters


def parameters() -> JointParameters:
    """Narrow network, small input."""
    return JointParameters(
        net="joint_demo.pth.tar", image_sample_size=(240, 416), search_area_scale=4.0
    )
