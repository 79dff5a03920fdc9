"""What pixels a network expects: channel order, range, mean and deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltr.admin.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import torch

_FORMATS = {"rgb": (False, 255.0), "bgr": (True, 255.0), "bgr255": (True, 1.0)}


@dataclass(frozen=True)
class ImageFormat:
    """Normalisation of a network's input.

    Args:
        name: ``rgb`` and ``bgr`` divide pixels by 255, ``bgr255`` does not.
        mean: Subtracted, in the named channel order.
        std: Divided by, in the named channel order.
    """

    name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.name not in _FORMATS:
            raise ConfigError(
                f"unknown image format {self.name!r}{did_you_mean(self.name, _FORMATS)}"
            )

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """RGB images (N, 3, H, W), float 0..255 -> network input of the same shape."""
        is_reversed, scale = _FORMATS[self.name]
        if is_reversed:
            images = images.flip(1)
        images = images / scale if scale != 1.0 else images
        mean, std = images.new_tensor(self.mean), images.new_tensor(self.std)
        return (images - mean.view(3, 1, 1)) / std.view(3, 1, 1)


CAFFE_BGR = ImageFormat("bgr255", (102.9801, 115.9465, 122.7717), (1.0, 1.0, 1.0))
IMAGENET_RGB = ImageFormat("rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BACKBONE_FORMATS = {found.name: found for found in (IMAGENET_RGB, CAFFE_BGR)}


def for_imagenet_input(weight: torch.Tensor, source: ImageFormat) -> torch.Tensor:
    """A stem (outputs, 3, h, w) for input as ``IMAGENET_RGB``, whose response to steps is equal.

    Args:
        weight: The stem of a network that was trained with another input.
        source: That input.
    """
    import torch

    unit = torch.eye(3)[:, :, None, None]
    steps = source.normalise(255 * unit) - source.normalise(0 * unit)
    matrix = steps[:, :, 0, 0] * torch.tensor(IMAGENET_RGB.std)[:, None]  # (ours, source's)
    return torch.einsum("ij,ojhw->oihw", matrix, weight.float())
