"""JOINT as published for DAVIS."""

from pytracking.tracker.joint.parameters import JointParameters


def parameters() -> JointParameters:
    """Released network, a memory frame every third frame."""
    return JointParameters(net="joint_davis.pth.tar", train_sample_interval=3)
