import pytest

from fieldmark.artifacts import card


@pytest.fixture
def model(tmp_path):
    return tmp_path / "snakes.v2.onnx"


def test_it_lies_beside_its_model_under_its_name(model):
    done = card.write(model, "# Snakes\n")

    assert done.path == model.with_name("snakes.v2.card.md") and done.edited is None
    assert done.path.read_text().startswith("# Snakes\n\n<!-- Written by Fieldmark; ")


def test_one_that_nobody_changed_is_replaced(model):
    card.write(model, "# One")
    done = card.write(model, "# Two")

    assert done.edited is None and done.path.read_text().startswith("# Two")
    assert [path.name for path in model.parent.iterdir()] == ["snakes.v2.card.md"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("# One", "# Ours"),
        lambda text: text + "\nMore of mine.\n",
        lambda text: text.partition("\n<!-- Written")[0],
        lambda text: "",
        lambda text: text.replace("sha256 ", "sha256 0"),
    ],
)
def test_one_that_a_person_changed_anywhere_stays_and_the_new_one_lies_beside_it(model, change):
    path = card.write(model, "# One").path
    path.write_text(edited := change(path.read_text()))

    first, again = card.write(model, "# Two"), card.write(model, "# Three")

    assert path.read_text() == edited
    assert first.path == again.path == model.with_name("snakes.v2.card.new.md") and first.edited == path
    assert first.path.read_text().startswith("# Three")


def test_a_new_one_that_was_changed_in_turn_stays_too(model):
    for text in ("# One", "# Two"):
        path = card.write(model, text).path
        path.write_text(path.read_text() + "Mine.")

    assert card.write(model, "# Three").path.name == "snakes.v2.card.new-2.md"


def test_line_ends_of_another_system_are_no_change(model):
    path = card.write(model, "# One\n\nTwo lines").path
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert card.is_untouched(path) and card.write(model, "# Two").path == path


def test_what_is_no_text_is_somebodys(model):
    card.path_of(model).write_bytes(b"\xff\xfe\x00")

    assert card.write(model, "# One").path.name == "snakes.v2.card.new.md"
