"""Folders to scan in, the roots that names are relative to out: no name tells whose machine it was."""

import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

HOMES = frozenset({"home", "homes", "users"})  # folders that hold a folder for each user
HOME = "home"  # what a user's own folder is called in names
NOTHING: Mapping[Path, str] = MappingProxyType({})


def choose_roots(
    folders: Iterable[Path], named: Mapping[Path, str] = NOTHING, firsts: Iterable[str] = ()
) -> dict[Path, str]:
    """Absolute folders that hold what is scanned in, roots out, each with how names under it begin.

    One root, and nothing before the names, where the deepest folder that holds all tells nothing of the
    machine: else one for each part that lies apart, by its own name, numbered where two have the same.
    What lies in a root of what is `named` by now keeps its name, and all else is named apart from it: by
    names whose first folder is not in `firsts`.
    """
    apart = {folder for folder in folders if named.keys().isdisjoint((folder, *folder.parents))}
    roots = sorted(_split(sorted(apart)))
    if not named and len(roots) == 1:
        return {roots[0]: ""}
    labels = dict(named)
    taken = {label.casefold() for label in (*firsts, *named.values())}
    for root in roots:
        own = HOME if is_home(root) else root.name or "files"
        numbered = (own if number == 1 else f"{own} {number}" for number in itertools.count(1))
        labels[root] = next(label for label in numbered if label.casefold() not in taken)
        taken.add(labels[root].casefold())
    return labels


def find_root(path: Path, roots: Mapping[Path, str]) -> Path:
    """The innermost of the roots that a path lies in."""
    return next(folder for folder in (path, *path.parents) if folder in roots)


def common_folder(folders: Iterable[Path]) -> Path | None:
    """The deepest folder that holds all of them, None when they lie on different drives."""
    try:
        return Path(os.path.commonpath(list(folders)))
    except ValueError:
        return None


def tells_too_much(common: Path | None, folders: Iterable[Path]) -> bool:
    """Whether paths from there to the folders begin where the machine does, or pass through a user's own."""
    if common is None:
        return True
    folders = set(folders) - {common}
    if common == Path(common.anchor) and folders:
        return True
    return any(
        is_home(one)
        for folder in folders
        for one in (folder, *folder.parents)
        if len(one.parts) > len(common.parts)
    )


def is_home(folder: Path) -> bool:
    """Whether it is named after a user."""
    return folder.parent.name.lower() in HOMES or folder == Path.home()


def _split(folders: list[Path]) -> list[Path]:
    common = common_folder(folders)
    if not tells_too_much(common, folders):
        return [common] if common else []
    parts: dict[Path, list[Path]] = {}
    for folder in folders:
        depth = len(common.parts) if common else 0
        parts.setdefault(Path(*folder.parts[: depth + 1]), []).append(folder)
    return [root for part in parts.values() for root in _split(part)]
