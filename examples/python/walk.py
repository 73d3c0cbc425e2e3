"""From a NumPy array to a trained network, step by step.

Run it as a program, or cell by cell (# %%) in an editor that knows notebooks. If you know PyTorch, you know all of
this: names and meanings are the same.
"""
# %% A tensor over an array: both see the same memory.
import tempfile
from pathlib import Path

import numpy as np
import voxgrad
import voxgrad.nn.functional as F
from voxgrad import Tensor, nn

array = np.arange(6, dtype=np.float32).reshape(2, 3)
x = voxgrad.from_numpy(array)
array[0, 0] = 10
x[1] *= 2
print("the array:", array.tolist())
print("x.numpy() shares it:", np.shares_memory(x.numpy(), array))

# %% Broadcasting: sizes of 1 stretch.
rows = x.mean(1, keepdim=True)  # (2, 1)
print("rows less their means:", x - rows, sep="\n")
print("outer product:", (voxgrad.arange(1, 4)[:, None] * voxgrad.arange(1, 4)).tolist())

# %% Derivatives: d(w^3)/dw = 3 w^2, and the derivative of that, 6 w.
w = voxgrad.tensor(2.0, requires_grad=True)
slope, = voxgrad.autograd.grad(w ** 3, w, create_graph=True)
slope.backward()
print(f"at w = 2: slope {slope.item():g}, its slope {w.grad}")

# %% Data: 1D signals, a bump at some place in noise. Where is it?
random = np.random.default_rng(0)


def make_signals(count: int) -> tuple[Tensor, Tensor]:
    """Signals (count, 1, 64) and the places of their bumps, (count, 1) in [0, 1]."""
    places = random.uniform(0.1, 0.9, (count, 1)).astype(np.float32)
    grid = np.linspace(0, 1, 64, dtype=np.float32)
    bumps = np.exp(-((grid - places) / 0.05) ** 2) + random.normal(0, 0.2, (count, 64)).astype(np.float32)
    return voxgrad.from_numpy(bumps)[:, None], voxgrad.from_numpy(places)


signals, places = make_signals(512)
print("signals", tuple(signals.shape), "places", tuple(places.shape))


# %% A network: a class with layers as attributes, and forward().
class Finder(nn.Module):
    """Convolutions that look for bumps, and a layer that says where."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv1d(1, 8, 7, stride=2, padding=3), nn.ReLU(),
                                  nn.Conv1d(8, 16, 5, stride=2, padding=2), nn.ReLU())
        self.tell = nn.Linear(16 * 16, 1)

    def forward(self, signals: Tensor) -> Tensor:
        return self.tell(self.look(signals).flatten(1))


voxgrad.manual_seed(0)
net = Finder()
print(net)
print("parameters:", sum(p.numel() for p in net.parameters()))

# %% Training.
optimizer = voxgrad.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    total = 0.0
    for batch in voxgrad.randperm(len(signals)).split(32):
        loss = F.mse_loss(net(signals[batch]), places[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1:2}: mean loss {total / len(signals):.5f}")

# %% Judged on signals that training never saw.
new_signals, new_places = make_signals(256)
with voxgrad.no_grad():
    error = (net(new_signals) - new_places).abs().mean().item()
print(f"mean error {error:.4f} of the signal's length; guessing the middle: {(new_places - 0.5).abs().mean():.4f}")

# %% Saved and loaded: a safetensors file, which other programs read too.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "finder.safetensors"
    voxgrad.save(net.state_dict(), path)
    copy = Finder()
    copy.load_state_dict(voxgrad.load(path))
print("the loaded network answers the same:", voxgrad.equal(copy(new_signals), net(new_signals)))
