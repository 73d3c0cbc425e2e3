"""Trains nnU-Net's 3D network with deep supervision to find balls in noise, with nnU-Net's optimizer and loss; prints
the loss of six steps. Needs the library dynamic-network-architectures."""
import torch
import torch.nn.functional as F
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn


def make_data(count, size):
    axes = torch.meshgrid(*(torch.arange(n) for n in size), indexing="ij")
    middle = torch.rand(count, 3, 1, 1, 1) * torch.tensor(size).view(3, 1, 1, 1)
    distance = sum((axis - middle[:, i]) ** 2 for i, axis in enumerate(axes))
    mask = distance < 25
    return mask[:, None].to(torch.get_default_dtype()) + 0.3 * torch.randn(count, 1, *size), mask[:, None].long()


def dice_and_cross_entropy(logits, target):
    probability = torch.softmax(logits, 1)
    with torch.no_grad():
        wanted = torch.zeros(probability.shape, dtype=torch.bool)
        wanted.scatter_(1, target, 1)
    axes = tuple(range(2, logits.ndim))
    both = (probability[:, 1:] * wanted[:, 1:]).sum(axes)
    total = probability[:, 1:].sum(axes) + wanted[:, 1:].sum(axes)
    dice = (2 * both + 1e-5) / torch.clip(total + 1e-5, 1e-8)
    return F.cross_entropy(logits, target[:, 0]) - dice.mean()


def deep_supervision_loss(outputs, target):
    weights = [1 / 2**i for i in range(len(outputs))]
    total = 0
    for weight, output in zip(weights, outputs):
        smaller = F.interpolate(target.to(output.dtype), size=output.shape[2:], mode="nearest").long()
        total = total + weight / sum(weights) * dice_and_cross_entropy(output, smaller)
    return total


def make_net():
    net = PlainConvUNet(
        input_channels=1, n_stages=4, features_per_stage=(4, 8, 16, 16), conv_op=nn.Conv3d,
        kernel_sizes=[[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
        strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]], n_conv_per_stage=2, num_classes=2,
        n_conv_per_stage_decoder=2, conv_bias=True, norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True}, dropout_op=None, nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True}, deep_supervision=True)
    net.apply(net.initialize)
    return net


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(4)
    images, targets = make_data(4, (12, 24, 32))
    net = make_net()
    optimizer = torch.optim.SGD(net.parameters(), 1e-2, weight_decay=3e-5, momentum=0.99, nesterov=True)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=10, power=0.9)
    for step in range(6):
        first = 2 * step % len(images)
        optimizer.zero_grad(set_to_none=True)
        loss = deep_supervision_loss(net(images[first:first + 2]), targets[first:first + 2])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimizer.step()
        scheduler.step()
        print(f"step {step}: loss {loss.item()!r}")


if __name__ == "__main__":
    main()
