"""A report's manifest in, a time stamp's request out; its reply in, since when the manifest is there out.

RFC 3161. A time-stamp authority is asked by whoever has one, with any program that reaches the network: this
one does not. Each seal is a copy of a manifest in `seals/`, its request, the reply, and the certificates to
check that with.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from detector import filing
from detector.errors import ReportFolderError, UsageError
from detector.regular import read_regular
from detector.report.manifest import MANIFEST

if TYPE_CHECKING:  # else where they are used: what has no seal does not wait for them
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

SEALS = "seals"
NAME_DIGITS = 16  # of the manifest's hash
COPY, REQUEST, REPLY, ROOTS = SEAL_FILES = (".sha256", ".tsq", ".tsr", ".pem")


@dataclass(frozen=True, slots=True)
class Seal:
    """What a reply vouches for."""

    name: str
    stamped_at: datetime
    is_current: bool
    """Whether the manifest is still the one that was stamped."""


def request_seal(folder: Path) -> Path:
    """Writes a copy of the manifest and a request to stamp it; gives the request's path.

    Raises ReportFolderError.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    manifest = _read(folder / MANIFEST)
    name = _name(manifest)
    request = TimestampRequestBuilder(manifest, HashAlgorithm.SHA256).build()
    for suffix, content in ((COPY, manifest), (REQUEST, request.as_bytes())):
        with filing.replacing(folder, f"{SEALS}/{name}{suffix}") as file:
            file.write(content)
    return folder / SEALS / f"{name}{REQUEST}"


def accept_reply(folder: Path, reply: Path, roots: Path) -> Seal:
    """Checks a reply to one of the report's requests and keeps it, with the authority's root certificates.

    Raises UsageError when it is no reply to any of them or not signed under these certificates.
    """
    content, certificates = _read(reply), _read(roots)
    response = _decode(content, reply)
    for copy in sorted((folder / SEALS).glob(f"*{COPY}")):
        manifest = _read(copy)
        if response.tst_info.message_imprint.message == hashlib.sha256(manifest).digest():
            _check_signature(response, manifest, _load(certificates, roots), reply)
            for suffix, kept in ((REPLY, content), (ROOTS, certificates)):
                with filing.replacing(folder, f"{SEALS}/{copy.stem}{suffix}") as file:
                    file.write(kept)
            return _describe(folder, copy.stem, response)
    raise UsageError(f"{reply} is no reply to a request of {folder}; make one: detector seal {folder}")


def check_seals(folder: Path) -> Iterator[Seal | str]:
    """Each seal that holds, and for each that does not why; requests without a reply are passed over."""
    for path in sorted((folder / SEALS).glob(f"*{REPLY}")):
        try:
            manifest = _read(path.with_suffix(COPY))
            if _name(manifest) != path.stem:
                raise UsageError(f"{path.with_suffix(COPY).name} was changed")
            response = _decode(_read(path), path)
            roots = path.with_suffix(ROOTS)
            _check_signature(response, manifest, _load(_read(roots), roots), path)
            yield _describe(folder, path.stem, response)
        except (UsageError, ReportFolderError) as error:
            yield f"{path.name}: {error}"


def _describe(folder: Path, name: str, response: "TimeStampResponse") -> Seal:
    try:
        current = _name(_read(folder / MANIFEST)) == name
    except ReportFolderError:
        current = False
    return Seal(name, response.tst_info.gen_time, current)


def _check_signature(
    response: "TimeStampResponse", manifest: bytes, roots: "list[Certificate]", reply: Path
) -> None:
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        VerifierBuilder(roots=roots).build().verify_message(response, manifest)
    except (VerificationError, ValueError) as error:
        raise UsageError(
            f"{reply.name} does not stamp this manifest under these certificates: {error}"
        ) from error


def _decode(content: bytes, path: Path) -> "TimeStampResponse":
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(content)
        response.tst_info.gen_time  # noqa: B018 (a refusal holds none)
    except ValueError as error:
        raise UsageError(f"{path.name} is no time stamp (RFC 3161): {error}") from error
    return response


def _load(certificates: bytes, path: Path) -> "list[Certificate]":
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(certificates)
    except ValueError as error:
        raise UsageError(f"{path.name} holds no certificates in PEM: {error}") from error


def _name(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:NAME_DIGITS]


def _read(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise ReportFolderError(f"{path} cannot be read: {error.strerror}") from error
