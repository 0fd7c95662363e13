"""
en: The codebook is right, but the tensor that was passed in does not change. Write the decoded values into it, for
    example with `fp32_tensor.set_(...)` or `copy_`.
zh-Hant: codebook 正確，但傳入的張量沒有改變；請把解碼後的數值寫回去，例如用 `fp32_tensor.set_(...)` 或 `copy_`。
"""

import torch


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor = codebook.centroids[codebook.labels].view_as(fp32_tensor)
    return codebook
