namespace LatentSync.Checkpoints.PyTorch;

/// <summary>What a permitted name stands for.</summary>
internal enum TorchCallable
{
    /// <summary>Not to be called: a type or dtype that is only mentioned.</summary>
    None,

    /// <summary>A storage class, mentioned in persistent ids.</summary>
    Storage,

    /// <summary>A tensor class, mentioned as an argument of <see cref="RebuildFromType"/>.</summary>
    TensorClass,

    /// <summary>collections.OrderedDict([(key, value), ...]).</summary>
    OrderedDictionary,

    /// <summary>torch.Size((sizes)).</summary>
    Size,

    /// <summary>torch.device(type, index).</summary>
    Device,

    /// <summary>_codecs.encode(text, "latin1"): how protocol 2 writes bytes.</summary>
    Encode,

    /// <summary>torch._utils._rebuild_tensor(storage, offset, size, stride).</summary>
    RebuildTensor,

    /// <summary>torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata).</summary>
    RebuildTensorV2,

    /// <summary>torch._utils._rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata).</summary>
    RebuildTensorV3,

    /// <summary>torch._utils._rebuild_parameter(tensor, requires_grad, hooks[, state]).</summary>
    RebuildParameter,

    /// <summary>torch._tensor._rebuild_from_type_v2(function, class, arguments, state).</summary>
    RebuildFromType,
}
