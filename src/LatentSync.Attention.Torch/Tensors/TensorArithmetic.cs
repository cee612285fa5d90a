using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tensors;

/// <summary>The arithmetic for which TorchSharp's operators make a scalar that native code may read after it is freed: see
/// <see cref="Scalars"/>.</summary>
/// <remarks>
/// TorchSharp's <c>a - b</c>, <c>a * b</c> and <c>a / b</c> of two tensors make none; its <c>a + b</c> does, for the factor of b. Every
/// method gives exactly what the operator gives, a new tensor.
/// </remarks>
public static class TensorArithmetic
{
    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, Scalars.One);

    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, double right) => left.add(Scalars.Of(right), Scalars.One);

    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, long right) => left.add(Scalars.Of(right), Scalars.One);

    /// <summary>left - right.</summary>
    public static Tensor Minus(this Tensor left, double right) => left.sub(Scalars.Of(right));

    /// <summary>left - right.</summary>
    public static Tensor Minus(this Tensor left, long right) => left.sub(Scalars.Of(right));

    /// <summary>left · right.</summary>
    public static Tensor Times(this Tensor left, double right) => left.mul(Scalars.Of(right));

    /// <summary>left · right.</summary>
    public static Tensor Times(this Tensor left, long right) => left.mul(Scalars.Of(right));

    /// <summary>left / right.</summary>
    public static Tensor Over(this Tensor left, double right) => left.div(Scalars.Of(right));

    /// <summary>left / right.</summary>
    public static Tensor Over(this Tensor left, long right) => left.div(Scalars.Of(right));

    /// <summary>start, start + step, ... as long as it is below stop: (⌈(stop - start) / step⌉).</summary>
    public static Tensor Range(long start, long stop, ScalarType dtype, Device? device = null, long step = 1) =>
        arange(Scalars.Of(start), Scalars.Of(stop), Scalars.Of(step), dtype, device);
}
