"""A drawn street front: what distortions are measured on."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def facade(drawn_root) -> np.ndarray:
    """Drawn facade, uint8 [480, 640, 3] RGB."""
    path = sorted(drawn_root.rglob("*.jpg"))[0]
    return np.array(Image.open(path).convert("RGB").resize((640, 480), Image.Resampling.BOX))
