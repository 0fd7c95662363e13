"""Three notebooks of the course's shape: cell by cell, each with the entry points that need it."""

from __future__ import annotations

from typing import NamedTuple

MODEL, LOSS = "get_student_model", "loss_fn_kd"
BOTH = frozenset({MODEL, LOSS})
NEITHER: frozenset[str] = frozenset()


class Cell(NamedTuple):
    """A code cell, and the entry points that cannot do without it."""

    text: str
    needed_by: frozenset[str]


_IMPORTS = """\
import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm
"""
_DATA = """\
class FoodDataset(Dataset):
    def __init__(self, root, transform):
        self.files = sorted(os.path.join(root, name) for name in os.listdir(root))
        self.transform = transform

    def __getitem__(self, index):
        image = self.transform(Image.open(self.files[index]))
        return image, int(self.files[index].split("_")[0])
"""
_LOADERS = """\
train_set = FoodDataset(os.path.join("food11", "training"), train_transform)
train_loader = DataLoader(train_set, batch_size=64, shuffle=True, num_workers=4)
"""
_TRAINING = """\
optimizer = torch.optim.AdamW(student_model.parameters(), lr=3e-4, weight_decay=1e-5)
best_accuracy = 0.0
for epoch in range(20):
    student_model.train()
    for images, labels in tqdm(train_loader):
        logits = student_model(images.to(device))
        with torch.no_grad():
            teacher_logits = teacher_model(images.to(device))
        loss = loss_fn(logits, labels.to(device), teacher_logits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.3f}")
"""
_PRUNING = """\
def prune_by(model, ratio):
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, name="weight", amount=ratio)

ratios = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9]
accuracies = []
for ratio in ratios:
    network = get_student_model().to(device)
    prune_by(network, ratio)
    accuracies.append(evaluate(network))
"""
_PLOT = """\
import matplotlib.pyplot as plt
plt.plot(ratios, accuracies, marker="o")
plt.xlabel("pruning ratio")
plt.savefig("pruning.png")
plt.show()
"""
_NET = """\
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 48, 3, stride=2, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Linear(48, 11)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))
"""
_GET = "def get_student_model():\n    return StudentNet()\n"
_LOSS = """\
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature ** 2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""

NOTEBOOKS: dict[str, tuple[Cell, ...]] = {
    "everything in one cell each": (
        Cell("!nvidia-smi\n", NEITHER),
        Cell(_IMPORTS, BOTH),
        Cell('cfg = {\n    "exp_name": "kd",\n    "seed": 20220013,\n    "loss_fn_type": "KD",\n}\n', NEITHER),
        Cell("random_seed = cfg['seed']\ntorch.manual_seed(random_seed)\n", NEITHER),
        Cell(_DATA, NEITHER),
        Cell(_LOADERS, NEITHER),
        Cell(_NET + "\n" + _GET, frozenset({MODEL})),
        Cell("student_model = get_student_model()\nsummary(student_model, (3, 224, 224), device='cpu')\n", NEITHER),
        Cell("teacher_model = torch.load('resnet18_teacher.ckpt', map_location='cpu')\n", NEITHER),
        Cell(_LOSS, frozenset({LOSS})),
        Cell(
            "if cfg['loss_fn_type'] == 'KD':\n    loss_fn = loss_fn_kd\nelse:\n    loss_fn = F.cross_entropy\n", NEITHER
        ),
        Cell(_TRAINING, NEITHER),
        Cell(_PRUNING, NEITHER),
        Cell(_PLOT, NEITHER),
    ),
    "helpers in cells of their own": (
        Cell("from google.colab import drive\ndrive.mount('/content/drive')\n", NEITHER),
        Cell(_IMPORTS, BOTH),
        Cell("width = 24\ndepths = [1, 2]\n", frozenset({MODEL})),
        Cell("n_epochs, lr = 30, 1e-3\nsave_path = './outputs'\nos.makedirs(save_path, exist_ok=True)\n", NEITHER),
        Cell(
            "def conv_block(i, o, s):\n"
            "    return nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU6())\n",
            frozenset({MODEL}),
        ),
        Cell("def count(net):\n    return sum(p.numel() for p in net.parameters() if p.requires_grad)\n", NEITHER),
        Cell(
            "def get_student_model():\n    layers = [conv_block(3, width, 2)]\n    for depth in depths:\n"
            "        layers += [conv_block(width, width, 2) for _ in range(depth)]\n"
            "    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 11))\n",
            frozenset({MODEL}),
        ),
        Cell("print(count(get_student_model()))\n", NEITHER),
        Cell("def accuracy(logits, labels):\n    return (logits.argmax(dim=1) == labels).float().mean()\n", NEITHER),
        Cell("ce = nn.CrossEntropyLoss()\nkl = nn.KLDivLoss(reduction='batchmean')\n", frozenset({LOSS})),
        Cell("def soften(logits, T):\n    return F.softmax(logits / T, dim=1)\n", frozenset({LOSS})),
        Cell(
            "def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):\n"
            "    soft = kl(soften(student_logits, temperature).log(), soften(teacher_logits, temperature))\n"
            "    return alpha * temperature ** 2 * soft + (1 - alpha) * ce(student_logits, labels)\n",
            frozenset({LOSS}),
        ),
        Cell("class Logger:\n    def log(self, text):\n        print('[log]', text)\n\nlogger = Logger()\n", NEITHER),
        Cell(_TRAINING, NEITHER),
        Cell(_PRUNING, NEITHER),
    ),
    "trials, magics and a second definition": (
        Cell("%matplotlib inline\n!pip install -q torchsummary\nfrom torchsummary import summary\n", NEITHER),
        Cell(_IMPORTS, BOTH),
        Cell("transform = transforms.Compose([transforms.Resize((142, 142)), transforms.ToTensor()])\n", NEITHER),
        Cell("def loss_fn_kd(a, b, c, alpha=0.5, temperature=1.0):\n    return loss\n", NEITHER),
        Cell("x = torch.randn(4, 11)\nprint(F.softmax(x / 4.0, dim=1).sum(dim=1))\n", NEITHER),
        Cell(_NET, frozenset({MODEL})),
        Cell(_DATA, NEITHER),
        Cell(_GET, frozenset({MODEL})),
        Cell(
            "net = get_student_model()\nout = net(torch.randn(2, 3, 224, 224))\nassert out.shape == (2, 11)\n", NEITHER
        ),
        Cell(_LOSS, frozenset({LOSS})),
        Cell("loss_fn_kd(x, torch.tensor([1, 2, 3, 4]), x * 2)\n", NEITHER),
        Cell("history = {'loss': [], 'accuracy': []}\n", NEITHER),
        Cell(
            "def evaluate(model):\n    model.eval()\n    hits = []\n    with torch.no_grad():\n"
            "        for images, labels in valid_loader:\n"
            "            hits.append((model(images).argmax(-1) == labels).float())\n"
            "    return torch.cat(hits).mean().item()\n",
            NEITHER,
        ),
        Cell(_TRAINING, NEITHER),
        Cell(
            "student_model_best = get_student_model()\nstudent_model_best.load_state_dict(torch.load('s.ckpt'))\n",
            NEITHER,
        ),
        Cell("answers = {'2.2': 'softer', '3.2': 'no'}\n", NEITHER),
    ),
}
