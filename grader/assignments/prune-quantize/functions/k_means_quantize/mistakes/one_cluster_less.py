"""
en: There is one cluster too few. With b bits, 2 to the power of b values can be told apart, and zero needs none of
    its own.
zh-Hant: 少了一群；b 個位元可以區分 2 的 b 次方個值，零不需要另外保留。
points: 1
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth - 1, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.copy_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return codebook
