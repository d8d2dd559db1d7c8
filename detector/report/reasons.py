"""A technical reason of failure in, what it means for the reader in plain words out."""

import re

PLAIN_WORDS = (
    (r"\bempty\b", "the file has no content: the download may have failed"),
    (
        r"broken off|cut short|truncated|moov atom|unexpected end|end of file|seen only in part",
        "the end of the file is missing: the download may have broken off",
    ),
    (r"time limit|gave no answer|hung|timeout", "it took too long; what was seen until then is kept"),
    (r"too large", "it is larger than this tool opens, for safety"),
    (r"stopped after", "it is longer than this tool reads; what was seen until then is kept"),
    (r"codec is unknown|no decoder", "it is in a format that this tool cannot decode"),
    (r"[Pp]ermission denied", "this user may not read the file"),
    (r"[Nn]o such file|[Ii]nput/output error", "the file or its disk was gone when it was to be read"),
    (
        r"its content is no photo or video",
        "it is named as a picture but holds something else, such as a web page",
    ),
    (
        r"worker|crash|killed|signal|memory",
        "the decoder gave up on it: the file may be damaged or made to harm",
    ),
    (r"damaged frames passed over", "some of its pictures are damaged; the others were looked at"),
    (
        r"cannot be read on|damaged|no frame could be decoded|cannot identify|broken|corrupt|invalid",
        "the file is damaged",
    ),
)


def in_plain_words(reason: str) -> str:
    """A sentence without technical terms, "" where there is none for it."""
    return next((words for pattern, words in PLAIN_WORDS if re.search(pattern, reason)), "")
