"""Any number of stains through a network that reads three, one or its own number."""

from __future__ import annotations

import pytest

from phenolens.errors import InputError
from phenolens.represent.pretrained.preprocessing import Preprocessing
from phenolens.represent.pretrained.sources import find

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

from phenolens.represent.pretrained.architectures import Body, build  # noqa: E402
from phenolens.represent.pretrained.encoder import StainEncoder  # noqa: E402

SIDE = 32
HOW = Preprocessing(input=SIDE)
FIVE = ("DNA", "ER", "RNA", "AGP", "Mito")


@pytest.fixture
def five():
    return torch.rand(2, 5, SIDE, SIDE, generator=torch.Generator().manual_seed(4))


def encoder(body, strategy, *, stains=FIVE, how=HOW, **rest):
    return StainEncoder(body, how, stains, strategy=strategy, output=None, **rest).eval()


def normal(images, how=HOW):
    return (images - torch.tensor(how.mean)[:, None, None]) / torch.tensor(how.sd)[:, None, None]


@torch.no_grad()
def test_bag_joins_what_each_stain_gives_as_a_grey_image(folders, five):
    path, model = folders("dinov2")
    found = encoder(build(find(str(path))), "bag")(five)
    by_hand = [model(normal(five[:, [place] * 3])).last_hidden_state[:, 0] for place in range(5)]
    torch.testing.assert_close(found, torch.cat(by_hand, dim=1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_three_at_a_time_begins_again_with_the_first_stains(folders, five):
    path, model = folders("vit")
    found = encoder(build(find(str(path))), "three")(five)
    by_hand = [model(normal(five[:, of])).last_hidden_state[:, 0] for of in ([0, 1, 2], [3, 4, 0])]
    torch.testing.assert_close(found, torch.cat(by_hand, dim=1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov3_vit", "convnext", "resnet", "swin"])
def test_averaged_filters_answer_a_grey_image_as_before(folders, five, kind):
    path, model = folders(kind)
    even = Preprocessing(input=SIDE, mean=(0.5,), sd=(0.25,))
    averaged = encoder(build(find(str(path))), "average", how=even)
    grey = five[:, :1]
    told = model((grey.repeat(1, 3, 1, 1) - 0.5) / 0.25)
    of = told.last_hidden_state[:, 0] if averaged.output == "class" else told.pooler_output
    found = averaged(grey.repeat(1, 5, 1, 1))
    torch.testing.assert_close(found, of.flatten(1), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(averaged(five), found)


@torch.no_grad()
def test_stains_stand_beside_the_reference(model_of, five):
    body = Body(model_of("vit", num_channels=3), 3, "three")
    none = Preprocessing(input=SIDE, normalise="none")
    found = encoder(body, "beside", how=none, reference=("ER", "DNA"))(five)
    by_hand = [body(five[:, [1, 0, place]], "class") for place in (2, 3, 4)]
    torch.testing.assert_close(found, torch.cat(by_hand, dim=1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_network_of_as_many_channels_reads_all_together(model_of, five):
    body = Body(model_of("dinov2", num_channels=5), 5, "five")
    none = Preprocessing(input=SIDE, normalise="none")
    found = encoder(body, "together", how=none)(five)
    torch.testing.assert_close(found, body(five, "class"))


@pytest.mark.parametrize(
    ("channels", "strategy", "said"),
    [
        (5, "bag", "reads 5 stains at once, so none can be given by itself"),
        (1, "three", "reads 1 channel.*use stains = 'bag'"),
        (4, "together", "reads 4 stain.s. and the study has 5. Name those.*channels ="),
        (2, "beside", "reads 1 stain.s. beside each other one; name them"),
    ],
)
def test_what_the_network_cannot_take_says_what_to_do(model_of, channels, strategy, said):
    body = Body(model_of("vit", num_channels=channels), channels, "it")
    with pytest.raises(InputError, match=said) as error:
        encoder(body, strategy, how=Preprocessing(input=SIDE, normalise="none"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("reference", "said"),
    [(("Lyso",), "there is no stain 'Lyso'; there are DNA, ER"), (("DNA",), "names every stain")],
)
def test_reference_must_leave_a_stain(model_of, reference, said):
    body = Body(model_of("vit", num_channels=2), 2, "it")
    stains = FIVE if reference == ("Lyso",) else ("DNA",)
    none = Preprocessing(input=SIDE, normalise="none")
    with pytest.raises(InputError, match=said):
        encoder(body, "beside", stains=stains, how=none, reference=reference)


def test_more_stains_than_a_channel_agnostic_encoder_takes():
    from phenolens.represent.pretrained.openphenom import ChannelAgnosticViT

    model = ChannelAgnosticViT(64, 8, 1 + 3 * 256, depth=1, inner=32, normed=True).eval()
    none = Preprocessing(input=SIDE, normalise="none")
    with pytest.raises(InputError, match="takes at most 3 stains, and the study has 5"):
        encoder(Body(model, None, "it"), "together", how=none)
    three = StainEncoder(
        Body(model, None, "it"), none, FIVE[:3], strategy="together", output="mean"
    )
    assert three.width == 64


def test_size_and_mean_that_do_not_fit_are_one_line(folders):
    body = build(find(str(folders("dinov2")[0])))
    with pytest.raises(InputError, match="cannot read images of 4 pixels") as error:
        encoder(body, "bag", how=Preprocessing(input=4))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"has 3 channel\(s\), and mean has 2 values"):
        encoder(body, "bag", how=Preprocessing(mean=(0.5, 0.5)))
