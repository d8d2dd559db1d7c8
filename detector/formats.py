"""The first bytes of a file and its name in, what media it is out."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

Kind = Literal["photo", "video", "other", "link", "hidden", "special"]

NOT_OPENED: Mapping[Kind, str] = {
    "link": "a link to elsewhere, which only --follow-links looks at",
    "hidden": "hidden, as its name begins with a dot; only --hidden looks at it",
    "special": "a pipe, socket or device, which might never end",
}
"""Kinds of what is found and not opened, and why."""

SIGNATURE_BYTES = 1024
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".targa", ".psd"}
    | {".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".srw", ".dng", ".raf", ".orf"}
    | {".rw2", ".rwl", ".pef", ".x3f", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr", ".mos", ".mef"}
)
NETPBM_KINDS = (b"1", b"2", b"3", b"4", b"5", b"6", b"f")
PHOTO_SIGNATURES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"8BPS\0\1"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF, and most camera raws
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),  # JPEG 2000, in boxes and bare
    *(b"P" + kind + space for kind in NETPBM_KINDS for space in (b"\n", b"\r", b" ", b"\t")),
    *(b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"II\x1a\0\0\0HEAPCCDR"),
)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".m4v", ".3gp", ".3g2", ".qt"}
    | {".wmv", ".asf", ".flv", ".f4v", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".vro", ".m2t"}
    | {".mxf", ".dv", ".ogv", ".ogm", ".rm", ".rmvb", ".divx", ".amv", ".wtv", ".dvr-ms", ".dav"}
    | {".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".y4m", ".nut", ".insv", ".lrv"}
)
TARGA_SUFFIXES, TARGA_HEAD_BYTES = frozenset((".tga", ".targa")), 18
HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    | {b"mif1", b"mif2", b"msf1", b"miaf", b"avif", b"avis"}
    | {b"crx "}
)  # ISO/IEC 23008-12, the AV1 Image File Format and Canon: still pictures in the container that mp4 uses
MP4_BOXES = frozenset(
    (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof", b"sidx")
)
TS_PACKET = 188  # bytes, ISO/IEC 13818-1; 192 with the time code that cameras put before each
CONTAINERS = {
    b"\x1a\x45\xdf\xa3": "matroska",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "asf",  # Windows Media
    b"FLV\x01": "flv",
    b"\0\0\x01\xba": "mpeg",  # a program stream: mpg, vob
    b"\0\0\x01\xb3": "mpegvideo",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01": "mxf",  # SMPTE 377: a header partition
    b"\x1f\x07\x00\x3f": "dv",  # SMPTE 314: 525 lines
    b"\x1f\x07\x00\xbf": "dv",  # 625 lines
    b"OggS": "ogg",
    b".RMF": "rm",
    b"DHAV": "dhav",  # cameras that watch a place
    b"DAHUA": "dhav",
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11": "wtv",
    b"DKIF": "ivf",
    b"YUV4MPEG2": "yuv4mpegpipe",
    b"nut/multimedia container\0": "nut",
    b"\0\0\0\x01\x40\x01": "hevc",  # bare HEVC; the next three are bare H.264
    b"\0\0\0\x01\x67": "h264",
    b"\0\0\0\x01\x27": "h264",
    b"\0\0\0\x01\x09": "h264",
}
"""FFmpeg's demuxers by the first bytes. Each reads the one file it is given; none follows a reference."""
UNREAD_SIGNATURES = {
    b"FWS": "Flash",
    b"CWS": "Flash",
    b"ZWS": "Flash",
    b"BIK": "Bink video",
    b"KB2": "Bink video",
    b"MLVI": "Magic Lantern raw video",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"II\xbc\x01": "JPEG XR",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"#?RGBE": "Radiance HDR",
    b"SDPX": "DPX",
    b"XPDS": "DPX",
    b"8BPS\0\2": "large Photoshop document",
    b"gimp xcf": "GIMP picture",
    b"BPG\xfb": "BPG",
    b"FLIF": "FLIF",
    b"AT&TFORM": "DjVu",
    b"\0MRM": "Minolta raw",
    b"\x0a\x05\x01\x08": "PCX",
    b"SIMPLE  =": "FITS",
}
APPLE_DOUBLE = "._"  # before a file's name: what macOS notes of that file, whatever it ends in
UNREAD_SUFFIXES = {
    ".swf": "Flash",
    ".r3d": "Redcode raw video",
    ".braw": "Blackmagic raw video",
    ".mlv": "Magic Lantern raw video",
    ".bik": "Bink video",
    ".bk2": "Bink video",
    ".smk": "Smacker video",
    ".fli": "Autodesk animation",
    ".flc": "Autodesk animation",
    ".ivr": "RealPlayer recording",
    ".nuv": "MythTV recording",
    ".ty": "TiVo recording",
    ".nsv": "Nullsoft video",
    ".gxf": "General Exchange Format video",
    ".jxl": "JPEG XL",
    ".psb": "large Photoshop document",
    ".mrw": "Minolta raw",
}

