"""What a scan can be told: the options of the command, their defaults and their checks."""

import enum
import os
from dataclasses import dataclass
from math import inf
from pathlib import Path

from detector.errors import UsageError

PACKAGE = Path(__file__).parent
DEVICES = ("cpu", "openvino", "cuda")
AUTO_DEVICE = "auto"
CORES = os.cpu_count() or 1
MOST_PER_CORE = 8  # workers or threads: more only take memory
PICTURES = ("best", "all")
ENGINES = ("local", "ray")
AUTO = 0  # workers: as many as there are processors
DETAILS = ("fast", "standard", "thorough")


class ExportFormat(enum.StrEnum):
    """What a report can be written as."""

    MEGADETECTOR = "megadetector"
    COCO = "coco"
    YOLO = "yolo"
    LABELSTUDIO = "labelstudio"
    XLSX = "xlsx"


def default_weights() -> Path:
    """The weights that come with the package, or with the checkout it is installed from."""
    packaged = PACKAGE / "weights" / "flags.onnx"
    return packaged if packaged.exists() else PACKAGE.parent / "weights" / "flags.onnx"


def read_workers(given: str | int) -> int:
    """The number of a text such as `4` or `auto`, or the default itself. Raises UsageError."""
    text = str(given)
    if text == "auto":
        return AUTO
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--workers {text}: write a number of at least 1, or auto")
    return int(text)


