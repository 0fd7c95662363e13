"""
en: A codebook that is passed in is ignored, and the tensor is clustered again. Cluster only where `codebook is
    None`.
zh-Hant: 傳入的 codebook 被忽略，張量又重新分群了；只有在 `codebook is None` 時才需要分群。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
    labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
    codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.copy_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return codebook
