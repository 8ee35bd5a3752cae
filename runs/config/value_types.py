"""Whether a value of a YAML file fits the annotation of the argument that it is for."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin


def annotations_of(target: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a class or function with their annotations, where these can be resolved."""
    try:
        parameters = inspect.signature(target, eval_str=True).parameters
    except (NameError, TypeError, SyntaxError, AttributeError):
        return {}  # names that only a type checker imports
    return {
        name: parameter.annotation
        for name, parameter in parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }


def fits(value: Any, annotation: Any) -> bool:
    """False if a value can never be what an annotation says; true wherever that is not plain.

    Args:
        value: None, bool, int, float, str, list or dict, as YAML has them.
        annotation: a type, with its type arguments.
    """
    if isinstance(value, Mapping) and "_target_" in value:
        return True  # what it makes is not known yet
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in arguments)
    if origin is Literal:
        return value in arguments
    if annotation in (None, NoneType):
        return value is None
    kind = origin or annotation
    if not isinstance(kind, type) or kind in (Any, object) or getattr(kind, "_is_protocol", False):
        return True
    return _fits_class(value, kind, arguments)


def _fits_class(value: Any, kind: type, arguments: tuple[Any, ...]) -> bool:
    if isinstance(value, bool):
        return issubclass(bool, kind) and kind is not int
    if isinstance(value, int) and kind is float:
        return True
    if isinstance(value, str) and issubclass(kind, os.PathLike | Enum):
        return True
    if isinstance(value, list):
        element = arguments[0] if len(arguments) == 1 or arguments[1:] == (...,) else Any
        takes_lists = issubclass(list, kind) or kind in (tuple, set, frozenset)
        return takes_lists and all(fits(item, element) for item in value)
    if isinstance(value, dict):
        element = arguments[1] if len(arguments) == 2 else Any
        return issubclass(dict, kind) and all(fits(item, element) for item in value.values())
    if isinstance(value, str):
        return kind is str  # a text is a sequence too, but never a list of texts
    return isinstance(value, kind)


def in_words(annotation: Any) -> str:
    """An annotation as messages show it: 'int | None'."""
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(in_words(choice) for choice in get_args(annotation))
    if annotation is NoneType:
        return "null"
    if get_origin(annotation) is Literal:
        return " | ".join(map(repr, get_args(annotation)))
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("collections.abc.", "").replace("typing.", "")
