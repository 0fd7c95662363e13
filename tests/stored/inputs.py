"""What is submitted to the database of an earlier version."""

from __future__ import annotations

import io

ANSWERS = '{"2.2": "softer", "3.2": "no"}'
MODEL = """import torch.nn as nn
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, 11)
    def forward(self, x):
        return self.head(self.features(x))
def get_student_model():
    return StudentNet()
"""
LOSS = """import torch.nn.functional as F
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    student = F.{log}softmax(student_logits / temperature, dim=1)
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
RIGHT, PROBABILITIES = LOSS.format(log="log_"), LOSS.format(log="")
POINTS = "ratio,accuracy\n0.0,0.62\n0.2,0.60\n0.5,0.41\n0.8,0.20\n0.9,0.12\n"
ROW = "            {layer}         [-1, {shape}]             {count}\n"
HEAD = "-" * 64 + "\n        Layer (type)               Output Shape         Param #\n" + "=" * 64 + "\n"
TABLE = (
    HEAD
    + ROW.format(layer="Conv2d-1", shape="8, 56, 56", count="{conv}")
    + ROW.format(layer="ReLU-2", shape="8, 56, 56", count=0)
    + ROW.format(layer="AdaptiveAvgPool2d-3", shape="8, 1, 1", count=0)
    + ROW.format(layer="Flatten-4", shape="8", count=0)
    + ROW.format(layer="Linear-5", shape="11", count=99)
    + "=" * 64
    + "\nTotal params: {total}\nTrainable params: {total}\nNon-trainable params: 0\n"
)
SUMMARIES = (
    TABLE.format(conv=224, total=323),
    TABLE.format(conv=448, total=323),
    TABLE.format(conv=448, total="87,907"),
    "Total params: 5,000",
    "my model has 323 parameters in all",
    "I could not run torchsummary.",
    "Total params: 322\nTotal params: 323\nTotal params: 324\nTotal params: 325\nTotal params: 326\n",
)
ANSWER_VARIANTS = (
    ANSWERS,
    '{"2.2": "harder", "3.2": "yes"}',
    '{"2.2": "softer"}',
    '{"2.2": "a smoother one, I think", "3.2": "No."}',
    '{"2.2": null, "3.2": 7}',
)
MODELS = (
    "a LightningModule",
    "twelve classes",
    "a dict of outputs as transformers do",
    "the class without its brackets",
    "channels that do not meet",
    "super().__init__() forgotten",
    "a generic class of Python 3.12",
    "a type statement of Python 3.12",
    "everything frozen",
    "a method called get_student_model, nothing else",
    "traced by torch.jit.trace",
    "a script that trains the very object it returns",
    "a search for the best width that trains each",
    "it insists on a GPU",
    "the first layers of a network trained on ImageNet",
)
LOSSES = (
    "a KLDivLoss object and a CrossEntropyLoss object, made once",
    "functools.partial and torch.distributions",
    "the loss of a notebook with training behind it",
    "temperature first, under names that say nothing",
    "KL(p||q) as the text writes it",
    "softmax into KLDivLoss",
    "KLDivLoss() with its default",
    "alpha on the hard term",
    "no square",
    "label smoothing",
    "dim=0",
    ".item() at the end",
    "Caruana's regression on logits",
    "Hinton's cross entropy with soft targets",
    "pass",
    "raise NotImplementedError",
    "return loss, which nobody made",
    "cross entropy alone, weighed",
    "epsilon of 1e-4 inside both logarithms",
    "clamp(min=1e-3) on the student's probabilities",
    "int(temperature)",
    "a dict with the total",
    "a tuple, total last",
    "alpha = 0.5 and temperature = 1.0 written into the code as the page says",
    "the parameters overwritten in the body",
    "alpha or 0.5, temperature or 1.0",
    "the KL term is divided by the number of classes twice over",
    "the weight is alpha squared on the soft term",
    "labels and teacher exchanged by position, nothing named",
    "quotes inside quotes, as Python 3.12 allows",
    "the arguments of kl_div exchanged",
    "the teacher's logits as they are",
    "the teacher's logits as they are, averaged over all elements",
    "the student's logits as they are",
    "probabilities divided by the temperature",
    "NaN in the hard term alone",
    "direction exchanged and no logarithm",
    "no square, and the temperature first under a name that says nothing",
    "alpha weighs both terms",
    "a weight of the hard term under a name of its own",
    "a method of a trainer",
)
"""Titles of entries of the old collection: each has a verdict, points or a message that no earlier one has."""


def picture(size: tuple[int, int] = (320, 240)) -> tuple[str, bytes]:
    """A small plot of a falling curve."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.line([(30, 10), (30, height - 20), (width - 10, height - 20)], fill="black")
    draw.line([(30, 40), (width // 2, 60), (width - 60, height - 60), (width - 20, height - 30)], fill="blue", width=2)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return "curve.png", data.getvalue()


def weights() -> tuple[str, bytes]:
    """Weights of `MODEL`, as training might have made them."""
    import torch
    from safetensors.torch import save

    torch.manual_seed(0)
    shapes = {"features.0.weight": (8, 3, 3, 3), "features.0.bias": (8,), "head.weight": (11, 8), "head.bias": (11,)}
    return "weights.safetensors", save({name: 0.2 * torch.randn(shape) for name, shape in shapes.items()})


def model_that(line: str) -> str:
    """The model whose entry point does something else first. Intake would leave such a line out at the top level."""
    return MODEL.replace("    return StudentNet()", f"    {line}\n    return StudentNet()")
