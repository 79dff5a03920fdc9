"""Comparison of outputs with reference values, one printed line per output."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

ArrayLike = np.ndarray | torch.Tensor | float | int | list | tuple


def as_array(values: ArrayLike) -> np.ndarray:
    """Any numeric value as a NumPy array on the host."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values)


@dataclass
class Report:
    """Collects the outcome of every compared output."""

    passed: int = 0
    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def close(
        self,
        case: str,
        output: str,
        got: ArrayLike,
        want: ArrayLike,
        *,
        relative: float | None = None,
        absolute: float | None = None,
    ) -> bool:
        """Compare arrays: the largest difference must stay within one of the given limits.

        Args:
            case: Name of the case.
            output: Name of the compared output.
            got: What this code computes.
            want: The reference.
            relative: Limit of ``max |difference| / max |reference|``.
            absolute: Limit of ``max |difference|``.
        """
        limit = f"rel {relative:g}" if relative is not None else f"abs {absolute or 0:g}"
        found, reference = as_array(got), as_array(want)
        if found.shape != reference.shape:
            note = f"shape {found.shape} instead of {reference.shape}"
            return self._add(case, output, note, limit, False)
        error, ratio = _differences(found, reference)
        if relative is not None and absolute is not None:
            limit = f"rel {relative:g} or abs {absolute:g}"
        is_close = error <= (absolute or 0.0) or (relative is not None and ratio <= relative)
        return self._add(case, output, f"abs {error:.3g} rel {ratio:.3g}", limit, is_close)

    def equal(self, case: str, output: str, got: object, want: object) -> bool:
        """Compare exactly: arrays element by element, anything else with ``==``."""
        if isinstance(want, np.ndarray | torch.Tensor) or isinstance(got, np.ndarray):
            return self.close(case, output, got, want, absolute=0.0)
        is_equal = got == want
        note = "equal" if is_equal else f"got {got!r}, want {want!r}"
        return self._add(case, output, note, "exact", is_equal)

    def share(
        self, case: str, output: str, got: ArrayLike, want: ArrayLike, least: float, within: float
    ) -> bool:
        """At least the share ``least`` of the elements must differ by at most ``within``."""
        found, reference = as_array(got), as_array(want)
        limit = f"share {least:g} within {within:g}"
        if found.shape != reference.shape:
            note = f"shape {found.shape} instead of {reference.shape}"
            return self._add(case, output, note, limit, False)
        difference = np.abs(found.astype(np.float64) - reference.astype(np.float64))
        share = float((difference <= within).mean())
        error, ratio = _differences(found, reference)
        note = f"abs {error:.3g} rel {ratio:.3g} share {share:.6f}"
        return self._add(case, output, note, limit, share >= least)

    def fail(self, case: str, reason: str) -> bool:
        """Record something that could not be compared at all."""
        return self._add(case, "-", reason, "-", False)

    def _add(self, case: str, output: str, note: str, limit: str, is_ok: bool) -> bool:
        self.passed += is_ok
        self.failed += not is_ok
        line = f"{case}  {output}  {note}  tolerance {limit}  {'ok' if is_ok else 'FAIL'}"
        self.lines.append(line)
        print(line, flush=True)
        return bool(is_ok)


def _differences(found: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Largest absolute difference, and the same divided by the largest reference magnitude.

    Equal infinities and NaNs at the same places count as equal; any other NaN as infinitely far.
    """
    if found.size == 0:
        return 0.0, 0.0
    found, reference = found.astype(np.float64), reference.astype(np.float64)
    same = (found == reference) | (np.isnan(found) & np.isnan(reference))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(found - reference))
    difference = np.where(np.isnan(difference), np.inf, difference)
    error = float(difference.max())
    finite = np.abs(reference[np.isfinite(reference)])
    scale = float(finite.max()) if finite.size else 0.0
    return error, error / scale if scale > 0 else (0.0 if error == 0 else float("inf"))
