import torch


def k_means_quantize(tensor, bits=4, codebook=None):
    if codebook is None:
        values = tensor.flatten().clone()
        centroids = torch.quantile(values, (torch.arange(2**bits) + 0.5) / 2**bits)
        for _ in range(200):
            labels = (values[:, None] - centroids[None]).abs().argmin(dim=1)
            means = [values[labels == k].mean() if (labels == k).any() else centroids[k] for k in range(2**bits)]
            centroids = torch.stack(means)
        labels = (values[:, None] - centroids[None]).abs().argmin(dim=1)
        codebook = Codebook(centroids, labels)
    tensor.copy_(codebook.centroids[codebook.labels].reshape(tensor.shape))
    return codebook
