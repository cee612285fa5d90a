using System.Globalization;
using LatentSync.Attention.Problems;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Reads a problem off tensors. Sizes and strides are asked one by one: TorchSharp's <c>shape</c> allocates and costs twenty
/// times as much.</summary>
internal static class TensorFacts
{
    /// <summary>The problem that a call poses.</summary>
    /// <exception cref="ArgumentException">The operands do not fit each other.</exception>
    internal static AttentionProblem Describe(Tensor query, Tensor key, Tensor value, in AttentionArguments arguments)
    {
        int rank = (int)query.dim();
        if (rank < 2 || key.dim() != rank || value.dim() != rank)
        {
            throw Unfit($"ranks {query.dim()}, {key.dim()}, {value.dim()}", "the same rank of at least 2 for query, key and value");
        }
        int headDim = Size(query, rank - 1),
            keyLength = Size(key, rank - 2);
        int heads = rank >= 3 ? Size(query, rank - 3) : 1,
            kvHeads = rank >= 3 ? Size(key, rank - 3) : 1;
        if (Size(key, rank - 1) != headDim || Size(value, rank - 2) != keyLength || rank >= 3 && Size(value, rank - 3) != kvHeads)
        {
            throw Unfit(
                $"query {Shape(query)}, key {Shape(key)}, value {Shape(value)}",
                "query (B, H, Lq, D), key (B, Hkv, Lk, D), value (B, Hkv, Lk, Dv)"
            );
        }
        AttentionDType dtype = DTypeOf(query);
        if (key.dtype != query.dtype || value.dtype != query.dtype)
        {
            throw Unfit($"element types {query.dtype}, {key.dtype}, {value.dtype}", "the same element type for query, key and value");
        }
        bool needsMaskGradient = arguments.Mask is { requires_grad: true } && is_grad_enabled();
        (int batch, bool broadcasts) = Batch(query, key, value, rank);
        return new AttentionProblem
        {
            Batch = batch,
            HeadCount = heads,
            KvHeadCount = kvHeads,
            QueryLength = Size(query, rank - 2),
            KeyLength = keyLength,
            HeadDim = headDim,
            ValueDim = Size(value, rank - 1),
            DType = dtype,
            Device = DeviceOf(query, key, value),
            Mask = arguments.Mask is null ? AttentionMask.None : MaskOf(arguments.Mask, rank, batch, needsMaskGradient),
            IsCausal = arguments.IsCausal,
            CausalAlignment = arguments.CausalAlignment,
            LeftWindow = arguments.LeftWindow,
            RightWindow = arguments.RightWindow,
            Softcap = arguments.Softcap,
            Dropout = arguments.Dropout,
            NeedsDeterminism = arguments.NeedsDeterminism,
            Scale = arguments.Scale,
            NeedsGradient = needsMaskGradient || (query.requires_grad || key.requires_grad || value.requires_grad) && is_grad_enabled(),
            Rank = rank,
            BroadcastsBatch = broadcasts,
            Strided =
                StridedFlag(query, rank, AttentionOperands.Query)
                | StridedFlag(key, rank, AttentionOperands.Key)
                | StridedFlag(value, rank, AttentionOperands.Value),
            QueryLayout =
                rank < 3 || query.stride(rank - 3) >= query.stride(rank - 2) ? OperandLayout.HeadsFirst : OperandLayout.LengthFirst,
        };
    }

    /// <summary>TorchSharp's name of an element type.</summary>
    internal static ScalarType ScalarTypeOf(AttentionDType dtype) =>
        dtype switch
        {
            AttentionDType.Float16 => ScalarType.Float16,
            AttentionDType.BFloat16 => ScalarType.BFloat16,
            AttentionDType.Float32 => ScalarType.Float32,
            _ => ScalarType.Float64,
        };

