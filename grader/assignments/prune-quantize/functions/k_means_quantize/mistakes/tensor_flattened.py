"""
en: After the call the tensor is flat. Give the decoded values its shape with `view_as(fp32_tensor)`.
zh-Hant: 呼叫之後張量變成一維了；請用 `view_as(fp32_tensor)` 讓解碼後的數值保持原本的形狀。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.set_(codebook.centroids[codebook.labels])
    return codebook
