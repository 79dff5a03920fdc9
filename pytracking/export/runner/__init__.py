"""Runs exported trackers with onnxruntime and NumPy; nothing here imports PyTorch."""
