"""Model runtimes over shared memory: `isthmus.adapters.onnx`, `isthmus.adapters.torch`.

Each imports its runtime and nothing else does. scikit-learn, LightGBM and XGBoost take and return numpy arrays, and need
no adapter. docs/inference.md has all of them.
"""
