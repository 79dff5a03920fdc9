"""Optional kernels for GPUs; each has a form in plain PyTorch in ``ltr``, which is the default."""
