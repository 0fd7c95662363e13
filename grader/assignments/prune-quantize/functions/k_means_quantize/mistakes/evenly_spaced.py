"""
en: The centroids are evenly spaced between the smallest and the largest value, which is linear quantization. Let
    k-means place them.
zh-Hant: 群心平均分布在最小值與最大值之間，這是線性量化；群心應由 k-means 決定。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        centroids = torch.linspace(fp32_tensor.min().item(), fp32_tensor.max().item(), 2**bitwidth)
        labels = (fp32_tensor.view(-1, 1) - centroids.view(1, -1)).abs().argmin(dim=1)
        codebook = Codebook(centroids, labels)
    fp32_tensor.copy_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return codebook
