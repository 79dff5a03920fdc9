"""ReferFormer with Swin-L on images: RefCOCO, RefCOCO+ and RefCOCOg."""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import refcoco_r50
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import with_backbone

RECIPE = with_backbone(refcoco_r50.RECIPE, "swin_l_p4w7")

run = experiment(RECIPE, ReferringAssembly)
