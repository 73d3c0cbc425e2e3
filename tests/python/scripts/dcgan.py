"""Trains a DCGAN on images of random waves; prints both networks' losses of ten steps."""
import torch
import torch.nn as nn
import torch.optim as optim

LATENT = 12
WIDTH = 8


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(LATENT, WIDTH * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(WIDTH * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH * 4, WIDTH * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, WIDTH, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH, WIDTH * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH * 2, WIDTH * 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 4),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH * 4, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, image):
        return self.main(image).view(-1)


def weights_init(m):
    name = m.__class__.__name__
    if name.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


def make_images(count, size=32):
    phase = 6.28 * torch.rand(count, 3, 1, 1)
    speed = 0.2 + 0.4 * torch.rand(count, 1, 2, 1, 1)
    place = torch.arange(size, dtype=torch.float64)
    return torch.sin(speed[:, :, 0] * place.view(-1, 1) + speed[:, :, 1] * place + phase).clamp(-0.9, 0.9)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    device = torch.device("cpu")
    net_g, net_d = Generator(), Discriminator()
    net_g.apply(weights_init)
    net_d.apply(weights_init)
    net_g.to(device)
    net_d.to(device)
    criterion = nn.BCELoss()
    optimizer_d = optim.Adam(net_d.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_g = optim.Adam(net_g.parameters(), lr=0.0002, betas=(0.5, 0.999))
    images = make_images(64)
    real_label, fake_label = 1.0, 0.0

    for step in range(10):
        real = images[torch.randint(len(images), (16,))].to(device)
        # Maximise log(D(x)) + log(1 - D(G(z))).
        net_d.zero_grad()
        label = torch.full((real.size(0),), real_label, device=device)
        error_real = criterion(net_d(real), label)
        error_real.backward()
        fake = net_g(torch.randn(real.size(0), LATENT, 1, 1).to(device))
        label.fill_(fake_label)
        error_fake = criterion(net_d(fake.detach()), label)
        error_fake.backward()
        optimizer_d.step()
        # Maximise log(D(G(z))).
        net_g.zero_grad()
        label.fill_(real_label)
        error_g = criterion(net_d(fake), label)
        error_g.backward()
        optimizer_g.step()
        print(f"step {step}: loss {(error_real + error_fake).item()!r} {error_g.item()!r}")


if __name__ == "__main__":
    main()
