from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.training.learning.average import average

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train


def save(path: Path, value: float, *, whole: bool) -> Path:
    layer = torch.nn.Linear(1, 1)
    state = {"weight": torch.full((1, 1), value), "bias": torch.full((1,), -value)}
    layer.load_state_dict(state)
    torch.save({"model": layer, "ema": None, "epoch": 3} if whole else state, path)
    return path


def test_a_mean_of_detectors_is_a_detector(tmp_path: Path) -> None:
    shares = {
        save(tmp_path / f"{value}.pt", value, whole=True): share for value, share in ((1, 0.75), (5, 0.25))
    }
    saved = torch.load(average(shares, tmp_path / "mean.pt"), weights_only=False)
    assert saved["model"].weight.item() == pytest.approx(2)
    assert saved["model"].bias.item() == pytest.approx(-2)
    assert saved["epoch"] == 3


def test_a_mean_of_classifiers_is_a_classifier(tmp_path: Path) -> None:
    shares = {save(tmp_path / f"{value}.pt", value, whole=False): 0.5 for value in (1.0, 5.0)}
    saved = torch.load(average(shares, tmp_path / "mean.pt"), weights_only=True)
    assert {name: value.item() for name, value in saved.items()} == {"weight": 3, "bias": -3}


def test_shares_add_up_to_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shares add up"):
        average({tmp_path / "a.pt": 0.5, tmp_path / "b.pt": 0.4}, tmp_path / "mean.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken"])
def test_what_is_no_weights_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.pt holds no weights"):
        average({tmp_path / "a.pt": 1.0}, tmp_path / "mean.pt")
