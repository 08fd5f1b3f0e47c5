"""Fieldmark as it is installed here -> the part of it that something else of it needs, copied."""

from __future__ import annotations

import shutil
from modulefinder import ModuleFinder
from pathlib import Path

HOME = Path(__file__).parents[1]

# What `import fieldmark` offers a person but loads only when asked; a function asks for none of it.
_OFFERED = ["fieldmark.api", "fieldmark.cli", "fieldmark.pipeline"]


def modules_needed(module: str) -> list[Path]:
    """Return the files of Fieldmark that importing one of its modules leads to, relative to the package.

    Imports inside functions count. What lies beside a module and is no Python, such as a page's templates, does too.
    """
    finder = ModuleFinder(path=[str(HOME.parent)], excludes=_OFFERED)
    finder.import_hook(module, fromlist=["*"])
    named = (getattr(found, "__file__", None) for found in finder.modules.values())
    files = [Path(name) for name in named if name]
    folders = {file.parent for file in files} - {HOME}
    beside = [path for folder in folders for path in folder.rglob("*") if _is_data(path)]
    return sorted({path.relative_to(HOME) for path in [*files, *beside]})


def copy_modules(module: str, into: Path) -> None:
    """Copy what `module` needs to `into/fieldmark/`."""
    for relative in modules_needed(module):
        target = into / "fieldmark" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HOME / relative, target)


def copy_whole(into: Path) -> None:
    """Copy all of Fieldmark to `into/fieldmark/`."""
    shutil.copytree(HOME, into / "fieldmark", ignore=shutil.ignore_patterns("__pycache__"))


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".py", ".pyc")
