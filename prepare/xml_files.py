"""XML files that others wrote, parsed without entities or document types."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from prepare.inputs import read_text


def parse_xml(path: Path, add_root: bool = False) -> ElementTree.Element:
    """Parse an annotation file.

    Args:
        path: The file, in UTF-8.
        add_root: Put a root element around the content, for files that are bare sequences.

    Returns:
        The root element.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed, or declares a document type or entities: annotations need
            neither, and nested entities can fill the memory ('billion laughs').
    """
    text = read_text(path)
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise ValueError(
            f"{path}: declares a document type or entities, which is refused: "
            "remove the <!DOCTYPE …> part"
        )
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    if add_root:
        text = f"<root>{text}</root>"
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(
            f"{path}, line {error.position[0]}: malformed XML ({error}): repair or remove the file"
        ) from error


def number(element: ElementTree.Element, tag: str, where: str) -> float:
    """The number in a child element.

    Args:
        element: The parent.
        tag: The child's tag.
        where: File and object, for the message.

    Raises:
        ValueError: If the child is missing or holds no finite number.
    """
    return finite(element.findtext(tag), f"{where}: <{tag}>")


def finite(text: str | None, where: str) -> float:
    """A finite number from text.

    Args:
        text: What was written, None where nothing was.
        where: File, place and tag, for the message.

    Raises:
        ValueError: If it is no finite number.
    """
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ValueError(f"{where}: expected a number, got {text!r}")
    return value
