"""The files that the authors of the systems released: names, addresses, checksums, scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "joint",
    "mask_rcnn",
    "dense_ulearn",
    "propose_reduce",
    "agent",
    "assess",
    "weights",
    "table",
    "archive",
]
Place = Literal["network_path", "pretrained_networks", "workspace_dir"]


@dataclass(frozen=True)
class Checksum:
    """The known digits of a file's checksum: only its begin and its end were published.

    Args:
        kind: ``md5`` or ``sha256``.
        begin: First hexadecimal digits.
        end: Last ones.
    """

    kind: str
    begin: str
    end: str = ""

    def fits(self, digits: str) -> bool:
        """Whether a file with this checksum can be the published one."""
        return digits.startswith(self.begin) and digits.endswith(self.end)


@dataclass(frozen=True)
class ReleasedFile:
    """One released file.

    Args:
        file: File name in ``network_path``.
        place: The path variable of its folder.
        address: URL for fetching the file without a browser; empty if there is none.
        page: What a person opens in a browser.
        published: Scores that its authors report with it.
        checksum: What is known of it.
        kind: What it must be read as.
    """

    file: str
    place: Place
    address: str
    page: str
    published: str = ""
    checksum: Checksum | None = None
    kind: Kind = "weights"

    @property
    def name(self) -> str:
        """What the command line calls it: the file's name without endings."""
        return self.file.split(".")[0]


def _drive(
    kind: Kind, file: str, identity: str, published: str = "", place: Place = "network_path"
) -> ReleasedFile:
    return ReleasedFile(
        file,
        place,
        f"https://drive.google.com/uc?export=download&id={identity}",
        f"https://drive.google.com/file/d/{identity}/view",
        published,
        kind=kind,
    )


_SNAPSHOTS = "https://download.visinf.tu-darmstadt.de/data/2021-neurips-araslanov-vos/snapshots/"


def _snapshot(file: str, begin: str, end: str, score: str) -> ReleasedFile:
    address = _SNAPSHOTS + file
    checksum = Checksum("md5", begin, end)
    published = f"DAVIS 2017 val {score}"
    return ReleasedFile(file, "network_path", address, address, published, checksum, "dense_ulearn")


_PROPOSE_REDUCE = "https://github.com/dvlab-research/ProposeReduce"


def _listed(file: str, page: str, published: str) -> ReleasedFile:
    """A file whose address stands on a page only."""
    return ReleasedFile(file, "network_path", "", page, published, kind="propose_reduce")


_FILES = (
    _drive(
        "joint",
        "joint_ytvos.pth.tar",
        "1U48rlb1Xplb2CN2urwFtaB_o62B2Y4xo",
        "YouTube-VOS 2018 83.1, 2019 82.8",
    ),
    _drive(
        "joint", "joint_davis.pth.tar", "1UB_gDc0LMg0yixIQmkxpAt2AMF4m9zRq", "DAVIS 2017 val 83.5"
    ),
    _drive(
        "mask_rcnn",
        "e2e_mask_rcnn_R_50_FPN_1x_converted.pkl",
        "12pVHmhqtxaJ151dZrXN1dcgUa7TuAjdA",
        place="pretrained_networks",
    ),
    _snapshot("oxuva_e430_res4.pth", "af541", "d09b3", "65.3"),
    _snapshot("ytvos_e060_res4.pth", "c3ae3", "55faf", "69.3"),
    _snapshot("trackingnet_e088_res4.pth", "3e7e9", "95fa9", "69.4"),
    _snapshot("kinetics_e026_res4.pth", "086db", "a7d98", "68.7"),
    _drive(
        "propose_reduce",
        "seq_mask_rcnn_r50_ytv19.pth",
        "1P3HiwCavjRJJePuF-4D2GDQKwWT8E_LZ",
        "AP 40.8",
    ),
    _drive(
        "propose_reduce",
        "seq_mask_rcnn_r101_ytv19.pth",
        "1SmcJsIqluzjuH-uKCNs1ybNqvQClIqai",
        "AP 43.8",
    ),
    _drive(
        "propose_reduce",
        "seq_mask_rcnn_x101_ytv19.pth",
        "1lwjdGhjeA8rFtHtYrJbsVPY6r49jGGbN",
        "AP 47.6",
    ),
    _listed("seq_mask_rcnn_r50_ytv21.pth", _PROPOSE_REDUCE, "AP 39.6"),
    _listed("seq_mask_rcnn_x101_ytv21.pth", _PROPOSE_REDUCE, "AP 45.6"),
    _listed("seq_mask_rcnn_r101_davis.pth", _PROPOSE_REDUCE, "DAVIS 2017 unsupervised J&F 68.1"),
    _listed("seq_mask_rcnn_x101_davis.pth", _PROPOSE_REDUCE, "DAVIS 2017 unsupervised J&F 70.6"),
    _drive("agent", "agent.pt", "18OgPfPcYipe_1Ka7qlKar7mVVwvG7gPT"),
    _drive("assess", "assess_net.pt", "1Xdkr6Epm5H5hDkQoBqmp0E_t5V-9SlKl"),
    _drive("table", "reward.csv", "1cNIstWStaGCknoAkBUquYEpYwz0iFmUn", place="workspace_dir"),
    _drive("table", "pretrain.csv", "13rXLrWSiXdhk5XB3jyiVZHh7mbeVX8p_", place="workspace_dir"),
    _drive(
        "archive", "scribble_ytvos.zip", "1yliwTYP_PkiJnIAOo292gx9Fv3sLVYj4", place="workspace_dir"
    ),
    _listed(
        "referformer", "https://github.com/wjn922/ReferFormer", "its model zoo lists several files"
    ),
)


def by_name(files: Iterable[ReleasedFile] = _FILES) -> dict[str, ReleasedFile]:
    """All released files, by the name that the command line uses."""
    return {item.name: item for item in files}
