from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.transvod_lite.deformable_attention import (
    DeformableAttention,
    deformable_attention,
    ring_offsets,
)
from detectors.transvod_lite.deformable_forms import by_embedding_bag, by_grid_sample

FORMS = [by_grid_sample, by_embedding_bag, deformable_attention]


def drawn(
    frames: int, shapes: list[tuple[int, int]], queries: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    tokens = sum(h * w for h, w in shapes)
    levels = len(shapes)
    value = torch.randn(frames, tokens, 2, 4, generator=generator, dtype=dtype)
    points = torch.rand(frames, queries, 2, levels, 3, 2, generator=generator, dtype=dtype)
    weights = torch.rand(frames, queries, 2, levels, 3, generator=generator, dtype=dtype)
    return value, points * 1.4 - 0.2, weights


@pytest.mark.parametrize("form", FORMS)
def test_golden_op_and_its_gradients_in_float64(
    golden: dict[str, Any], form: Callable[..., Tensor]
) -> None:
    entry = golden["msda_op_fp64"]
    names = ("value", "sampling_locations", "attention_weights")
    value, locations, weights = (entry[name].clone().requires_grad_() for name in names)
    shapes = [(h, w) for h, w in entry["spatial_shapes"].tolist()]
    output = form(value, shapes, locations, weights)
    output.backward(entry["grad_output"])
    torch.testing.assert_close(output, entry["output"], atol=1e-10, rtol=0)
    for name, tensor in zip(names, (value, locations, weights), strict=True):
        torch.testing.assert_close(tensor.grad, entry[f"grad_{name}"], atol=1e-10, rtol=0)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_finite_differences(form: Callable[..., Tensor]) -> None:
    shapes = [(4, 3), (2, 2)]
    tensors = [t.requires_grad_() for t in drawn(2, shapes, 3, torch.float64)]
    assert torch.autograd.gradcheck(lambda v, x, w: form(v, shapes, x, w), tensors)


@pytest.mark.parametrize("queries", [11, 400])
@pytest.mark.parametrize("shapes", [[(19, 23)], [(1, 1)], [(9, 7), (5, 4), (3, 2)]])
def test_both_forms_agree(shapes: list[tuple[int, int]], queries: int) -> None:
    value, locations, weights = drawn(3, shapes, queries)
    expected = by_grid_sample(value, shapes, locations, weights)
    got = by_embedding_bag(value, shapes, locations, weights)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_gradients_on_the_centres_of_pixels_and_around_the_map_are_those_of_grid_sample() -> None:
    shapes, heads, points = [(4, 8)], 2, 3
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(1, 32, heads, 4, generator=generator, dtype=torch.float64)
    # Rings start there: exactly between two pieces of the bilinear function.
    pixels = torch.cartesian_prod(torch.arange(-2, 10), torch.arange(-2, 6)).double()
    locations = (pixels + 0.5) / torch.tensor([8.0, 4.0], dtype=torch.float64)
    locations = locations[None, :, None, None, None].repeat(1, 1, heads, 1, points, 1)
    weights = torch.rand(locations.shape[:-1], generator=generator, dtype=torch.float64)
    gradients = []
    for form in (by_grid_sample, by_embedding_bag):
        given = [t.clone().requires_grad_() for t in (value, locations, weights)]
        output = form(given[0], shapes, *given[1:])
        gradients.append(torch.autograd.grad(output.square().sum(), given))
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-10, rtol=0)


def test_far_outside_of_the_map_nothing_is_read() -> None:
    value, locations, weights = drawn(2, [(5, 5)], 3)
    for far in (-3.0, 4.0, 1e9, -1e12, 1e30):
        read = by_embedding_bag(value, [(5, 5)], torch.full_like(locations, far), weights)
        assert not read.any()


def test_the_order_of_axes_in_memory_does_not_count() -> None:
    shapes = [(6, 5), (3, 3)]
    tensors = drawn(2, shapes, 7)
    expected = by_embedding_bag(tensors[0], shapes, *tensors[1:])
    turned = [t.transpose(1, 2).contiguous().transpose(1, 2) for t in tensors]
    assert torch.equal(by_embedding_bag(turned[0], shapes, *turned[1:]), expected)


