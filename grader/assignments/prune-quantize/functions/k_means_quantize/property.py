"""Clusters depend on where k-means begins, so every result that k-means can reach is right."""

SLACK = 0.05
"""Share of the tensor's deviation by which a centroid may miss the mean of its elements: k-means stops early."""


FAR = 0.6
"""Share of the tensor's variance: two clusters of normal numbers leave 0.36 of it."""


def accepts_result(inputs, output):
    codebook, tensor = output.result, inputs["fp32_tensor"].flatten()
    if not (isinstance(codebook, tuple) and len(codebook) == 2 and all(map(torch.is_tensor, codebook))):
        return {
            "en": "The result should be a codebook: the tensor of centroids and the tensor of labels.",
            "zh-Hant": "結果應是 codebook，也就是群心張量與標籤張量。",
        }
    centroids, labels = codebook[0].flatten().float(), codebook[1].flatten()
    given = inputs.get("codebook")
    if given is not None:
        same = centroids.shape == given[0].shape and bool(torch.isclose(centroids, given[0]).all())
        if same and labels.shape == given[1].shape and bool((labels == given[1]).all()):
            return None
        return {
            "en": "With a codebook given, that codebook should be used and returned; nothing is clustered again.",
            "zh-Hant": "若有傳入 codebook，就應使用並回傳它，不必重新分群。",
        }
    clusters = 2 ** inputs.get("bitwidth", 4)
    if len(centroids) != clusters:
        return {
            "en": f"There should be {clusters} centroids, 2 to the power of the bit width; there are {len(centroids)}.",
            "zh-Hant": f"應有 {clusters} 個群心（2 的位元數次方），實際有 {len(centroids)} 個。",
        }
    if len(labels) != len(tensor) or labels.is_floating_point() or labels.min() < 0 or labels.max() >= clusters:
        return {
            "en": "There should be one label for each element: the index of its centroid.",
            "zh-Hant": "每個元素應有一個標籤，也就是它的群心的編號。",
        }
    distance = (tensor - centroids[labels.long()]).abs()
    nearest = (tensor[:, None] - centroids[None]).abs().min(dim=1).values
    slack = SLACK * tensor.std()
    if (distance > nearest + slack).any():
        return {
            "en": "Some elements do not belong to the nearest centroid.",
            "zh-Hant": "有些元素沒有分到最近的群心。",
        }
    for cluster in labels.unique():
        if (tensor[labels == cluster].mean() - centroids[cluster]).abs() > slack:
            return {
                "en": "Some centroids are not the mean of their elements: these are not clusters of k-means.",
                "zh-Hant": "有些群心不是其元素的平均，這不是 k-means 的結果。",
            }
    return None


def accepts_arguments(inputs, output):
    tensor = output.arguments["fp32_tensor"]
    if tensor.shape != inputs["fp32_tensor"].shape:
        return {
            "en": "The tensor has another shape after the call: give the decoded values its shape with `view_as`.",
            "zh-Hant": "呼叫之後張量的形狀變了：請用 `view_as` 讓解碼後的數值保持原本的形狀。",
        }
    codebook = inputs.get("codebook") or output.result
    if not (isinstance(codebook, tuple) and len(codebook) == 2 and all(map(torch.is_tensor, codebook))):
        unchanged = bool((tensor == inputs["fp32_tensor"]).all())
        return "The tensor does not change." if unchanged else None
    centroids, labels = codebook[0].flatten(), codebook[1].flatten().long()
    if len(labels) != tensor.numel() or labels.min() < 0 or labels.max() >= len(centroids):
        return "The labels do not fit the tensor."
    if not torch.allclose(tensor.flatten(), centroids[labels].float(), atol=1e-5):
        return {
            "en": "After the call, each element of the tensor should be the centroid of its label.",
            "zh-Hant": "呼叫之後，張量的每個元素都應是其標籤對應的群心。",
        }
    before = inputs["fp32_tensor"]
    if inputs.get("codebook") is None and (tensor - before).square().mean() > FAR * before.var():
        return {
            "en": "After the call, the tensor has little to do with its former values: use their own centroids.",
            "zh-Hant": "呼叫之後，張量與原本的數值相去甚遠：請使用它們自己的群心。",
        }
    return None
