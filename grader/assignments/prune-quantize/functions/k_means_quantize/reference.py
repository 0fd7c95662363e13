def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    """Replace each element by its cluster's centroid, in place; ``2 ** bitwidth`` clusters. Return the codebook."""
    if codebook is None:
        kmeans = KMeans(n_clusters=2**bitwidth, mode="euclidean", verbose=0)
        labels = kmeans.fit_predict(fp32_tensor.view(-1, 1)).to(torch.long)
        codebook = Codebook(kmeans.centroids.to(torch.float).view(-1), labels)
    fp32_tensor.copy_(codebook.centroids[codebook.labels].view_as(fp32_tensor))
    return codebook
