"""One file in, one FileResult out: hash, decode, detect and draw for a single file."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.copies import PictureHash, find_luma, hash_edges, hash_whole_and_inside, hash_windows
from detector.errors import MediaError
from detector.events import CLOSER_STEPS, spans_to_look_closer
from detector.formats import NOT_OPENED
from detector.frames import Coverage, Frame, Repeats, Sampling, read_frames, read_image, read_spans
from detector.ids import STREAM_FRAMES, stream_of
from detector.model import Model, load_model
from detector.pictures import PictureChooser, find_picture_side, has_picture, is_shown, write_pictures
from detector.processes import give_back_memory
from detector.settings import WorkerSettings
from detector.sources import Media, find_kind, printable, without_path
from detector.storage import fetching, is_remote
from detector.toolbox import sv

FETCHED = "fetched"  # folder in the report folder for copies of objects in hand
NO_HASH = PictureHash(b"", b"", 0)  # before the first frame
FILLING = 0.25  # of the picture: where a flag's box is as large, another flag in it changes most of the hash
REFUSED = ("Failed to allocate", "bad_alloc", "not enough memory", "Insufficient memory")

Status = Literal["ok", "no_detection", "failed", "not_read", "unsupported"]


class SeenFrame(NamedTuple):
    """A frame that was looked at."""

    frame_index: int
    time_seconds: float
    whole: PictureHash
    inside: PictureHash
    """Of what is inside bars, captions and margins; the same as `whole` where there are none."""
    windows: bytes = b""
    """Of a photo, the hashes of what would be left if its edges were cut off (`copies.WINDOWS`)."""
    edges: bytes = b""
    """Of a photo that shows little but a flag, the hash of its edges."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """Everything a scan learns from one file."""

    media: Media
    sha256: str
    """Hash of the content, "" when it could not be read."""
    bytes: int
    status: Status
    reason: str
    """Why the file failed or was not read, and what else is to be said of it; "" when all is well."""
    coverage: Coverage
    frames: tuple[SeenFrame, ...]
    """All frames looked at, in order of index."""
    detections: sv.Detections
    """All frames' detections down to the floor, by frame and rank; `data` holds, besides what `Model` gives,
    `frame_index`, `time_seconds`, `rank`, `page`, `frame_width`, `frame_height`, `annotated` and `crop`
    (paths in the report folder, "" for none), and the sha256 of both pictures."""
    unfinished: bool = False
    """Whether its worker was ended: then there may be pictures that no detection names."""


def scan_file(media: Media, settings: WorkerSettings) -> FileResult:
    """Looks at one file and writes its pictures. Never raises for what is wrong with the file.

    An object of a storage is fetched, and its copy removed.
    """
    if media.kind in NOT_OPENED:
        return replace(failed_result(media, NOT_OPENED[media.kind], seconds=0), status="not_read")
    if not is_remote(media.path):
        return _scan_here(media, settings)
    try:
        with fetching(media.path, media.listed_bytes, settings.out / FETCHED) as here:
            copy = replace(media, root=here.parent, path=here, kind=find_kind(here), version="")
            result = _scan_here(copy, settings)
    except OSError as error:
        reason = _one_line(f"cannot be read: {error.strerror}", media)
        return failed_result(media, reason, seconds=0)
    return replace(result, media=replace(media, kind=result.media.kind))


def _scan_here(media: Media, settings: WorkerSettings) -> FileResult:
    give_up_at = time.monotonic() + settings.sampling.max_seconds
    try:
        sha256, size = media.sha256(settings.sampling.max_seconds), media.size()
    except MediaError as error:
        return failed_result(media, _one_line(error, media), seconds=0)
    except MemoryError:
        return failed_result(media, _say_memory(settings), seconds=0)
    coverage = Coverage(media.kind)
    look = _Look(media, sha256, settings)
    status, reason = _try(partial(look.look_through, coverage), media, settings)
    if not reason and coverage.frames_unreadable:
        reason = f"{coverage.frames_unreadable} damaged frames passed over"
    if settings.densify and coverage.kind == "video":
        closer, why = _try(partial(look.look_closer, coverage, give_up_at), media, settings)
        status, reason = status or closer, reason or why
    detections = look.detections()
    if status is None:
        status = "ok" if is_shown(detections, settings.thresholds).any() else "no_detection"
    reason = "; ".join(filter(None, [reason, *(_one_line(note, media) for note in coverage.notes)]))
    coverage = replace(coverage, timelines={})
    frames = tuple(sorted(look.frames, key=lambda one: one.frame_index))
    return FileResult(media, sha256, size, status, reason, coverage, frames, detections)


def failed_result(media: Media, reason: str, *, seconds: float) -> FileResult:
    """The result of a file whose worker gave none; without its hash when that takes longer than so long."""
    sha256, size = "", 0
    if seconds:
        if is_remote(media.path):  # whose name alone was known
            media = replace(media, kind=find_kind(media.path))
        with suppress(MediaError):
            sha256, size = media.sha256(seconds), media.size()
    nothing = empty_detections()
    return FileResult(
        media, sha256, size, "failed", reason, Coverage(media.kind), (), nothing, unfinished=True
    )


def empty_detections() -> sv.Detections:
    """No detections, with every array a file's detections have."""
    nothing = np.empty(0)
    names = [*("rival_class_id", "rival_confidence", "ambiguous", "frame_index", "time_seconds", "rank")]
    names += ["page", "frame_width", "frame_height"]
    names += ["annotated", "crop", "annotated_sha256", "crop_sha256", "plain_sha256"]
    return sv.Detections(
        np.empty((0, 4), np.float32),
        confidence=np.empty(0, np.float32),
        class_id=np.empty(0, int),
        data=dict.fromkeys(names, nothing),
    )


