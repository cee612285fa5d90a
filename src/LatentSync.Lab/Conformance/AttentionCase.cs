using LatentSync.Attention.Torch.Operators;
using LatentSync.Checkpoints;

namespace LatentSync.Lab.Conformance;

/// <summary>A tensor as a case lists it.</summary>
/// <param name="Name">"Q", "attn_mask", "Y", ...</param>
/// <param name="ElementType">Stored type.</param>
/// <param name="Shape">Sizes.</param>
public sealed record CaseTensor(string Name, TensorElementType ElementType, IReadOnlyList<long> Shape);

/// <summary>One case of the ONNX operator <c>Attention</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ArrayFile">Full path of the .safetensors file with all its tensors.</param>
/// <param name="Attributes">Attributes of the node.</param>
/// <param name="Inputs">Listed inputs.</param>
/// <param name="Outputs">Listed outputs; at least one.</param>
/// <param name="Atol">Absolute tolerance; null where the case states none.</param>
/// <param name="Rtol">Tolerance relative to the expected value; null where the case states none.</param>
public sealed record AttentionCase(
    string Name,
    string ArrayFile,
    OnnxAttentionAttributes Attributes,
    IReadOnlyList<CaseTensor> Inputs,
    IReadOnlyList<CaseTensor> Outputs,
    double? Atol,
    double? Rtol
);
