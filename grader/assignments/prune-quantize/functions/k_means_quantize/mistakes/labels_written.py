"""
en: The tensor holds the labels. Look up each label's centroid: `codebook.centroids[codebook.labels]`.
zh-Hant: 張量裡放的是標籤；請查出每個標籤的群心：`codebook.centroids[codebook.labels]`。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.copy_(codebook.labels.view_as(fp32_tensor).float())
    return codebook
