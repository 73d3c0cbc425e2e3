"""Trains a 2D U-Net to find discs in noisy images of odd sizes; prints the loss of ten steps, then the Dice score."""
import torch
import torch.nn.functional as F
from torch import nn


def double_conv(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
        self.conv = double_conv(2 * out_channels, out_channels)

    def forward(self, x, skip):
        x = self.up(x, output_size=skip.shape[2:])
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, classes, features=(8, 16, 32)):
        super().__init__()
        self.down = nn.ModuleList()
        for width in features:
            self.down.append(double_conv(in_channels, width))
            in_channels = width
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList([Up(deep, width) for deep, width in zip(features[:0:-1], features[-2::-1])])
        self.head = nn.Conv2d(features[0], classes, kernel_size=1)

    def forward(self, x):
        skips = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = block(x, skips.pop())
        return self.head(x)


def make_data(count, height, width):
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    middle = torch.rand(count, 2, 1, 1) * torch.tensor([height, width]).view(2, 1, 1)
    radius = 4 + 8 * torch.rand(count, 1, 1)
    mask = (rows - middle[:, 0]) ** 2 + (columns - middle[:, 1]) ** 2 < radius**2
    images = mask.unsqueeze(1).to(torch.get_default_dtype()) + 0.5 * torch.randn(count, 1, height, width)
    return images, mask.long()


def soft_dice(logits, target):
    probability = F.softmax(logits, dim=1)
    wanted = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).to(probability.dtype)
    both = (probability * wanted).sum(dim=(0, 2, 3))
    return (2 * both + 1e-5) / (probability.sum(dim=(0, 2, 3)) + wanted.sum(dim=(0, 2, 3)) + 1e-5)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(2)
    device = torch.device("cpu")
    images, masks = make_data(20, 45, 53)
    net = UNet(1, 2).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-2, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for step in range(10):
        start = 4 * step % len(images)
        x, target = images[start:start + 4].to(device), masks[start:start + 4].to(device)
        logits = net(x)
        loss = F.cross_entropy(logits, target) + 1 - soft_dice(logits, target)[1:].mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        print(f"step {step}: loss {loss.item()!r}")

    net.eval()
    with torch.no_grad():
        dice = soft_dice(net(images.to(device)), masks.to(device))[1]
    print(f"Dice {float(dice):.3f}")


if __name__ == "__main__":
    main()
