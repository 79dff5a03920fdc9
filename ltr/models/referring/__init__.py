"""ReferFormer (arXiv 2201.00487) and the tracking-forced method on it (ACM MM 2024)."""
