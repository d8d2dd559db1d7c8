"""Names of what a report holds: of frames and of detections."""

ID_DIGITS = 32  # of the content hash: nobody can make two files that share them
STREAM_FRAMES = 10_000_000  # indices of frames that each stream of a file has for itself


def frame_id(sha256: str, frame_index: int) -> str:
    """Stable name of a frame; exact copies of a file share it, as they share the picture."""
    return f"{sha256[:ID_DIGITS]}-{frame_index}"


def detection_id(sha256: str, frame_index: int, rank: int) -> str:
    """Stable name of a detection: its frame's, and its rank there."""
    return f"{frame_id(sha256, frame_index)}-{rank}"


def event_id(sha256: str, class_id: int, frame_index: int) -> str:
    """Stable name of an event: of which file and flag it is, and the first frame that shows it."""
    return f"{sha256[:ID_DIGITS]}-{class_id}-{frame_index}"


def detection_id_sql(table: str) -> str:
    """`detection_id` as an SQL expression over a table's columns."""
    return f"substr({table}.sha256, 1, {ID_DIGITS}) || '-' || {table}.frame_index || '-' || {table}.rank"


def stream_sql(frame_index: str) -> str:
    """`stream_of` as an SQL expression."""
    return f"{frame_index} / {STREAM_FRAMES}"


def stream_of(frame_index: int) -> int:
    """Which of the streams of a file that show pictures a frame is of; frames of the first count from 0,
    those of stream n from n × `STREAM_FRAMES`."""
    return frame_index // STREAM_FRAMES
