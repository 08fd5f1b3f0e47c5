"""The original's server: a fastai learner behind Starlette. Runs in fastai's own environment.

    python bench/serve_fastai.py export JOB.json LEARNER.pkl
    python bench/serve_fastai.py serve LEARNER.pkl PORT

JOB is as for `fastai_recipe.py`. What is exported has the packaged weights of the backbone and a head as fastai makes
it, which has learned nothing: its answers are worthless, and take as long as those of one that has.

The server does what that of 2020 did, in one process: an async endpoint reads the file of the form, opens the picture,
calls `learner.predict` where it stands, and answers with the classes, the likeliest first. fastai's progress bar, which
nobody sees behind a server, is off.
"""

import json
import sys
from pathlib import Path

import uvicorn
from fastai.vision.all import PILImage, load_learner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def export(job: Path, out: Path) -> None:
    """Write a learner that has learned nothing."""
    from fastai_recipe import learner_of, loaders

    learner_of(loaders(json.loads(job.read_text()))).export(out.absolute())


def app_of(learner_file: Path) -> Starlette:
    """Open a learner, and answer with it."""
    learner = load_learner(learner_file)
    classes = list(learner.dls.vocab)

    async def upload(request: Request) -> JSONResponse:
        form = await request.form()
        picture = PILImage.create(await form["file"].read())
        with learner.no_bar():
            _, _, probabilities = learner.predict(picture)
        told = zip(classes, map(float, probabilities), strict=True)
        return JSONResponse({"predictions": sorted(told, key=lambda pair: pair[1], reverse=True)})

    return Starlette(routes=[Route("/upload", upload, methods=["POST"])])


def main() -> None:
    """Export or serve."""
    what, first, second = sys.argv[1:]
    if what == "export":
        export(Path(first), Path(second))
    else:
        uvicorn.run(app_of(Path(first)), host="127.0.0.1", port=int(second), log_level="warning")


if __name__ == "__main__":
    main()
