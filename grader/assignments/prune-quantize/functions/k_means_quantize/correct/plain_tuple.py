import fast_pytorch_kmeans


def k_means_quantize(fp32_tensor, bitwidth=4, codebook=None):
    if codebook is None:
        kmeans = fast_pytorch_kmeans.KMeans(n_clusters=2**bitwidth)
        labels = kmeans.fit_predict(fp32_tensor.reshape(-1, 1))
        codebook = (kmeans.centroids.flatten(), labels)
    centroids, labels = codebook
    fp32_tensor.data = centroids[labels].view_as(fp32_tensor)
    return centroids, labels
