"""Draws the pruning plot of the example submissions: `python examples/pruning_curve.py PLOT.png POINTS.csv`.

Trains the example's student for a minute on pictures of eleven letters, then prunes the weights of every convolution
by their L1 norm at twenty ratios and measures the accuracy at each. Needs matplotlib, which Assay itself does not.
"""

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torch.nn.utils import prune

LETTERS = "ABCDEFGHIJK"
SIDE = 32
RATIOS = [step / 20 for step in range(20)]


def letters(count, generator):
    """`count` noisy pictures of tilted letters, as `(count, 3, SIDE, SIDE)`, and the letters' indices."""
    labels = torch.randint(len(LETTERS), (count,), generator=generator)
    font = ImageFont.load_default(24)
    pictures = []
    for label in labels:
        tilt, left, top = torch.randint(-6, 7, (3,), generator=generator).tolist()
        picture = Image.new("L", (SIDE, SIDE))
        ImageDraw.Draw(picture).text((8 + left // 2, 2 + top // 2), LETTERS[label], 255, font)
        pictures.append(torch.tensor(list(picture.rotate(4 * tilt).tobytes())).reshape(1, SIDE, SIDE) / 255)
    x = torch.stack(pictures).expand(-1, 3, -1, -1)
    return x + 0.5 * torch.randn(x.shape, generator=generator), labels


def accuracy(model, x, labels):
    """The share of pictures whose letter the model names."""
    model.eval()
    with torch.no_grad():
        return (torch.cat([model(part) for part in x.split(100)]).argmax(1) == labels).float().mean().item()


def student():
    """The example's model, untrained."""
    namespace = {"torch": torch, "nn": nn, "F": F, "__name__": "submission"}
    exec((Path(__file__).parent / "hw13" / "model.py").read_text(), namespace)
    return namespace["get_student_model"]()


def main(plot, points):
    """Train, prune, measure, draw."""
    torch.manual_seed(13)
    generator = torch.Generator().manual_seed(13)
    model, (x, labels) = student(), letters(4000, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in torch.randint(len(x), (150, 64), generator=generator):
        loss = F.cross_entropy(model(x[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    held_out, curve = letters(1000, generator), []
    for ratio in RATIOS:
        pruned = student()
        pruned.load_state_dict(trained)
        for module in pruned.modules():
            if isinstance(module, nn.Conv2d):
                prune.l1_unstructured(module, name="weight", amount=ratio)
        curve.append(accuracy(pruned, *held_out))
    with open(points, "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("ratio", "accuracy"))
        rows.writerows((f"{ratio:.2f}", f"{value:.3f}") for ratio, value in zip(RATIOS, curve, strict=True))
    plt.figure(figsize=(6.4, 4.2))
    plt.plot(RATIOS, curve, marker="o")
    plt.title("Pruning ratio against accuracy, letters A to K")
    plt.xlabel("pruning ratio of every Conv2d weight")
    plt.ylabel("accuracy")
    plt.ylim(0, 1.05)
    plt.grid(alpha=0.4)
    plt.savefig(plot, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    main(*sys.argv[1:])