PACKED_SIGNATURES = {b"Rar!\x1a\x07": "RAR", b"7z\xbc\xaf\x27\x1c": "7z"}
PACKED_SUFFIXES = {".zip": "ZIP", ".rar": "RAR", ".7z": "7z", ".tar": "TAR", ".tgz": "TAR", ".txz": "TAR"}


def claimed_kind(path: PurePath) -> Kind:
    """What the file's name claims it is."""
    if path.name.startswith(APPLE_DOUBLE):
        return "other"
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    return "video" if suffix in VIDEO_SUFFIXES else "other"


def kind_of(path: PurePath, head: bytes) -> Kind:
    """What a file is that starts with these bytes; its name decides only where they can be anything."""
    if _is_photo(head) or is_targa(path, head):
        return "photo"
    return "video" if find_container(head) else "other"


def is_targa(path: PurePath, head: bytes) -> bool:
    """Whether a file is a Targa picture: it has no signature, so that its name has to say so, too."""
    if path.suffix.lower() not in TARGA_SUFFIXES or len(head) < TARGA_HEAD_BYTES or _is_photo(head):
        return False
    palette, kind, depth, flags = head[1], head[2], head[16], head[17]
    return palette < 2 and kind in (1, 2, 3, 9, 10, 11) and depth in (8, 16, 24, 32) and flags < 0x40


def find_container(head: bytes) -> str:
    """FFmpeg's name for the video container that starts with these bytes, "" for none that is supported."""
    if head[4:8] in MP4_BOXES:
        return "mov"
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AMV "):
        return "avi"
    if any(head[start : start + 2 * step + 1 : step] == b"GGG" for start, step in ((0, TS_PACKET), (4, 192))):
        return "mpegts"
    return _by_start(head, CONTAINERS)


def find_unread(path: PurePath, head: bytes) -> str:
    """Name of a kind of media that is known but not read here; "" for none."""
    return _by_start(head, UNREAD_SIGNATURES) or UNREAD_SUFFIXES.get(path.suffix.lower(), "")


def find_packed(path: PurePath, head: bytes) -> str:
    """Name of a kind of file that other files are packed in, as exports of messengers are; "" for none.

    ZIP by its suffix alone: documents and programs are packed so, too.
    """
    suffix = ".tgz" if path.name.lower().endswith(".tar.gz") else path.suffix.lower()
    return _by_start(head, PACKED_SIGNATURES) or PACKED_SUFFIXES.get(suffix, "")


def _by_start(head: bytes, names: Mapping[bytes, str]) -> str:
    return next((name for start, name in names.items() if head.startswith(start)), "")


def _is_photo(head: bytes) -> bool:
    if head.startswith(PHOTO_SIGNATURES):
        return True
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return True
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return True
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS
