"""What a review shows: the contents of a report, their frames and detections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One of the files that have a content, with its post."""

    name: str
    path: Path
    source_url: str
    platform: str
    author: str
    posted_at: str
    post_text: str
    post_warning: str
    captured_at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """A photo or video; exact copies are one."""

    sha256: str
    kind: str
    bytes: int
    cluster: str
    cluster_size: int
    files: tuple[ReportFile, ...]

    @property
    def dated(self) -> str:
        """When it was first posted or else captured, "" where neither is known; a bare day may be as late
        as its end, so it comes after the times of that day."""
        posted = sorted((file.posted_at for file in self.files if file.posted_at), key=lambda at: f"{at}~")
        return posted[0] if posted else next((file.captured_at for file in self.files), "")


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A picture that a reviewer looks at: a photo or a frame of a video."""

    id: str
    sha256: str
    frame_index: int
    time_seconds: float
    width: int
    height: int
    annotated: str
    """Its picture in the report, "" for none: then the original is shown."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What the model saw, as a reviewer judges it."""

    id: str
    frame: ShownFrame
    label: str
    confidence: float
    rival_label: str
    rival_confidence: float
    ambiguous: bool
    both_in_frame: bool
    shown: bool
    """Whether it reaches the threshold; else it is almost there."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the frame."""
    crop: str
    picture: str
    """The same for all frames and photos that look the same."""
    event: str
    """Of a video: the appearance it belongs to, "" for none."""


@dataclass(frozen=True, slots=True)
class Event:
    """An appearance in a video."""

    id: str
    label: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Collection:
    """All that can be reviewed in a report."""

    folder: Path
    class_names: tuple[str, ...]
    thresholds: Mapping[str, float]
    """By class name."""
    show_faces: bool
    contents: Mapping[str, Content]
    """By hash."""
    detections: Mapping[str, Detection]
    """By id, in order of file, time and rank."""
    frames: Mapping[str, ShownFrame]
    """By id: all frames with detections, and the sample."""
    events: Mapping[str, Event]
    sample: tuple[str, ...]
    """Ids of frames of files in which nothing is shown, one a file, in random order."""
    without_detection: int
    """Different files in which nothing is shown."""
    frames_of: Mapping[str, Sequence[str]]
    """For each content the ids of its frames with detections, in order of time."""
    in_frame: Mapping[str, Sequence[str]]
    """For each frame the ids of its detections."""
    alike: Mapping[tuple[str, str], Sequence[str]]
    """For each picture and label the ids of the detections of all that look the same."""
    in_event: Mapping[str, Sequence[str]]
    in_cluster: Mapping[str, Sequence[str]]
    """For each cluster the hashes of its contents."""

    def other_label(self, detection: Detection) -> str:
        """The flag that is taken for the detection's, "" where the weights know one alone."""
        others = (name for name in self.class_names if name != detection.label)
        return detection.rival_label or next(others, "")

    def mentions(self, name: str, text: str) -> bool:
        """Whether a text in lower case is in the id of an item, in its file's name, or in its post."""
        detection = self.detections.get(name)
        frame = detection.frame if detection else self.frames[name]
        texts = [name, frame.sha256]
        for file in self.contents[frame.sha256].files:
            texts += [file.name, file.author, file.platform, file.post_text, file.source_url]
        return any(text in one.lower() for one in texts)

    @property
    def pictures(self) -> frozenset[str]:
        """Names of all pictures of the report that may be shown."""
        crops = {one.crop for one in self.detections.values()}
        return frozenset(crops | {one.annotated for one in self.frames.values() if one.annotated})
