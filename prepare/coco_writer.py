"""COCO on disk: collects pictures and boxes, then writes `images/` and, last, `annotations.json`.

Nothing touches the disk before `CocoWriter.write`, so an input error leaves no trace, and an
interrupted run leaves pictures without `annotations.json`, which the next run completes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rich.progress import track

from prepare.output_files import place_picture
from structures.atomic_file import write_atomically

ANNOTATIONS = "annotations.json"
PICTURES = "images"


def fingerprint(options: Mapping[str, Any], files: Iterable[Path] = ()) -> str:
    """Hash of everything that a prepared folder depends on.

    Args:
        options: Settings that change the result, JSON-serialisable.
        files: Input files; their names and contents count, their folders do not.

    Returns:
        The SHA-256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode())
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\n{file.name}\t{content}".encode())
    return digest.hexdigest()


class CocoWriter:
    """A COCO data set that is collected in memory and written in one go.

    Args:
        out: Folder to write; made when missing.
        class_names: Names of the classes; category ids are 1..C in this order.
        description: One line for the file's `info`, e.g. the tool and the kind of data.
        fingerprint: Hash of inputs and options (see `fingerprint`), kept in the file's `info`
            and used to recognise a finished run.
    """

    def __init__(
        self, out: Path, class_names: Sequence[str], description: str, fingerprint: str
    ) -> None:
        if not class_names or len(set(class_names)) != len(class_names):
            raise ValueError(f"class names must be one or more and unique, got {list(class_names)}")
        self.out = Path(out)
        self.class_names = tuple(class_names)
        self.info = {"description": description, "fingerprint": fingerprint}
        self.videos: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.dropped: Counter[str] = Counter()
        self._pictures: dict[str, Path | bytes] = {}

    def is_finished(self) -> bool:
        """Whether the folder already holds the whole result of the same inputs and options.

        Raises:
            ValueError: If it holds the result of others, which is never overwritten.
        """
        path = self.out / ANNOTATIONS
        if not path.exists():
            return False
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            found = document["info"]["fingerprint"]
        except (ValueError, KeyError, TypeError):
            found = None
        if found == self.info["fingerprint"]:
            return all((self.out / image["file_name"]).is_file() for image in document["images"])
        raise ValueError(
            f"{path} exists and was made from other inputs or options; it is not overwritten: "
            "name another output folder, or delete this one"
        )

    def add_video(self, name: str, **extra: Any) -> int:
        """Take in a video.

        Args:
            name: What reports call it.
            **extra: Further fields of the video's entry, e.g. the event it shows.

        Returns:
            The video's id, counted from 1, which its frames carry as `video_id`.
        """
        self.videos.append({"id": len(self.videos) + 1, "name": name, **extra})
        return len(self.videos)

    def add_image(
        self,
        file_name: str,
        picture: Path | bytes,
        size: tuple[int, int],
        group: str,
        source: str,
        **extra: Any,
    ) -> int:
        """Take in a picture.

        Args:
            file_name: Path below `<out>/images/`, with `/` between its parts.
            picture: The file to copy byte for byte, or the encoded bytes to write.
            size: (width, height) in pixels as stored, before any EXIF rotation.
            group: What must not be torn apart by a split: building, street, event.
            source: Where the picture comes from, e.g. the data set's name.
            **extra: Further fields of the image entry, e.g. `video_id` and `frame_id`.

        Returns:
            The image id, counted from 1.

        Raises:
            ValueError: If the name leaves the folder or came before, or the size is not positive.
        """
        inner = PurePosixPath(file_name)
        if inner.is_absolute() or ".." in inner.parts or "\\" in file_name or not inner.name:
            raise ValueError(f"picture name {file_name!r} leaves the output folder: rename it")
        relative = str(PurePosixPath(PICTURES) / inner)
        if relative in self._pictures:
            raise ValueError(f"two pictures are called {file_name!r}: names must be unique")
        width, height = size
        if width <= 0 or height <= 0:
            raise ValueError(f"{file_name}: expected a positive width and height, got {size}")
        self._pictures[relative] = picture
        entry = {"id": len(self.images) + 1, "file_name": relative}
        size_entry = {"width": int(width), "height": int(height)}
        self.images.append({**entry, **size_entry, "group": group, "source": source, **extra})
        return len(self.images)

    def add_box(
        self,
        image_id: int,
        label: int,
        box: Sequence[float],
        area: float | None = None,
        iscrowd: int = 0,
        **extra: Any,
    ) -> int:
        """Take in an object of a picture.

        Args:
            image_id: What `add_image` returned.
            label: Class as 1..C.
            box: xyxy in absolute pixels, half-open, inside the picture.
            area: Area of the object in pixels; that of the box by default.
            iscrowd: 1 for a region that is neither demanded nor punished.
            **extra: Further fields of the annotation, e.g. `truncated`, `instance_id`.

        Returns:
            The annotation id, counted from 1.

        Raises:
            ValueError: If the label is unknown or the box is empty, not finite or outside.
        """
        image = self.images[image_id - 1]
        where = f"{image['file_name']} (image id {image_id})"
        if not 1 <= label <= len(self.class_names):
            raise ValueError(
                f"{where}: expected a label in 1..{len(self.class_names)}, got {label}"
            )
        x1, y1, x2, y2 = (float(value) for value in box)
        _check_inside((x1, y1, x2, y2), (image["width"], image["height"]), where)
        bbox = [_plain(value) for value in (x1, y1, x2 - x1, y2 - y1)]
        entry: dict[str, Any] = {"id": len(self.annotations) + 1, "image_id": image_id}
        entry |= {"category_id": int(label), "bbox": bbox, "iscrowd": int(iscrowd)}
        entry["area"] = _plain((x2 - x1) * (y2 - y1) if area is None else area)
        self.annotations.append({**entry, **extra})
        return len(self.annotations)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what was left out, for the summary.

        Args:
            reason: Why, e.g. 'window: side under 3 px'.
            count: How many.
        """
        self.dropped[reason] += count

    def write(self, link: bool = False) -> Path:
        """Write the pictures, then `annotations.json`.

        Args:
            link: Make hard links to picture files in place of copies.

        Returns:
            The path of `annotations.json`.

        Raises:
            ValueError: If there is no picture, or the folder holds another result.
            OSError: If a file cannot be written or linked.
        """
        path = self.out / ANNOTATIONS
        if not self.images:
            raise ValueError(f"no pictures for {path}: nothing to write")
        if self.is_finished():
            return path
        path.unlink(missing_ok=True)  # its pictures are gone
        for name, picture in track(self._pictures.items(), "Writing pictures"):
            place_picture(self.out / name, picture, link)
        write_atomically(path, json.dumps(self._document(), allow_nan=False).encode())
        return path

    def _document(self) -> dict[str, Any]:
        categories = [{"id": i, "name": name} for i, name in enumerate(self.class_names, start=1)]
        videos = {"videos": self.videos} if self.videos else {}
        return {
            "info": {**self.info, "dropped": dict(sorted(self.dropped.items()))},
            **videos,
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
        }


def _check_inside(box: Sequence[float], size: tuple[int, int], where: str) -> None:
    x1, y1, x2, y2 = box
    # A NaN fails every comparison, so this catches it too.
    if not (0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1]):
        raise ValueError(
            f"{where}: box {list(box)} is empty or leaves the picture of {size[0]}x{size[1]} "
            "pixels: clip it or drop it"
        )


def _plain(value: float) -> int | float:
    """The number as an int where it is whole, so that the JSON stays short."""
    value = float(value)
    return int(value) if value.is_integer() else value
