"""LitServe with one of our model files, through ONNX Runtime. Runs in an environment of its own.

    python bench/serve_litserve.py MODEL WORKERS PORT

As its README shows a server: no batches (the file takes one picture at a time), one process for HTTP, WORKERS processes
that answer. A single worker leaves the number of threads to ONNX Runtime; several take one thread each. The file
brings pictures to size itself; what it asks for is an upright RGB picture, which Pillow makes.
"""

import json
import sys

import litserve
import numpy as np
import onnxruntime
from PIL import Image, ImageOps


class Classifier(litserve.LitAPI):
    """A picture of a form -> classes with their probabilities, the likeliest first."""

    def __init__(self, model: str, threads: int) -> None:
        super().__init__(api_path="/upload")
        self._model = model
        self._threads = threads

    def setup(self, device: str) -> None:
        """Open the model, in the process that will answer."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads  # 0: as ONNX Runtime likes
        self._session = onnxruntime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])
        self._classes = json.loads(self._session.get_modelmeta().custom_metadata_map["fieldmark"])["classes"]

    def decode_request(self, request) -> np.ndarray:
        """Form -> uint8 `[height, width, 3]`."""
        return np.asarray(ImageOps.exif_transpose(Image.open(request["file"].file)).convert("RGB"))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Pixels -> probabilities `[classes]`."""
        return self._session.run(["probabilities"], {"image": x})[0]

    def encode_response(self, output: np.ndarray) -> dict[str, list[tuple[str, float]]]:
        """Probabilities -> what is sent."""
        told = zip(self._classes, map(float, output), strict=True)
        return {"predictions": sorted(told, key=lambda pair: pair[1], reverse=True)}


def main() -> None:
    """Serve until ended."""
    model, workers, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    api = Classifier(model, threads=0 if workers == 1 else 1)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
