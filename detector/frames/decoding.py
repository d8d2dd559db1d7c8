"""Packets in, decoded pictures out; what is damaged is counted and passed over."""

import av

from detector.errors import MediaError
from detector.frames.frame import Coverage
from detector.frames.opening import reason_of

MAX_UNREADABLE_SHARE = (
    0.1  # of the frames that were to be decoded; with more a video is not looked at as a whole
)
MAX_BAD_PACKETS = 64  # in a row; past this nothing useful follows and the video counts as broken off


class Decoder:
    """Decodes packets and counts the damaged ones. Raises MediaError when too many follow each other."""

    def __init__(self, coverage: Coverage, *, alone: bool = False) -> None:
        self.coverage = coverage
        self.alone = alone  # whether no frame needs another, which comes at once and in order then
        self.tried = 0
        self.bad_in_a_row = 0
        self.last_error = ""

    def check(self) -> None:
        """Raises MediaError when so much was damaged that nothing seen does not mean nothing there."""
        unreadable = self.coverage.frames_unreadable
        if unreadable > MAX_UNREADABLE_SHARE * self.tried:
            raise MediaError(f"seen only in part: {unreadable} of {self.tried} frames are unreadable")

    def pass_over(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Counts what is known to be damaged without decoding it."""
        self.tried += packet.is_corrupt
        self.coverage.frames_unreadable += packet.is_corrupt

    def decode(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        """Pictures that are complete with this packet, in the order in which they are shown."""
        if not packet.size and packet.pts is not None:
            return []  # says that the last frame is shown on; the decoder would take it for the end
        self.tried += packet.size > 0
        try:
            pictures = packet.decode()
            if self.alone and packet.size:
                pictures += packet.stream.codec_context.decode(None)
                packet.stream.codec_context.flush_buffers()
        except av.FFmpegError as error:
            self.coverage.frames_unreadable += 1
            self.bad_in_a_row += 1
            self.last_error = f": {reason_of(error)}"
            if self.bad_in_a_row > MAX_BAD_PACKETS:
                raise MediaError(f"broken off{where(self.coverage)}{self.last_error}") from error
            return []
        self.coverage.frames_unreadable += packet.is_corrupt or any(
            picture.is_corrupt for picture in pictures
        )
        if pictures:
            self.bad_in_a_row = 0
        return pictures


def where(coverage: Coverage) -> str:
    """How far a video has been read, to follow what happened there."""
    return f" at {coverage.read_seconds:.1f} of {coverage.declared_seconds:.1f} s"