def read_threshold(text: str) -> tuple[str, float]:
    """The flag and the confidence of a text such as `kanak=0.4`. Raises UsageError."""
    label, _, value = text.rpartition("=")
    try:
        return label.strip(), float(value)
    except ValueError as error:
        raise UsageError(f"--threshold {text}: write a flag and a confidence, as in NAME=0.4") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """The options of `detector scan`; each flag has the name of its field."""

    paths: tuple[Path, ...] = ()
    """Files and folders to scan."""
    from_file: str = ""
    """Text file that names more paths, one a line; "-" reads standard input."""
    out: Path = Path("report")
    """Report folder; made when it is not there."""
    only_these: bool = False
    """Leave out of the report what earlier scans into it found elsewhere."""
    recursive: bool = True
    """Whether folders inside folders are scanned."""
    follow_links: bool = False
    """Follow links in the folders that lead out of them; else they are not opened."""
    hidden: bool = False
    """Look at what is hidden, too; else a hidden photo or video, or folder of such, has a row to say so."""
    weights: Path | None = None
    """Weights to use, .onnx or .pt; the ones that come with the tool when None."""
    trust_weights: bool = False
    """Load a .pt whose hash its .toml does not hold: it can run code."""
    detail: str = "standard"
    """How closely an image is looked at, one of `DETAILS`: the sizes in which the network sees it."""
    device: str = "cpu"
    """Where the network runs: cpu, openvino (the CPU, through OpenVINO), cuda, or auto: the report's own,
    and for a new one cpu or openvino, whichever is faster here."""
    workers: int = CORES
    """Files looked at side by side, each in a process of its own; `AUTO` for one each processor."""
    engine: str = "local"
    """Where workers run: local, on this machine, or ray, on the machines of a Ray cluster."""
    address: str = ""
    """With the engine ray: address of a running cluster, or "auto"; Ray is begun on this machine when ""."""
    gpus_per_worker: float = 0.0
    """With the engine ray: GPUs that each worker has to itself; a part of one can be shared."""
    worker_memory: float = 2.0
    """Gigabytes of memory that a worker may take beside what it begins with, on Linux; 0 for no limit."""
    threads: int = 1
    """Threads of each worker's network."""
    every: float = 1.0
    """Seconds of video of which the sharpest frame is looked at; 0 looks at every frame."""
    keyframes: bool = False
    """Look only at the key frames of videos: much faster, but short appearances are missed."""
    densify: bool = True
    """Look at a video more closely around what was seen in it, for the best frame and true bounds."""
    min_confidence: float | None = None
    """Confidence from which a detection is in the tables; the weights' recommendation when None."""
    floor: float | None = None
    """Confidence from which the journal keeps a detection; the weights' recommendation when None."""
    archive: Path | None = None
    """Archive that is asked, when the scan ends, which pictures were seen before; none when None."""
    pictures: str = "best"
    """Which frames of videos have pictures: the best of each event and of every ten seconds, or all."""
    show_faces: bool = False
    """Leave faces visible in the pictures that are written."""
    pseudonymise: bool = False
    """Replace the authors of posts by pseudonyms, in the tables and in the journal."""
    pseudonym_key: Path | None = None
    """File with the key that pseudonyms are made with, outside the report; made when it is missing."""
    file_timeout: float = 3600.0
    """Seconds after which a file is given up, with what was seen until then."""
    photo_memory: int = 1000
    """Megabytes that decoding one photo may take; JPEGs are decoded smaller, others refused beyond that."""
    max_failures: int | None = None
    """Stop the scan after this many failed files; never when None."""
    retry_failed: bool = False
    """Look again at files that failed in an earlier run."""

    def check(self) -> None:
        """Raises UsageError for values that mean nothing."""
        if not self.paths and not self.from_file:
            raise UsageError("nothing to scan: name at least one file or folder, or use --from-file")
        if not all(isinstance(one, Path) for one in (*self.paths, self.out)):
            raise UsageError('paths and out are pathlib.Path: paths=(Path("downloads"),), out=Path("report")')
        if self.pictures not in PICTURES:
            raise UsageError(f"--pictures must be one of {', '.join(PICTURES)}")
        if self.detail not in DETAILS:
            raise UsageError(f"--detail must be one of {', '.join(DETAILS)}")
        self._check_numbers()
        for name, value in (("--min-confidence", self.min_confidence), ("--floor", self.floor)):
            if value is not None and not 0 < value <= 1:
                raise UsageError(f"{name} must be more than 0 and at most 1")
        if self.max_failures is not None and self.max_failures < 1:
            raise UsageError("--max-failures must be at least 1")
        self._check_key()
        self._check_engine()
        if self.device not in (*DEVICES, AUTO_DEVICE):
            raise UsageError(f"--device must be one of {', '.join((*DEVICES, AUTO_DEVICE))}")
        if self.device == AUTO_DEVICE and self.engine == "ray":
            raise UsageError("--device auto is for --engine local: name the device that all machines have")

    def _check_engine(self) -> None:
        if self.engine not in ENGINES:
            raise UsageError(f"--engine must be one of {', '.join(ENGINES)}")
        if self.engine == "local" and (self.address or self.gpus_per_worker):
            raise UsageError("--address and --gpus-per-worker are for --engine ray")
        if self.workers < 0:
            raise UsageError("--workers must be at least 1, or auto")

    def _check_key(self) -> None:
        if self.pseudonymise != (self.pseudonym_key is not None):
            raise UsageError(
                "--pseudonymise and --pseudonym-key FILE go together: the file is made when it is missing; "
                "keep it back, for who has it can try names out"
            )
        if self.pseudonym_key and self.pseudonym_key.resolve().is_relative_to(self.out.resolve()):
            raise UsageError("--pseudonym-key is inside the report: choose another place")

    def _check_numbers(self) -> None:
        counts = [("--threads", self.threads)]
        if self.workers != AUTO and self.engine == "local":
            counts.append(("--workers", self.workers))
        for name, count in counts:
            if not 1 <= count <= MOST_PER_CORE * CORES:
                raise UsageError(f"{name} must be at least 1 and at most {MOST_PER_CORE * CORES} here")
        numbers = (
            *(("--every", self.every), ("--worker-memory", self.worker_memory)),
            ("--gpus-per-worker", self.gpus_per_worker),
        )
        for name, seconds in numbers:
            if not 0 <= seconds < inf:
                raise UsageError(f"{name} must be a number that is not negative")
        if self.photo_memory < 1:
            raise UsageError("--photo-memory must be at least 1")
        if not 0 < self.file_timeout < inf:
            raise UsageError("--file-timeout must be a number of seconds, more than 0")
