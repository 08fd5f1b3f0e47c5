"""A trained classifier -> one ONNX file that proves itself. Needs torch."""
