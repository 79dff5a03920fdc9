"""Hooks of the site's build: pages of the repository's root, and links that leave ``docs/``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "INSTALL.md": "install.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
}
_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie in the repository's root."""
    for name, page in PAGES.items():
        content = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Make links lead to pages of the site, or to the repository where it has none."""
    generated = {page: name for name, page in PAGES.items()}
    source = generated.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    base = (ROOT / source).parent
    depth = page.file.src_uri.count("/")

    def target(match: re.Match[str]) -> str:
        path = (base / match[2]).resolve()
        if not path.is_relative_to(ROOT):
            return match[0]
        inside = path.relative_to(ROOT).as_posix()
        if inside in PAGES:
            return match[1] + "../" * depth + PAGES[inside]
        if inside.startswith("docs/"):
            return match[1] + "../" * depth + inside.removeprefix("docs/")
        return f"{match[1]}{config.repo_url}blob/main/{inside}"

    return _LINK.sub(target, markdown)
