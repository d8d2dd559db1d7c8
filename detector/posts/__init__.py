"""Sidecar files of downloaders in, Post out: where, when, by whom and with what words a file was published.

`match_posts` is the way in. Sidecars are only read, and only those that lie beside given media or in a folder
above them: a name inside a sidecar is compared with the media's names and never opened.
"""

from detector.posts.match import PostMatch, match_posts
from detector.posts.names import is_sidecar
from detector.posts.post import Post, Rule
from detector.posts.pseudonyms import Pseudonyms, key_check, read_key

__all__ = ["Post", "PostMatch", "Pseudonyms", "Rule", "is_sidecar", "key_check", "match_posts", "read_key"]
