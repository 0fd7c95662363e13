"""
en: The function returns the quantized tensor. It should return the codebook, the centroids and the labels.
zh-Hant: 函式回傳的是量化後的張量；應回傳 codebook，也就是群心與標籤。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.copy_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return fp32_tensor