def test_only_small_training_steps_are_read_in_the_usual_way() -> None:
    shapes = [(12, 12)]
    few, many = drawn(1, shapes, 4), drawn(1, shapes, 2000)

    def same(form: Callable[..., Tensor], drawn: tuple[Tensor, ...], learns: bool) -> bool:
        value = drawn[0].clone().requires_grad_(learns)
        chosen = deformable_attention(value, shapes, *drawn[1:])
        return torch.equal(chosen, form(value, shapes, *drawn[1:]))

    assert same(by_grid_sample, few, learns=True)
    assert same(by_embedding_bag, few, learns=False)
    assert same(by_embedding_bag, many, learns=True)


def test_what_was_laid_out_without_gradients_serves_training() -> None:
    shapes = [(13, 3)]
    value, locations, weights = drawn(2, shapes, 5)
    with torch.inference_mode():
        expected = by_embedding_bag(value, shapes, locations, weights)
    locations.requires_grad_()
    output = by_embedding_bag(value, shapes, locations, weights)
    output.sum().backward()
    assert torch.equal(output, expected)
    assert locations.grad is not None


def test_a_location_that_is_no_number_gives_none_and_touches_no_other_query() -> None:
    value, locations, weights = drawn(1, [(5, 5)], 4)
    expected = by_embedding_bag(value, [(5, 5)], locations, weights)
    locations[0, 1] = float("nan")
    locations[0, 2] = float("inf")
    got = by_embedding_bag(value, [(5, 5)], locations, weights)
    assert got[0, 1].isnan().all()
    torch.testing.assert_close(got[0, [0, 3]], expected[0, [0, 3]])


@pytest.mark.parametrize("case", ["1level", "3level"])
def test_golden_module(golden: dict[str, Any], case: str) -> None:
    entry = golden["msda_module"][case]
    sizes = [entry[name] for name in ("d_model", "n_heads", "n_levels", "n_points")]
    module = DeformableAttention(*sizes)
    torch.testing.assert_close(module.sampling_offsets.bias, entry["init_sampling_offsets_bias"])
    module.load_state_dict(entry["state_dict"])
    shapes = [(h, w) for h, w in entry["spatial_shapes"].tolist()]
    for references, padding in (("ref2", False), ("ref4", False), ("ref2", True)):
        mask = entry["padding_mask"] if padding else None
        value = module.project(entry["input_flatten"], mask)
        got = module(entry["query"], entry[references], value, shapes)
        expected = entry[f"out_{references}" + ("_masked" if padding else "")]
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_rings_of_four_heads_go_in_the_four_directions() -> None:
    steps = torch.tensor([1.0, 2.0])[:, None]
    directions = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    torch.testing.assert_close(ring_offsets(4, 2), directions[:, None] * steps)


def test_under_bfloat16_locations_keep_their_precision() -> None:
    torch.manual_seed(0)
    module = DeformableAttention(32, 4, 1, 4)
    shapes = [(75, 75)]
    # A ramp in x: what is read tells where.
    ramp = (torch.arange(75.0) / 75).repeat(75)[None, :, None, None].expand(1, -1, 4, 8)
    references = torch.rand(1, 40, 1, 2) * 0.5 + 0.25
    query = torch.randn(1, 40, 32)
    read: list[Tensor] = []
    module.output_proj.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    module(query, references, ramp, shapes)
    with torch.autocast("cpu", torch.bfloat16):
        module(query, references, ramp, shapes)
    torch.testing.assert_close(read[1].float(), read[0], atol=1e-4, rtol=0)


def test_compiles_in_one_piece() -> None:
    torch.manual_seed(0)
    module = DeformableAttention(32, 4, 1, 4)
    shapes = [(20, 20)]
    memory, references = torch.randn(1, 400, 32), torch.rand(1, 400, 1, 2)

    def run(memory: Tensor, references: Tensor) -> Tensor:
        return module(memory, references, module.project(memory), shapes)

    compiled = torch.compile(run, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(memory, references), run(memory, references))