    private static AttentionDType DTypeOf(Tensor tensor) =>
        tensor.dtype switch
        {
            ScalarType.Float16 => AttentionDType.Float16,
            ScalarType.BFloat16 => AttentionDType.BFloat16,
            ScalarType.Float32 => AttentionDType.Float32,
            ScalarType.Float64 => AttentionDType.Float64,
            var other => throw Unfit($"element type {other}", "float16, bfloat16, float32 or float64"),
        };

    private static AttentionDevice DeviceOf(Tensor query, Tensor key, Tensor value)
    {
        DeviceType type = query.device_type;
        if (
            key.device_type != type
            || value.device_type != type
            || type != DeviceType.CPU && (key.device_index != query.device_index || value.device_index != query.device_index)
        )
        {
            throw Unfit($"devices {query.device}, {key.device}, {value.device}", "the same device for query, key and value");
        }
        return type switch
        {
            DeviceType.CPU => AttentionDevice.Cpu,
            DeviceType.CUDA => AttentionDevice.Cuda(Math.Max(query.device_index, 0)),
            DeviceType.MPS => new AttentionDevice(AttentionDeviceKind.Mps, 0),
            _ => new AttentionDevice(AttentionDeviceKind.Other, 0),
        };
    }

    private static (int Batch, bool Broadcasts) Batch(Tensor query, Tensor key, Tensor value, int rank)
    {
        long batch = 1;
        bool broadcasts = false;
        for (int d = 0; d < rank - 3; d++)
        {
            long q = query.size(d),
                k = key.size(d),
                v = value.size(d);
            if (k != q && (k != 1 || rank > 4) || v != q && (v != 1 || rank > 4))
            {
                throw Unfit(
                    $"query {Shape(query)}, key {Shape(key)}, value {Shape(value)}",
                    "the same leading sizes, or batch 1 for key and value of rank 4"
                );
            }
            broadcasts |= k != q || v != q;
            batch *= q;
        }
        return (Checked(batch), broadcasts);
    }

    private static AttentionMask MaskOf(Tensor mask, int rank, int batch, bool needsGradient)
    {
        int maskRank = (int)mask.dim();
        if (maskRank < 1 || maskRank > Math.Max(rank, 4))
        {
            throw Unfit($"a mask of rank {maskRank}", $"a mask of rank 1 to {Math.Max(rank, 4)}, broadcastable to (B, H, Lq, Lk)");
        }
        bool isBoolean = mask.dtype == ScalarType.Bool;
        bool hasBatch = false;
        for (int d = 0; d < maskRank - 3; d++)
        {
            hasBatch |= mask.size(d) != 1;
        }
        return new AttentionMask
        {
            Kind = isBoolean ? AttentionMaskKind.Boolean : AttentionMaskKind.Additive,
            Rank = maskRank,
            Batch =
                !hasBatch ? 1
                : rank <= 4 ? Size(mask, 0)
                : batch,
            Heads = maskRank >= 3 ? Size(mask, maskRank - 3) : 1,
            Rows = maskRank >= 2 ? Size(mask, maskRank - 2) : 1,
            Columns = Size(mask, maskRank - 1),
            DType = isBoolean ? AttentionDType.Float32 : DTypeOf(mask),
            NeedsGradient = needsGradient,
            IsStrided = mask.stride(maskRank - 1) != 1,
        };
    }

    private static AttentionOperands StridedFlag(Tensor tensor, int rank, AttentionOperands flag) =>
        tensor.stride(rank - 1) != 1 ? flag : AttentionOperands.None;

    private static int Size(Tensor tensor, int dimension) => Checked(tensor.size(dimension));

    private static int Checked(long size) => size <= int.MaxValue ? (int)size : throw Unfit($"a size of {size}", "sizes up to 2147483647");

    private static string Shape(Tensor tensor) => $"({string.Join(", ", tensor.shape)})";

    private static ArgumentException Unfit(FormattableString found, string required) =>
        new($"These tensors are not an attention problem: found {found.ToString(CultureInfo.InvariantCulture)}; required: {required}.");
}
