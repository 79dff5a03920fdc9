"""Training recipes of the referring systems, ReferFormer and TF²."""
