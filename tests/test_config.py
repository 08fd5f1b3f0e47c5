import pytest

from fieldmark.config import TrainSettings
from fieldmark.errors import WrongUsage


def test_defaults_are_those_of_the_design():
    settings = TrainSettings()

    assert (settings.backbone, settings.epochs, settings.size, settings.fit, settings.seed, settings.valid_share) == (
        "efficientnet_lite0",
        (4, 4),
        299,
        "squish",
        42,
        0.2,
    )


@pytest.mark.parametrize(
    ("key", "given", "wanted"),
    [
        ("epochs", "3,2", (3, 2)),
        ("epochs", "4", (4, 0)),
        ("epochs", (1, 1), (1, 1)),
        ("valid_share", "25%", 0.25),
        ("valid_share", 0.1, 0.1),
        ("test", "15%", 0.15),
        ("test", "0.15", 0.15),
        ("lr", "1e-4,3e-4", (1e-4, 3e-4)),
        ("lr", "1e-3", (1e-4, 1e-3)),
        ("seed", "7", 7),
        ("fit", "pad-white", "pad-white"),
    ],
)
def test_flags_and_keywords_are_read_alike(key, given, wanted):
    assert getattr(TrainSettings.of({key: given}), key) == wanted


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("epochs", "0,0"), ("epochs", "a"), ("epochs", "1,2,3"), ("epochs", "4,-1"), ("size", "0"), ("size", "big"),
        ("size", 299.5), ("size", "31"), ("epochs", "0"), ("epochs", "0,4"), ("head_lr", "0"),
        ("batch", "1"), ("valid_share", "0"), ("valid_share", "1"), ("valid_share", "120%"),
        ("test", "0"), ("test", "all"),
        ("lr", "0"), ("lr", "nan"), ("lr", "1e-4,1e-3,1"), ("head_lr", "-1"), ("head_lr", "1e38"),
        ("lr", "1e-4,1e38"), ("head_lr", "inf"), ("fit", "stretch"),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_wrong_usage(key, given):
    with pytest.raises(WrongUsage, match=key.replace("_", "-")):
        TrainSettings.of({key: given})


def test_an_unknown_setting_names_its_nearest_neighbour():
    with pytest.raises(WrongUsage, match="Did you mean backbone"):
        TrainSettings.of({"bakbone": "resnet34"})


def test_an_unknown_fit_names_the_nearest():
    with pytest.raises(WrongUsage, match="Did you mean squish"):
        TrainSettings.of({"fit": "squash"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("coral->king=1000", ("coral->king=1000",)),
        (["coral->king=1000", "->expert=5"], ("coral->king=1000", "->expert=5")),
        ({"coral->king": 1000, "->expert": 5}, ("coral->king=1000", "->expert=5")),
        ("a,b->c=2", ("a,b->c=2",)),  # a class may have a comma in its name
        ((), ()),
    ],
)
def test_costs_are_given_one_by_one_or_as_a_table(given, kept):
    assert TrainSettings.of({"cost": given}).cost == kept


@pytest.mark.parametrize(("effort", "epochs"), [("quick", (4, 0)), ("normal", (4, 4)), ("thorough", (4, 12))])
def test_an_effort_decides_the_epochs(effort, epochs):
    assert TrainSettings.of({"effort": effort}).epochs == epochs


def test_epochs_that_are_given_go_before_the_effort():
    assert TrainSettings.of({"effort": "quick", "epochs": "2,3"}).epochs == (2, 3)


def test_an_effort_that_nobody_knows_names_the_nearest():
    with pytest.raises(WrongUsage, match=r"--effort quik is not known\. Did you mean quick"):
        TrainSettings.of({"effort": "quik"})
