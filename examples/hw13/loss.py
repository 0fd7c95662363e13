def loss_fn_kd(student_logits, teacher_logits, y_a, y_b=None, lam=0, alpha=0.3, temperature=2.0):
    student = F.softmax(student_logits / temperature, dim=1)
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = nn.KLDivLoss(reduction="batchmean")(student, teacher)

    cross_entropy = nn.CrossEntropyLoss()
    if cfg["MIXUP"] and y_b is not None:
        hard = mixup_criterion(cross_entropy, student_logits, y_a, y_b, lam)
    else:
        hard = cross_entropy(student_logits, y_a)

    return alpha * temperature**2 * soft + (1 - alpha) * hard
