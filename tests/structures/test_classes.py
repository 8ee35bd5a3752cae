"""Labels, names and category ids belong together one to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structures import ClassList

unique_names = st.lists(
    st.text(min_size=1, max_size=8), unique_by=lambda name: name.strip().casefold(), max_size=12
)


@given(unique_names, st.data())
def test_names_and_ids_are_found_by_label(names: list[str], data: st.DataObject) -> None:
    some_ids = st.lists(st.integers(0, 500), unique=True, min_size=len(names), max_size=len(names))
    ids = data.draw(some_ids)
    classes = ClassList(tuple(names), tuple(ids))
    labels = range(1, len(classes) + 1)
    assert [classes.name(label) for label in labels] == names
    assert [classes.category_id(label) for label in labels] == ids


@given(unique_names)
def test_numbered_classes_have_their_labels_as_ids(names: list[str]) -> None:
    classes = ClassList.numbered(names)
    assert classes.category_ids == tuple(range(1, len(names) + 1))
    assert classes == ClassList(tuple(names), classes.category_ids)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["door", "window", "door"], "'door' and 'door'"),
        (["cat", "Cat "], "'Cat ' and 'cat'"),
        (["cat", "__background__"], "'__background__' and background"),
    ],
)
def test_names_that_collide_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"class names collide: {message}.*rename one"):
        ClassList.numbered(names)


def test_an_id_given_twice_is_named() -> None:
    with pytest.raises(ValueError, match="category id given twice: 7"):
        ClassList(("a", "b"), (7, 7))


def test_numbers_of_names_and_ids_must_agree() -> None:
    with pytest.raises(ValueError, match="2 class names but 1 category ids"):
        ClassList(("a", "b"), (1,))
