"""Honest code works inside the sandbox, and code that cannot work gets a message that says why."""

from __future__ import annotations

from textwrap import dedent

import pytest

from grader.evidence import Outcome, Wanted
from grader.sandbox.policy import default
from grader.sandbox.replies import Reply
from grader.sandbox.supervisor import Sandbox
from tests.hostile.children import run_source

WORKS = {
    "optimizers": """
        import torch
        for make in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.LBFGS):
            model = torch.nn.Linear(4, 2)
            optimizer = make(model.parameters(), lr=0.01)
            before = model.weight.detach().clone()
            def closure():
                optimizer.zero_grad()
                loss = model(torch.ones(3, 4)).square().sum()
                loss.backward()
                return loss
            optimizer.step(closure)
            assert not torch.equal(before, model.weight), make
        """,
    "schedulers": """
        import torch
        optimizer = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=1.0)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
        for _ in range(10):
            optimizer.step()
            scheduler.step()
        assert optimizer.param_groups[0]["lr"] < 1e-6
        """,
    "hooks": """
        import torch
        seen = []
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
        model[0].register_forward_hook(lambda module, args, output: seen.append("forward"))
        model[0].register_full_backward_hook(lambda module, grad_in, grad_out: seen.append("backward"))
        model(torch.ones(1, 2, requires_grad=True)).sum().backward()
        assert seen == ["forward", "backward"]
        """,
    "torch.jit.script": """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                if x.sum() > 0:
                    return x * 2
                return x
        assert torch.jit.script(Net())(torch.ones(2)).tolist() == [2, 2]
        assert torch.jit.trace(torch.nn.Linear(2, 1), torch.ones(1, 2))(torch.ones(1, 2)).shape == (1, 1)
        """,
    "torch.fx": """
        import torch
        traced = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
        assert traced(torch.ones(1, 2)).shape == (1, 2)
        assert "relu" in traced.code.lower() or "_1" in traced.code
        """,
    "vmap and functorch": """
        import torch
        from torch.func import functional_call, grad, jacrev, vmap
        assert vmap(lambda x: x.sum())(torch.ones(3, 4)).tolist() == [4, 4, 4]
        assert grad(lambda x: (x ** 3).sum())(torch.tensor(2.0)) == 12
        assert jacrev(lambda x: x ** 2)(torch.ones(2)).shape == (2, 2)
        model = torch.nn.Linear(2, 1)
        assert functional_call(model, dict(model.named_parameters()), torch.ones(1, 2)).shape == (1, 1)
        """,
    "autocast": """
        import torch
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.nn.Linear(4, 4)(torch.ones(1, 4)).dtype == torch.bfloat16
        """,
    "export": """
        import io, torch
        program = torch.export.export(torch.nn.Linear(2, 1), (torch.ones(1, 2),))
        assert program.module()(torch.ones(1, 2)).shape == (1, 1)
        """,
    "numpy": """
        import numpy as np
        matrix = np.random.default_rng(0).standard_normal((20, 20))
        assert np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(20), atol=1e-6)
        assert np.fft.ifft(np.fft.fft(matrix)).real.shape == (20, 20)
        """,
    "PIL": """
        import io
        from PIL import Image, ImageFilter
        file = io.BytesIO()
        Image.new("RGB", (32, 32), "red").resize((16, 16)).filter(ImageFilter.BLUR).save(file, "PNG")
        assert Image.open(io.BytesIO(file.getvalue())).size == (16, 16)
        """,
    "torchvision models": """
        import torch, torchvision
        model = torchvision.models.mobilenet_v3_small(weights=None, num_classes=11).eval()
        assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 11)
        assert torchvision.models.resnet18(num_classes=11).fc.out_features == 11
        """,
    "torchvision transforms": """
        import torch
        from PIL import Image
        from torchvision import transforms
        from torchvision.transforms import v2
        steps = transforms.Compose([
            transforms.Resize(40), transforms.CenterCrop(32), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ])
        assert steps(Image.new("RGB", (64, 48))).shape == (3, 32, 32)
        assert v2.RandomResizedCrop(16)(torch.zeros(3, 32, 32)).shape == (3, 16, 16)
        """,
    "torchinfo": """
        import torch, torchinfo
        assert torchinfo.summary(torch.nn.Linear(4, 2), (1, 4), verbose=1).total_params == 10
        """,
    "inspect.getsource": """
        import inspect, torch
        class Net(torch.nn.Module):
            def forward(self, x):
                return x + 41
        assert "x + 41" in inspect.getsource(Net)
        assert "x + 41" in inspect.getsource(Net.forward)
        """,
    "a page of prints": """
        import logging, sys, torch
        for line in range(60):
            print(line, torch.zeros(3))
        print("to the other stream", file=sys.stderr)
        logging.getLogger().warning("a warning")
        """,
    "weight_norm": """
        import torch
        from torch.nn.utils import parametrizations, prune
        model = parametrizations.weight_norm(torch.nn.Conv2d(3, 8, 3))
        assert model(torch.zeros(1, 3, 8, 8)).shape == (1, 8, 6, 6)
        parametrizations.spectral_norm(torch.nn.Linear(4, 4))
        pruned = torch.nn.Conv2d(3, 8, 3)
        prune.l1_unstructured(pruned, "weight", amount=0.5)
        assert int((pruned.weight == 0).sum()) == 108
        """,
    "lazy layers": """
        import torch
        model = torch.nn.Sequential(torch.nn.LazyConv2d(8, 3), torch.nn.LazyBatchNorm2d(), torch.nn.Flatten(),
                                    torch.nn.LazyLinear(11))
        assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 11)
        """,
    "two threads": """
        import torch
        from concurrent.futures import ThreadPoolExecutor
        torch.set_num_threads(2)
        assert torch.get_num_threads() == 2
        wide = torch.ones(512, 512)
        assert (wide @ wide)[0, 0] == 512
        pictures = torch.ones(2, 16, 64, 64, requires_grad=True)
        torch.nn.functional.conv2d(pictures, torch.ones(16, 16, 3, 3)).sum().backward()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda n: n * n, range(4))) == [0, 1, 4, 9]
        """,
    "checkpoints in memory": """
        import io, torch
        file = io.BytesIO()
        model = torch.nn.Linear(4, 2)
        torch.save(model.state_dict(), file)
        file.seek(0)
        assert str(model.load_state_dict(torch.load(file))) == "<All keys matched successfully>"
        """,
    "a data loader without workers": """
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        loader = DataLoader(TensorDataset(torch.arange(10)), batch_size=4, shuffle=True)
        assert sorted(int(n) for (batch,) in loader for n in batch) == list(range(10))
        """,
    "attention and recurrence": """
        import torch
        assert torch.nn.TransformerEncoderLayer(8, 2, batch_first=True)(torch.zeros(2, 3, 8)).shape == (2, 3, 8)
        assert torch.nn.LSTM(4, 8)(torch.zeros(5, 2, 4))[0].shape == (5, 2, 8)
        """,
    "random numbers": """
        import random, numpy, torch
        torch.manual_seed(1)
        first = torch.rand(3)
        torch.manual_seed(1)
        assert torch.equal(first, torch.rand(3))
        random.random(), numpy.random.rand(2)
        """,
}

