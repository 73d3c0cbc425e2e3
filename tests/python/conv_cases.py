"""The convolutions of the documentation's examples, run under PyTorch or voxgrad from the same seeds.

    python tests/python/conv_cases.py    # records PyTorch's numbers in conv_cases.json
"""
from __future__ import annotations

import hashlib
import json
import pathlib

RECORDED = pathlib.Path(__file__).with_name("conv_cases.json")

# name: (layer, shape of the input in the documentation, shape that is computed)
EXAMPLES = {
    "Conv1d": ("Conv1d(16, 33, 3, stride=2)", (20, 16, 50), (20, 16, 50)),
    "Conv2d square": ("Conv2d(16, 33, 3, stride=2)", (20, 16, 50, 100), (2, 16, 50, 100)),
    "Conv2d stride and padding": ("Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))", (20, 16, 50, 100),
                                  (2, 16, 50, 100)),
    "Conv2d dilation": ("Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))", (20, 16, 50, 100),
                        (2, 16, 50, 100)),
    "Conv3d square": ("Conv3d(16, 33, 3, stride=2)", (20, 16, 10, 50, 100), (1, 16, 10, 50, 100)),
    "Conv3d padding": ("Conv3d(16, 33, (3, 5, 2), stride=(2, 1, 1), padding=(4, 2, 0))", (20, 16, 10, 50, 100),
                       (1, 16, 10, 50, 100)),
    "ConvTranspose1d": ("ConvTranspose1d(16, 33, 3, stride=2)", (20, 16, 50), (20, 16, 50)),
    "ConvTranspose2d square": ("ConvTranspose2d(16, 33, 3, stride=2)", (20, 16, 50, 100), (2, 16, 50, 100)),
    "ConvTranspose2d padding": ("ConvTranspose2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))", (20, 16, 50, 100),
                                (2, 16, 50, 100)),
    "ConvTranspose3d square": ("ConvTranspose3d(16, 33, 3, stride=2)", (20, 16, 10, 50, 100), (1, 16, 10, 50, 100)),
    "ConvTranspose3d padding": ("ConvTranspose3d(16, 33, (3, 5, 2), stride=(2, 1, 1), padding=(0, 4, 2))",
                                (20, 16, 10, 50, 100), (1, 16, 10, 50, 100)),
}

LAYERS = [f"{kind}{rank}d({arguments})" for kind, arguments in (
    ("Conv", "6, 4, 3, groups=2"), ("ConvTranspose", "6, 4, 3, groups=2")) for rank in (1, 2, 3)] + ["Linear(7, 5)"]


def build(module, layer, **options):
    return eval(layer[:-1] + ", **options)", {**vars(module.nn), "options": options})


def values(module, name):
    """Shape, sum, and numbers along the way, of the output and of the gradients, in float64."""
    layer_text, _, shape = EXAMPLES[name]
    module.manual_seed(0)
    layer = build(module, layer_text, dtype=module.float64)
    x = module.randn(*shape, dtype=module.float64).requires_grad_()
    y = layer(x)
    (y * y).sum().backward()
    found = {"shape": list(y.shape)}
    for key, tensor in {"y": y.detach(), "x": x.grad, "weight": layer.weight.grad, "bias": layer.bias.grad}.items():
        flat = tensor.reshape(-1)
        step = max(1, flat.numel() // 12)
        found[key] = [flat.sum().item(), (flat * flat).sum().item(), *flat[::step].tolist()]
    return found


def initial(module, layer, kind):
    """A digest of the bits of weight and bias from seed 3."""
    module.manual_seed(3)
    made = build(module, layer, dtype=getattr(module, kind))
    bits = b"".join(p.detach().numpy().tobytes() for p in (made.weight, made.bias))
    return hashlib.sha256(bits).hexdigest()


def round_trip(module):
    """12x12 down with a stride, and exactly back with output_size."""
    module.manual_seed(1)
    down = module.nn.Conv2d(16, 16, 3, stride=2, padding=1, dtype=module.float64)
    up = module.nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1, dtype=module.float64)
    x = module.randn(1, 16, 12, 12, dtype=module.float64)
    h = down(x)
    y = up(h, output_size=x.shape)
    return {"h": list(h.shape), "y": list(y.shape), "sum": y.sum().item(), "squares": (y * y).sum().item()}


def record(module):
    return {"examples": {name: values(module, name) for name in EXAMPLES},
            "initial": {f"{layer} {kind}": initial(module, layer, kind)
                        for layer in LAYERS for kind in ("float32", "float64")},
            "round trip": round_trip(module)}


if __name__ == "__main__":
    import torch

    RECORDED.write_text(json.dumps({"torch": torch.__version__.split("+")[0], **record(torch)}) + "\n")
