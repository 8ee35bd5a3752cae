"""Every figure of a comparison's report.html, looked up in the metrics.json of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

DASH = "\N{EN DASH}"
SIDE_BY_SIDE = {
    "mAP": "map",
    "AP50": "map_50",
    "AP75": "map_75",
    "small": "map_small",
    "medium": "map_medium",
    "large": "map_large",
    "AR100": "mar_100",
    "VOC 11-point": "voc_11point",
    "VOC area": "voc_area",
}


class Tables(HTMLParser):
    """The tables of a page: the label of each with its rows of cells as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[list[str]]]] = []
        self._label, self._cell = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "div" and given.get("role") == "region":
            self._label = given["aria-label"]
        elif tag == "table":
            self.found.append((self._label, []))
        elif tag == "tr":
            self.found[-1][1].append([])
        elif tag in ("td", "th"):
            self._cell = True
            self.found[-1][1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.found[-1][1][-1][-1] += data


def percent(value: float | None) -> str:
    return DASH if value is None else f"{100 * value:.1f}"


def check_page(page: str, metrics: Mapping[str, dict[str, Any]]) -> set[str]:
    """Compare all tables of figures with the runs' own files.

    Args:
        page: report.html of a comparison.
        metrics: run -> its metrics.json.

    Returns:
        The labels of the tables that were compared.
    """
    checked, runs = set(), iter(metrics)
    run = ""
    for label, raw in Tables(page).found:
        rows = [[" ".join(cell.split()) for cell in row] for row in raw]
        if label == "Scores by class":  # the first table of each run's own section
            run = next(runs)
        wanted = list(_expected(label, rows, metrics, run))
        wrong = [f"{place}: {text}, not {right}" for place, text, right in wanted if text != right]
        assert not wrong, f"{label}: {wrong}"
        if wanted:
            checked.add(label.partition(" to ")[0])
    return checked


def check_folder(folder: Path, names: Mapping[str, Path]) -> set[str]:
    """`check_page` of a multirun or a joint evaluation.

    Args:
        folder: with the report.
        names: run -> its folder, in the order of the page.
    """
    metrics = {name: json.loads((run / "metrics.json").read_text()) for name, run in names.items()}
    return check_page((folder / "report.html").read_text(encoding="utf-8"), metrics)


def _expected(
    label: str, rows: list[list[str]], metrics: Mapping[str, dict[str, Any]], run: str
) -> Iterator[tuple[str, str, str]]:
    """Where a figure stands, what it says, and what it ought to."""
    head, body = rows[0], rows[1:]
    if label == "Scores of all runs":
        assert [row[0] for row in body] == list(metrics)
        for row in body:
            for name, text in zip(head[1:], row[1:], strict=True):
                scalars = metrics[row[0]]["scalars"]
                yield f"{row[0]}, {name}", text, percent(scalars[SIDE_BY_SIDE[name]])
    elif label.startswith("Differences to"):
        for row in body:
            yield from _cost(row, metrics, label.split(" to ")[1].removesuffix(" and cost"))
    elif label in ("AP of the runs by class", "AP of the runs by video"):
        assert head[1:] == list(metrics)
        for row in body:
            for name, text in zip(head[1:], row[1:], strict=True):
                of = metrics[name]
                classes = label.endswith("class")
                scores = of["classes"] if classes else of["video"]["per_video"]
                value = scores[row[0]]["ap" if classes else "map"]
                yield f"{row[0]}, {name}", text, percent(value)
    elif label == "AP by motion and steadiness":
        for row in rows[2:]:
            yield from _motion(row, metrics[row[0]]["scalars"])
    elif label == "Scores by class":
        for row in rows[2:]:
            yield from _class(row, metrics[run]["classes"][row[0]])


def _cost(
    row: list[str], metrics: Mapping[str, dict[str, Any]], reference: str
) -> Iterator[tuple[str, str, str]]:
    name, ap, ap_50, fps, memory, parameters, flops = row
    own, other = metrics[name], metrics[reference]
    if name != reference:
        for key, text in (("map", ap), ("map_50", ap_50)):
            difference = own["scalars"][key] - other["scalars"][key]
            yield f"{name}, {key}", text.partition("[")[0].strip(), f"{100 * difference:+.1f}"
    speed, peak = own["milliseconds_per_picture"], own["peak_memory"]
    counted = own["flops_per_frame"]
    yield f"{name}, speed", fps, f"{1000 / speed:.1f}" if speed else DASH
    yield f"{name}, memory", memory, f"{peak / 1e6:,.0f}" if peak else DASH
    yield f"{name}, parameters", parameters, f"{own['parameters'] / 1e6:.1f}"
    yield f"{name}, operations", flops, f"{counted / 1e9:,.1f}" if counted else DASH


def _motion(row: list[str], scalars: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, text in zip(("slow", "medium", "fast"), row[1:4], strict=True):
        both = percent(scalars[f"map_{name}"]), percent(scalars[f"map_50_{name}"])
        yield f"{row[0]}, {name}", text, "{} ({})".format(*both)
    for key, text in zip(("found", "flicker", "jitter"), row[4:], strict=True):
        yield f"{row[0]}, {key}", text, percent(scalars[key])


def _class(row: list[str], scores: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield row[0], row[1], f"{scores['truth']:,}"
    keys = ("ap", "ap_50", "ap_75", "voc_11point", "voc_area")
    for key, text in zip(keys, row[2:7], strict=True):
        yield f"{row[0]}, {key}", text, percent(scores[key])
    for key, text in zip(("precision", "recall", "f1"), row[8:], strict=True):
        yield f"{row[0]}, {key}", text, percent(scores[key])
