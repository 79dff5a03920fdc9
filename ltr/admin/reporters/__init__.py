"""Those who log, print or plot a training run; they know nothing of training."""
