"""Trains LeNet to tell ten noisy patterns apart; prints the loss of ten steps, then the accuracy."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)


def make_data(count):
    patterns = F.interpolate(torch.randn(10, 1, 5, 5), size=28, mode="bilinear")
    labels = torch.randint(0, 10, (count,))
    images = patterns[labels] + 0.3 * torch.randn(count, 1, 28, 28)
    return (images - images.mean()) / images.std(), labels


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    device = torch.device("cpu")
    images, labels = make_data(160)
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
    net = LeNet().to(device)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    net.train()
    for epoch in range(2):
        for step, (x, target) in enumerate(loader):
            optimizer.zero_grad()
            loss = criterion(net(x.to(device)), target.to(device))
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch} step {step}: loss {loss.item()!r}")
        scheduler.step()

    net.eval()
    with torch.no_grad():
        right = (net(images.to(device)).argmax(dim=1) == labels.to(device)).sum().item()
    print(f"{right} of {len(labels)} right")


if __name__ == "__main__":
    main()