CANNOT: dict[str, tuple[str, Outcome, str, Wanted | None]] = {
    "a subprocess": ("import subprocess\nsubprocess.run(['ls'])", Outcome.FORBIDDEN, "not permitted", Wanted.PROCESS),
    "a fork": ("import os\nos.fork()", Outcome.FORBIDDEN, "not permitted", Wanted.PROCESS),
    "a pool of processes": (
        "import multiprocessing\nmultiprocessing.Pool(2)",
        Outcome.FORBIDDEN,
        "not permitted",
        Wanted.PROCESS,
    ),
    "workers of a data loader": (
        "import torch\nfrom torch.utils.data import DataLoader\nlist(DataLoader([1, 2], num_workers=2))",
        Outcome.FORBIDDEN,
        "not permitted",
        Wanted.WORKERS,
    ),
    "the network": (
        "import socket\nsocket.create_connection(('192.0.2.1', 80))",
        Outcome.FORBIDDEN,
        "not permitted",
        Wanted.NETWORK,
    ),
    "a download": (
        "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/')",
        Outcome.ERROR,
        "not permitted",
        Wanted.DOWNLOAD,
    ),
    "pretrained weights": (
        "import torchvision\ntorchvision.models.resnet18(weights='DEFAULT')",
        Outcome.FORBIDDEN,
        "not permitted",
        Wanted.DOWNLOAD,
    ),
    "writing a file": ("open('model.txt', 'w')", Outcome.FORBIDDEN, "Read-only file system", Wanted.FILE_WRITTEN),
    "making a folder": ("import os\nos.makedirs('checkpoints')", Outcome.FORBIDDEN, "permitted", Wanted.FILE_WRITTEN),
    "saving weights": (
        "import torch\ntorch.save({}, 'model.pt')",
        Outcome.ERROR,
        "Read-only file system",
        Wanted.FILE_WRITTEN,
    ),
    "loading weights": ("import torch\ntorch.load('model.pt')", Outcome.ERROR, "No such file", Wanted.FILE_READ),
    "reading a file": ("open('/etc/passwd')", Outcome.FORBIDDEN, "Permission denied", Wanted.FILE_READ),
    "a graphics card": ("import torch\ntorch.ones(1).cuda()", Outcome.ERROR, "CUDA", Wanted.GPU),
    "a question": ("input()", Outcome.ERROR, "EOF", None),
    "a data set that is not there": (
        "from torch.utils.data import DataLoader\n"
        "class Photos(list):\n    __getitem__ = lambda self, i: open('photo.jpg')\n"
        "list(DataLoader(Photos([1, 2])))",
        Outcome.ERROR,
        "No such file",
        Wanted.FILE_READ,
    ),
}


def run(sandbox: Sandbox, source: str) -> tuple[Reply, str]:
    limits = default().limits.override({"wall_seconds": 60, "cpu_seconds": 30})
    with sandbox.child(limits) as child:
        reply = run_source(child, dedent(source))
        return reply, child.stdout


@pytest.mark.parametrize("name", WORKS)
def test_it_works(name: str, sandbox: Sandbox) -> None:
    reply, printed = run(sandbox, WORKS[name])
    assert reply.outcome is Outcome.OK, (reply.error, reply.limit)
    assert name != "a page of prints" or printed.count("tensor(") == 60


@pytest.mark.parametrize("name", CANNOT)
def test_it_cannot_work_and_says_so(name: str, sandbox: Sandbox) -> None:
    source, outcome, message, expected = CANNOT[name]
    reply, _ = run(sandbox, source)
    assert reply.outcome is outcome
    assert reply.error is not None
    assert message in reply.error.message
    assert reply.error.wanted is expected
    if name != "a data set that is not there":
        assert reply.error.line == source.count("\n") + 1
        assert reply.error.source == source.splitlines()[-1]
