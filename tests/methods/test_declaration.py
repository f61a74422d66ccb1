"""What runs are told of a method: by its declaration, or by its signature."""

import pytest

from animated import methods
from animated.methods.declaration import declare, get_declaration


@pytest.mark.parametrize(
    ("name", "libraries", "is_extendable", "keeps_state"),
    [
        ("pixels", (), False, False),
        ("pca", (), False, False),
        ("mds", (), True, True),
        ("sammon", (), True, True),
        ("graph", (), True, True),
        ("tsne", ("openTSNE",), False, True),
        ("umap", (), False, True),
        ("pacmap", ("pacmap", "faiss-cpu"), False, True),
    ],
)
def test_declarations(name, libraries, is_extendable, keeps_state):
    declaration = get_declaration(getattr(methods, name))
    assert (declaration.name, declaration.libraries) == (name, libraries)
    assert declaration.is_extendable({}) is is_extendable
    assert declaration.keeps_state is keeps_state


def test_tsne_with_a_fixed_first_phase_is_extendable():
    is_extendable = get_declaration(methods.tsne).is_extendable
    assert is_extendable({"early_exaggeration_iter": 5}) and not is_extendable({"perplexity": 5})


def test_a_method_of_ones_own():
    def plain(X, *, on_epoch=None):
        pass

    def resumable(X, *, on_epoch=None, checkpoint=None):
        pass

    assert get_declaration(plain).keeps_state is False
    assert get_declaration(resumable).keeps_state is True
    assert not get_declaration(resumable).is_extendable({})
    declared = declare(name="other", libraries=["polars"], is_extendable=True)(resumable)
    assert declared is resumable
    declaration = get_declaration(resumable)
    assert (declaration.name, declaration.libraries) == ("other", ("polars",))
    assert declaration.is_extendable({}) and declaration.keeps_state
    assert get_declaration(declare(keeps_state=False)(resumable)).keeps_state is False
