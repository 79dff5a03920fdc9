"""Where results on data sets without public ground truth are scored."""

from __future__ import annotations

_PAGE = "https://codalab.lisn.upsaclay.fr/competitions/"

DAVIS = f"{_PAGE}6812"
YOUTUBEVOS = {"2018": f"{_PAGE}7685", "2019": f"{_PAGE}6066"}
YOUTUBEVIS = {"2019": f"{_PAGE}6064", "2021": f"{_PAGE}7680"}
REFERRING = f"{_PAGE}3282"
