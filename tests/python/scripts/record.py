"""Records the losses of the training scripts under PyTorch: python tests/python/scripts/record.py

Needs PyTorch, and for the script `nnunet` the library dynamic-network-architectures too.
"""
import json

import torch
from running import FOLDER, LIBRARY, NAMES, losses

if __name__ == "__main__":
    recorded = {"torch": torch.__version__.split("+")[0]}
    recorded.update({name: losses(name, "torch") for name in (*NAMES, LIBRARY)})
    (FOLDER / "recorded.json").write_text(json.dumps(recorded, indent=1) + "\n")