def _try(look: Callable[[], None], media: Media, settings: WorkerSettings) -> tuple[Status | None, str]:
    """What went wrong in a look at the file; what was seen until then is kept."""
    try:
        look()
    except MediaError as error:
        return error.status, _one_line(error, media)
    except Exception as error:
        if not _is_memory_short(error):
            raise
        return "failed", _say_memory(settings)
    return None, ""


def _say_memory(settings: WorkerSettings) -> str:
    return f"needs more than the {settings.worker_memory:g} GB of --worker-memory"


def _is_memory_short(error: Exception) -> bool:
    """Whether a library was refused memory; each has its own way to say so."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in REFUSED)


def _one_line(error: MediaError | str, media: Media) -> str:
    return " ".join(printable(without_path(str(error), media.path)).split())


@functools.cache
def _model(weights: Path, detail: str, device: str, threads: int, trusted: bool) -> Model:
    return load_model(weights, detail=detail, device=device, threads=threads, trust_weights=trusted)


def _model_of(settings: WorkerSettings) -> Model:
    if settings.weights is None:
        raise ValueError("without weights nothing is looked for")
    return _model(
        settings.weights, settings.detail, settings.device, settings.threads, settings.trust_weights
    )


class _Waiting(NamedTuple):
    """A frame that may get pictures."""

    place: int
    """Of its detections among those found."""
    frame: Frame
    pictured: NDArray[np.bool_]


class _Look:
    """What is seen in one file, frame by frame."""

    def __init__(self, media: Media, sha256: str, settings: WorkerSettings) -> None:
        self.media = media
        self.sha256 = sha256
        self.settings = settings
        self.frames: list[SeenFrame] = []
        self.found: list[sv.Detections] = []
        self._chooser = PictureChooser[_Waiting](settings.picture_seconds)
        self._stream = 0
        self._repeats = Repeats()
        self._last = sv.Detections.empty()
        self._hashes: tuple[PictureHash, PictureHash] = (NO_HASH, NO_HASH)

    def detections(self) -> sv.Detections:
        """Of all frames, by frame and rank."""
        if not self.found:
            return empty_detections()
        detections = sv.Detections.merge(self.found)
        order = np.lexsort((detections.data["rank"], detections.data["frame_index"]))
        return cast("sv.Detections", detections[order])

    def look_through(self, coverage: Coverage) -> None:
        """The first look, from beginning to end."""
        try:
            for frame in read_frames(self.media, self.settings.sampling, coverage):
                self.look_at(frame, moves=coverage.kind == "video")
        finally:
            self._write_of_video(self._chooser.finish())

    def look_closer(self, coverage: Coverage, give_up_at: float) -> None:
        """A second look at a video, around what was shown in the first."""
        seen = {frame.frame_index for frame in self.frames}
        try:
            for frame in self._closer_frames(coverage, give_up_at):
                if frame.index not in seen:
                    coverage.frames_read += 1
                    self.look_at(frame, moves=True, only_better=True)
        finally:
            self._write_of_video(self._chooser.finish())

    def look_at(self, frame: Frame, *, moves: bool, only_better: bool = False) -> None:
        """Detects, where the frame shows something else than the one before, and has pictures written: of a
        photo now, of a video's frames (`moves`) of the best; with `only_better` only of one that shows more
        than the frames around it that have been looked at before."""
        settings = self.settings
        is_photo = not (moves or frame.page)  # else it is neither cut out of another nor painted over
        windows = edges = b""
        if not self._repeats.is_repeat(frame.image):
            if settings.weights is not None:
                (self._last,) = _model_of(settings).detect([frame.image], settings.floor)
            luma = find_luma(frame.image)
            self._hashes = hash_whole_and_inside(frame.image, luma)
            windows = hash_windows(luma) if is_photo else b""
        detections = deepcopy(self._last)
        if is_photo and _find_largest(detections, frame.image) >= FILLING:
            edges = hash_edges(frame.image)
        self.frames.append(SeenFrame(frame.index, frame.time_seconds, *self._hashes, windows, edges))
        if not len(detections):
            return
        detections.xyxy = detections.xyxy * _enlargement(frame)
        pictured = has_picture(detections, settings.thresholds)
        if only_better and not self._shows_more(detections, frame):
            pictured[:] = False
        self.found.append(self._picture(frame, detections, np.zeros(len(detections), bool)))
        if not pictured.any():
            return
        waiting = _Waiting(len(self.found) - 1, frame, pictured)
        if not moves:
            self._write([waiting])
            return
        if stream_of(frame.index) != self._stream:  # its time begins again
            self._write_of_video(self._chooser.finish())
            self._stream = stream_of(frame.index)
        surest, labels = self._surest(detections), self._labels(detections)
        self._write_of_video(self._chooser.offer(waiting, frame.time_seconds, labels, surest))

    def _write(self, chosen: Sequence["_Waiting"]) -> None:
        for place, frame, pictured in chosen:
            detections = self.found[place]
            sharp = self._sharpen(frame, np.asarray(detections.xyxy[pictured], np.float32))
            self.found[place] = self._picture(sharp, detections, pictured)

    def _write_of_video(self, chosen: Sequence["_Waiting"]) -> None:
        """The same, and what memory the search for faces needed is given back: a video is decoded beside it.

        After a photo none is: the next may need it, and to take it anew is 5 % of the work.
        """
        self._write(chosen)
        if chosen:
            give_back_memory()

    def _picture(self, frame: Frame, detections: sv.Detections, pictured: NDArray[np.bool_]) -> sv.Detections:
        names = _model_of(self.settings).info.class_names
        return write_pictures(frame, detections, pictured, self.sha256, names, self.settings)

    def _closer_frames(self, coverage: Coverage, give_up_at: float) -> Iterator[Frame]:
        """Frames around what is shown in a video that has been looked at once, more densely taken."""
        settings = self.settings
        every = settings.sampling.every_seconds
        detections = self.detections()
        shown = is_shown(detections, settings.thresholds)
        if not every or settings.sampling.keyframes or not shown.any():
            return
        hits = np.asarray(detections.data["frame_index"], int)[shown]
        hit_seconds = np.asarray(detections.data["time_seconds"], float)[shown]
        confidence = np.asarray(detections.confidence, np.float32)[shown]
        looked_at = self.frames.copy()
        for stream in np.unique(hits // STREAM_FRAMES).tolist():
            own = hits // STREAM_FRAMES == stream
            seen = [one.time_seconds for one in looked_at if stream_of(one.frame_index) == stream]
            spans = spans_to_look_closer(hit_seconds[own], confidence[own], np.array(seen), every)
            left = give_up_at - time.monotonic()
            if left > 0:
                closer = Sampling(every_seconds=every / CLOSER_STEPS, max_seconds=left)
                yield from read_spans(self.media, spans, closer, coverage, stream)

    def _sharpen(self, frame: Frame, xyxy: NDArray[np.float32]) -> Frame:
        """The frame in as many pixels as pictures of these boxes need, where it was decoded smaller."""
        side = find_picture_side(frame.resolution_wh, xyxy)
        if max(frame.image.shape[:2]) >= side:
            return frame
        try:
            image = read_image(
                self.media.path,
                photo_side=side,
                index=frame.index,
                photo_bytes=self.settings.sampling.photo_bytes,
            )
        except MediaError:  # damaged at its end: the upper part is in the frame
            image = cv2.resize(frame.image, frame.resolution_wh).astype(np.uint8)
        return replace(frame, image=image)

    def _shows_more(self, detections: sv.Detections, frame: Frame) -> bool:
        """Whether flags are seen together, or one more surely, than in any frame around looked at before."""
        every = self.settings.sampling.every_seconds
        near = [
            self._surest(one)
            for one in self.found
            if abs(one.data["time_seconds"][0] - frame.time_seconds) <= every
            and stream_of(int(one.data["frame_index"][0])) == stream_of(frame.index)
        ]
        here = self._surest(detections)
        together = not any(here.keys() <= one.keys() for one in near)
        return together or any(
            confidence > max(one.get(class_id, 0.0) for one in near) for class_id, confidence in here.items()
        )

    def _labels(self, detections: sv.Detections) -> frozenset[tuple[int, bool]]:
        """The classes that are shown; where none is, those that almost are."""
        class_id = np.asarray(detections.class_id)
        for mask, shown in (
            (is_shown(detections, self.settings.thresholds), True),
            (has_picture(detections, self.settings.thresholds), False),
        ):
            if mask.any():
                return frozenset((label, shown) for label in class_id[mask].tolist())
        return frozenset()

    def _surest(self, detections: sv.Detections) -> dict[int, float]:
        """Highest confidence of each class that is worth a picture."""
        surest: dict[int, float] = {}
        worth = has_picture(detections, self.settings.thresholds)
        class_id, confidence = np.asarray(detections.class_id), np.asarray(detections.confidence)
        for label, sure in zip(class_id[worth].tolist(), confidence[worth].tolist(), strict=True):
            surest[label] = max(sure, surest.get(label, 0.0))
        return surest


def _find_largest(detections: sv.Detections, image: NDArray[np.uint8]) -> float:
    """The largest box, as a share of the picture."""
    return float(detections.area.max() / (image.shape[0] * image.shape[1])) if len(detections) else 0.0


def _enlargement(frame: Frame) -> NDArray[np.float32]:
    """What boxes xyxy in the frame's image are to be multiplied with to be pixels of the file's picture."""
    height, width = frame.image.shape[:2]
    factors = frame.resolution_wh[0] / width, frame.resolution_wh[1] / height
    return np.array(factors * 2, np.float32)
