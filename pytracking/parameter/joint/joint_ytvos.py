"""JOINT as published for YouTube-VOS."""

from pytracking.tracker.joint.parameters import JointParameters


def parameters() -> JointParameters:
    """Released network, a memory frame every fifth frame."""
    return JointParameters(net="joint_ytvos.pth.tar", train_sample_interval=5)
