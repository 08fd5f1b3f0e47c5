# %% [markdown]
# # Coral snake or kingsnake?
#
# In 2020 one person set out to learn deep learning with a question that can matter: *is this a deadly coral snake or a
# harmless kingsnake?* The story of it, told with Fieldmark, against any folder of two classes.
#
# It runs as a script (`python examples/snakes.py snakes.csv`, or a folder of photos), opens as cells in an editor, and
# becomes a notebook with `jupytext --to notebook examples/snakes.py`. Without either it paints snakes of its own.

# %%
import os
import sys
import tempfile
from pathlib import Path

import fieldmark as fm
from fieldmark.demo.paint import paint_folder

# %% [markdown]
# ## The photos
#
# The original named 568 pictures by way of three search engines, weeded them by hand and kept 233 photos of corals and 193
# of kings. Its query sheet was `searchterm,exclude` and a row for each snake: `micrurus tener -king` and `scarlet king
# snake`. Name a sheet of your own on the command line or in `FIELDMARK_PHOTOS`, and it is harvested; or a folder that
# holds one folder of photos per class.

# %%
in_notebook = "ipykernel" in sys.modules
named = os.environ.get("FIELDMARK_PHOTOS") or (None if in_notebook or len(sys.argv) < 2 else sys.argv[1])
work = Path(os.environ.get("FIELDMARK_WORK") or tempfile.mkdtemp(prefix="fieldmark-"))
if named and named.endswith(".csv"):
    snakes = fm.harvest(named, out=work / "snakes", contact=os.environ.get("FIELDMARK_CONTACT", ""))
    folder, photos = snakes.folder, snakes.folder / "photos"
elif named:
    folder = photos = Path(named)
else:
    folder = photos = work / "snakes"
    paint_folder(photos, per_class=int(os.environ.get("FIELDMARK_PAINT", "60")), seed=1)
print("photos:", photos)

# %% [markdown]
# ## Two stages
#
# The original froze a pretrained network, trained a new head for four epochs, looked for a learning rate, unfroze everything
# and trained four more: 6 of 85 wrong after the first stage, 4 of 85 after the second. Validation loss fell once and then
# rose; the author called it overfitting, and kept the last epoch all the same. Fieldmark keeps the best one.

# %%
short = os.environ.get("FIELDMARK_SHORT") == "1"  # a few seconds instead of minutes, to try the script itself
settings = {"epochs": (1, 1), "size": 64, "batch": 8} if short else {"epochs": (4, 4), "size": 299}
run = fm.train(folder, seed=42, out=work / "run", **settings)
run

# %% [markdown]
# ## How good is it?
#
# "4.7 % error" on 85 photos was one draw: the same model scored between 84.7 % and 97.6 % on other draws. So every figure
# comes with its interval.

# %%
metrics = run.metrics()
low, high = metrics["accuracy_ci95"]
print(f"{metrics['wrong']} of {metrics['n_valid']} wrong; right between {low:.1%} and {high:.1%} of the time, probably")
for name, figures in metrics["per_class"].items():
    print(f"  {name}: {figures['right']} of {figures['n']} found")
print("report:", run.report())

# %% [markdown]
# ## The worst photos
#
# The original looked at its "top losses": prediction / actual / loss / probability.

# %%
predictions = run.predictions()
for i in predictions.losses.argsort()[::-1][:9]:
    guess, truth = predictions.classes[predictions.predicted[i]], predictions.classes[predictions.actual[i]]
    loss, p = predictions.losses[i], predictions.probabilities[i].max()
    print(f"{guess} / {truth} / {loss:.2f} / {p:.2f}  {predictions.photos[i]}")

# %% [markdown]
# ## One file
#
# The original's model was a 90 MB pickle that needed a gigabyte of Python behind it. This one is an ONNX file that any
# runtime opens; serving it needs no torch: `fieldmark serve snakes.onnx`.

# %%
model = run.export(work / "snakes.onnx")
print(f"{(work / 'snakes.onnx').stat().st_size / 1e6:.1f} MB")
model

# %%
answer = model.predict(photos / predictions.photos[0])
print(predictions.photos[0], answer.predictions)
answer
