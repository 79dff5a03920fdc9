"""What surrounds the code: site, workflows, forms, citation, container."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from tests.project_file import ROOT, project_table


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built without a warning."""
    for module in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (it is part of the extra dev)")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_of_the_site_is_reached_from_the_first(site):
    waiting, reached = [site / "index.html"], set()
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".html":
            continue
        reached.add(page)
        links = _Links()
        links.feed(page.read_text(encoding="utf-8"))
        for target in links.targets:
            if target.startswith(("http", "#", "mailto:")):
                continue
            path = (page.parent / target.partition("#")[0]).resolve()
            path = path / "index.html" if path.is_dir() else path
            assert path.exists(), f"{page}: {target}"
            waiting.append(path)
    assert reached == set(site.rglob("*.html")) - {site / "404.html"}
    assert len(reached) > 20


def test_the_reference_shows_the_public_calls_with_their_docstrings(site):
    page = (site / "api/evaluation/index.html").read_text(encoding="utf-8")
    for name in ("create_tracker", "FrameStepper", "FrameOutput", "WholeVideoTracker", "Runtime"):
        assert re.search(rf'id="[\w.]*\b{name}"', page), name
    assert "by default the best one here" in page


def test_workflows_and_forms_are_well_formed():
    workflows = [yaml.safe_load(path.read_text()) for path in (ROOT / ".github").rglob("*.yml")]
    jobs = {name: job for flow in workflows for name, job in flow.get("jobs", {}).items()}
    assert set(jobs) == {"locked", "ranges", "wheel", "site"}
    systems = jobs["wheel"]["strategy"]["matrix"]["os"]
    assert [name.partition("-")[0] for name in systems] == ["ubuntu", "macos", "windows"]
    tried = {entry["python"] for entry in jobs["ranges"]["strategy"]["matrix"]["include"]}
    labels = {line.rpartition(" :: ")[2] for line in project_table()["classifiers"]}
    assert tried == {label for label in labels if re.fullmatch(r"3\.\d+", label)}
    oldest = re.search(r">=([\d.]+)", project_table()["dependencies"][0])[1]
    torches = [entry["torch"] for entry in jobs["ranges"]["strategy"]["matrix"]["include"]]
    assert any(f"torch=={oldest}" in torch for torch in torches)
    for form in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        content = yaml.safe_load(form.read_text())
        if form.name != "config.yml":
            assert {"name", "description", "body"} <= content.keys()
            assert all(part["type"] != "markdown" for part in content["body"])


def test_the_citation_names_this_version_and_five_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project_table()["version"]
    assert len(citation["references"]) == 5
    assert f"## {citation['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_steps_of_the_container_work_on_what_it_copies(tmp_path):
    """All that is copied exists and is not ignored; pip gets what the command line names."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY "):
            for name in line.split()[1:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in allowed
    (step,) = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ")]
    calls = tmp_path / "calls"
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    pip.chmod(0o755)
    shell = shutil.which("sh")
    assert shell is not None
    for index, extras in (("https://example.org/cpu", "[train]"), ("", "")):
        calls.unlink(missing_ok=True)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TORCH_INDEX_URL": index}
        step_here = step.replace("/opt/vos-toolkit", str(tmp_path / "source"))
        subprocess.run([shell, "-ec", step_here], env=variables | {"EXTRAS": extras}, check=True)
        said = calls.read_text().splitlines()
        assert said[-1].split()[-1] == f".{extras}"
        assert ("--index-url" in said[0]) == bool(index)
