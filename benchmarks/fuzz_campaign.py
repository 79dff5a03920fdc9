"""Damage small valid files in thousands of ways and read them all.

    python benchmarks/fuzz_campaign.py --mutations 10000
    python benchmarks/fuzz_campaign.py --reader JPEG --reader "network file"

Each damaged file must be read, or refused with a named error, within 5 s of the processor and
1 GiB. After that, every reader gets the hostile files: it must execute nothing, refuse pickles and
archives, and pass over what is behind the pixels of a picture. Progress is written to a file; the
same command resumes where it was stopped. Mutation n of a reader is always the same, whatever the
number of mutations. The table is printed; the exit code is 1 when there are findings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from fuzz_children import FINE, Case, Outcome, mutated, run_cases
from fuzz_hostile import hostile_files
from fuzz_readers import READERS, Reader

_BATCH = 500
_HOSTILE = -1  # the number of the batch of hostile files


@dataclass
class Batch:
    """What happened to some files of one reader.

    Args:
        reader: Its name.
        first: Number of the first mutation.
        count: Number of files.
        kinds: Number of files by outcome.
        seconds: CPU seconds of the slowest file.
        mib: Memory of the largest file, MiB.
        findings: Outcomes that must not be.
    """

    reader: str
    first: int
    count: int
    kinds: dict[str, int]
    seconds: float
    mib: float
    findings: list[dict] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign; print the table."""
    arguments = _parse(argv)
    readers = [reader for reader in READERS if reader.name in (arguments.reader or _names())]
    done = {(batch.reader, batch.first): batch for batch in _read_progress(arguments.progress)}
    # The hostile files fill this process, which makes every later child costly: they come last.
    passes = (range(0, arguments.mutations, _BATCH), [_HOSTILE] * arguments.hostile)
    for numbers in filter(len, passes):
        for reader in readers:
            for first in numbers:
                count = min(_BATCH, arguments.mutations - first)
                known = done.get((reader.name, first))
                if known is not None and (first == _HOSTILE or known.count >= count):
                    continue
                batch = _run(reader, first, count)
                done[reader.name, first] = batch
                with open(arguments.progress, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(batch)) + "\n")
            print(_row(reader, done.values()), file=sys.stderr, flush=True)
    return _report(readers, [batch for batch in done.values() if batch.first < arguments.mutations])


def _run(reader: Reader, first: int, count: int) -> Batch:
    if first != _HOSTILE:
        cases = list(mutated(reader, range(first, first + count)))
        return _summary(reader, first, run_cases(reader, cases), [FINE] * count)
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary"
        files = list(hostile_files(canary))
        cases = [Case(number, partial(bytes, file.content)) for number, file in enumerate(files)]
        batch = _summary(reader, first, run_cases(reader, cases), [file.fine for file in files])
        for finding in batch.findings:
            finding["file"] = files[finding["number"]].name
        if canary.exists():
            batch.findings.append({"kind": "executed", "detail": "the canary was written"})
    return batch


def _summary(
    reader: Reader, first: int, found: Iterable[Outcome], fine: Sequence[Sequence[str]]
) -> Batch:
    """Sum up; what is not among the ``fine`` kinds of its file is a finding."""
    outcomes = list(found)
    return Batch(
        reader.name,
        first,
        len(outcomes),
        dict(Counter(outcome.kind for outcome in outcomes)),
        max(outcome.seconds for outcome in outcomes),
        max(outcome.mib for outcome in outcomes),
        [asdict(one) for one, kinds in zip(outcomes, fine, strict=True) if one.kind not in kinds],
    )


def _report(readers: Sequence[Reader], batches: Sequence[Batch]) -> int:
    """Print table and findings; 1 when there are any."""
    print("| reader | damaged files | refused | read | hostile files withstood | findings | slowest"
          " | most memory |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for reader in readers:
        print(_row(reader, batches))
    findings = [(batch.reader, found) for batch in batches for found in batch.findings]
    for name, found in findings:
        print(f"finding: {name}: {json.dumps(found)}")
    return 1 if findings else 0


def _row(reader: Reader, batches: Iterable[Batch]) -> str:
    own = [batch for batch in batches if batch.reader == reader.name]
    damaged = [batch for batch in own if batch.first != _HOSTILE]
    hostile = [batch for batch in own if batch.first == _HOSTILE]
    kinds = sum((Counter(batch.kinds) for batch in damaged), Counter())
    withstood = sum(batch.count - len(batch.findings) for batch in hostile)
    cells = (
        reader.name,
        f"{kinds.total():,}",
        f"{kinds['error']:,}",
        f"{kinds['read']:,}",
        f"{withstood} of {sum(batch.count for batch in hostile)}",
        str(sum(len(batch.findings) for batch in own)),
        f"{max((batch.seconds for batch in own), default=0):.2f} s",
        f"{max((batch.mib for batch in own), default=0):.0f} MiB",
    )
    return f"| {' | '.join(cells)} |"


def _read_progress(file: Path) -> Iterator[Batch]:
    """The finished batches; a last line that was cut off is left out."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield Batch(**json.loads(line))
        except ValueError:
            continue


def _names() -> list[str]:
    return [reader.name for reader in READERS]


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutations", type=int, default=1000, help="of every reader (1000)")
    parser.add_argument(
        "--reader", action="append", choices=_names(), help="only this (repeatable)"
    )
    default = Path("fuzz_progress.jsonl")
    parser.add_argument("--progress", type=Path, default=default, help=f"file ({default})")
    parser.add_argument("--hostile", action=argparse.BooleanOptionalAction, default=True,
                        help="also the hostile files (yes)")  # fmt: skip
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
