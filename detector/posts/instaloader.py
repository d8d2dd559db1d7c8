"""instaloader's JSON and captions in, Claims out.

Read in structures.py: `get_json_structure`; properties of Post and StoryItem say where each fact lies.
"""

import re

from detector.posts.fields import Fields, as_fields, first
from detector.posts.post import (
    Claim,
    Moment,
    epoch_moment,
    make_claim,
    plain,
    text_moment,
)

CAPTION_TIME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)_UTC")


def read_caption(text: str, stem: str, sidecar: str) -> Claim:
    """Claim of instaloader's `.txt`, which holds the caption, beside files named by time.

    Its default file name is `{date_utc}_UTC` (instaloader.py, `filename_pattern` and `save_caption`).
    """
    found = CAPTION_TIME.fullmatch(stem)
    moment = text_moment(f"{found[1]}T{found[2]}:{found[3]}:{found[4]}Z" if found else "")
    return make_claim(
        "instaloader", sidecar, moment, url="", platform="instagram", author="", post_id="", text=text
    )


def read_instaloader(fields: Fields, sidecar: str) -> list[Claim]:
    """What it says of its post or story; none for a profile or a hashtag."""
    node = as_fields(fields.get("node"))
    kind = plain(as_fields(fields.get("instaloader")).get("node_type"))
    if kind not in ("Post", "StoryItem"):
        return []
    phone = as_fields(node.get("iphone_struct"))
    shortcode = first(node, "shortcode", "code")
    people = [as_fields(node.get("owner")), as_fields(phone.get("user")), as_fields(node.get("user"))]
    author = next((name for person in people if (name := plain(person.get("username")))), "")
    stamps = [node.get("date"), node.get("taken_at_timestamp"), node.get("taken_at"), phone.get("taken_at")]
    moments = [moment for stamp in stamps if (moment := epoch_moment(stamp)).posted_at]
    url = f"https://www.instagram.com/p/{shortcode}/" if shortcode else ""
    if kind == "StoryItem":
        url = f"https://www.instagram.com/stories/{author}/{plain(node.get('id'))}/" if author else ""
    return [
        make_claim(
            "instaloader",
            sidecar,
            moments[0] if moments else Moment(),
            url=url,
            platform="instagram",
            author=author or next((number for person in people if (number := plain(person.get("id")))), ""),
            aliases=(person.get(name) for person in people for name in ("username", "full_name", "id", "pk")),
            post_id=shortcode or node.get("id"),
            text=_instaloader_caption(node),
        )
    ]


def _instaloader_caption(node: Fields) -> str:
    edges = as_fields(node.get("edge_media_to_caption")).get("edges")
    if isinstance(edges, list) and edges:
        return plain(as_fields(as_fields(edges[0]).get("node")).get("text"))
    caption = node.get("caption")
    return plain(as_fields(caption).get("text")) or plain(caption)
