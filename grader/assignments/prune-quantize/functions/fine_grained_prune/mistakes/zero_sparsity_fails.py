"""
en: With a sparsity of 0 there is no element to prune, and `kthvalue(0)` raises an error. Return a mask of ones in
    that case.
zh-Hant: 稀疏度為 0 時沒有元素要剪除，而 `kthvalue(0)` 會拋出錯誤；這時請回傳全為一的遮罩。
points: 1
"""


def fine_grained_prune(tensor, sparsity):
    importance = tensor.abs()
    threshold = importance.flatten().kthvalue(round(tensor.numel() * sparsity)).values
    mask = importance > threshold
    tensor.mul_(mask)
    return mask
