"""The house's rules: imports point down, each library has its room."""

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LAYERS = [
    {"scratch", "regular"},
    {"errors", "formats", "ids", "naming", "events", "offline", "processes", "copies", "toolbox"},
    {"storage"},
    {"filing", "sources", "lists", "options", "model"},
    {"frames", "posts"},
    {"settings", "originals"},
    {"pictures"},
    {"worker"},
    {"engines", "journal"},
    {"comparing"},
    {"cutting", "parts"},
    {"evidence"},
    {"report"},
    {"archive"},
    {"scanning", "renewing", "doctor", "export", "compare", "review"},
    {"api", "cli"},
]
TRAINING_LAYERS = [{"drawing"}, {"photos"}, {"learning"}, {"measuring"}]  # each may know those before it


def imported_modules(path: Path) -> set[str]:
    """Full names of our modules and packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("detector"):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name for name in whole if find_file(name)} or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("detector")}
    return names


def find_file(module: str) -> Path | None:
    path = REPOSITORY / Path(*module.split("."))
    return next((one for one in (path / "__init__.py", path.with_suffix(".py")) if one.exists()), None)


def room_of(module: str) -> str:
    """The package a module belongs to: a room of the scan line, or one of training's."""
    parts = module.split(".")
    return ".".join(parts[1:3] if parts[1:2] == ["training"] else parts[1:2])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def scan_line() -> list[Path]:
    """Every module of the package but the model's line."""
    package = REPOSITORY / "detector"
    apart = {package / "__init__.py", package / "__main__.py", *(package / "training").rglob("*")}
    return [path for path in package.rglob("*.py") if path not in apart]


def test_imports_point_down() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    for path in scan_line():
        room = room_of(module_name(path))
        assert room in level, f"{room} has no place in LAYERS"
        for imported in {room_of(name) for name in imported_modules(path)} - {room, ""}:
            assert imported in level, f"{path.name} must not need {imported}"
            assert level[imported] < level[room], f"{path.name} imports {imported}"


def test_training_knows_only_the_rooms_before_it() -> None:
    level = {f"training.{name}": number for number, layer in enumerate(TRAINING_LAYERS) for name in layer}
    below = {"errors", "offline", "model", "frames", "pictures"}
    for path in (REPOSITORY / "detector" / "training").rglob("*.py"):
        room = room_of(module_name(path))
        for imported in {room_of(name) for name in imported_modules(path)} - {room, ""}:
            before = imported in level and level[imported] < level[room]
            assert before or imported in below, f"{path.name} imports {imported}"


def test_from_outside_a_package_only_the_package_is_imported() -> None:
    """Scripts are apart: each is the command of one module of the model's line."""
    for path in (REPOSITORY / "detector").rglob("*.py"):
        for imported in imported_modules(path):
            room = room_of(imported)
            if room and room != room_of(module_name(path)) and f"detector.{room}" != imported:
                raise AssertionError(f"{module_name(path)} imports {imported}, not detector.{room}")


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("from detector.model.flags import Model", {"detector.model.flags"}),
        ("from detector.model import load_model, flags", {"detector.model.flags"}),
        ("def late():\n    import detector.scanning", {"detector.scanning"}),
        ("from detector import page", {"detector"}),
    ],
)
def test_every_way_to_import_is_seen(tmp_path: Path, text: str, modules: set[str]) -> None:
    (tmp_path / "module.py").write_text(text)
    assert imported_modules(tmp_path / "module.py") == modules


def test_only_its_module_opens_media_or_runs_a_network() -> None:
    owners = {
        "av": {"frames"},
        "onnxruntime": {"offline"},
        "ultralytics": {"offline"},
        "openvino": {"offline"},
        "supervision": {"toolbox"},
    }
    for path in scan_line():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    library = alias.name.split(".")[0]
                    name = path.relative_to(REPOSITORY / "detector").parts[0].removesuffix(".py")
                    assert name in owners.get(library, {name}), f"{path.name} imports {library}"


def test_no_class_name_is_written_in_code() -> None:
    for path in scan_line():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.lower() not in ("azerbaijan", "kanak"), f"{path.name}:{node.lineno}"
