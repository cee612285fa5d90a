using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>What a call does to its scores, and the numbers that the softmax needs for it.</summary>
internal readonly unsafe struct ScorePlan
{
    /// <summary>Scales below this are multiplied by, power of two or not: the exponents stay within the type.</summary>
    private const double LeastExponentScale = 1.0 / (1 << 20);

    /// <summary>Scores get more than the scale (softcap, ALiBi, mask), or a scale that is not a positive normal number. They are finished
    /// before the maximum is taken; otherwise they are scaled while they become weights.</summary>
    internal required bool Modifies { get; init; }

    /// <summary>Causal or windowed: a query sees the keys from one index to another.</summary>
    internal required bool HasBounds { get; init; }

    /// <summary>Weights are dropped.</summary>
    internal required bool HasDropout { get; init; }

    /// <summary>A mask or bounds may hide keys: what these and their values hold, NaN included, must not reach any result.</summary>
    internal required bool MayHideKeys { get; init; }

    /// <summary>Factor on the scores before the maximum is subtracted: the problem's scale in the type of the computation, so that the
    /// product is rounded as plain code rounds it. 1 where the scores are modified, and where <see cref="ExponentScale"/> holds the
    /// scale.</summary>
    internal required double ScoreScale { get; init; }

    /// <summary>The problem's scale where it is a power of two, which rounds nothing: as a factor of the exponent it costs nothing.
    /// Otherwise 1.</summary>
    internal required double ExponentScale { get; init; }

    /// <summary>Weights are 2^-headroom of their value, so that the sum of all values times weights has room in the type, as in code that
    /// divides the weights by their sum first. Powers of two round nothing.</summary>
    internal required int Headroom { get; init; }

    /// <summary>Factor on the distance of a score from the maximum in the exponent of 2.</summary>
    internal double ExponentFactor => Exponential.Log2E * ExponentScale;

    /// <summary>Each lane needs its keys and its position: bounds, masks, slopes and dropout depend on them.</summary>
    internal bool NeedsLanes => Modifies || HasBounds || HasDropout;

    /// <summary>The plan of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="elementSize">Bytes of an element in the computation: 4 or 8.</param>
    internal static ScorePlan Of(in FlashCall call, int elementSize)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        double scale = problem.EffectiveScale;
        bool hasMask = call.Mask.Address != 0,
            hasBounds = problem.IsCausal || problem.HasWindow;
        bool modifies = problem.Softcap > 0 || hasMask || call.AlibiSlopes is not null || scale <= 0 || !float.IsNormal((float)scale);
        double exponentScale = !modifies && double.IsPow2(scale) && scale is >= LeastExponentScale and <= 1 ? scale : 1;
        return new ScorePlan
        {
            Modifies = modifies,
            HasBounds = hasBounds,
            HasDropout = problem.Dropout > 0,
            MayHideKeys = hasBounds || hasMask,
            ScoreScale =
                modifies || exponentScale != 1 ? 1
                : elementSize == sizeof(float) ? (float)scale
                : scale,
            ExponentScale = exponentScale,
            Headroom = 1 + (int)Math.Ceiling(Math.Log2(Math.Max(problem.KeyLength, 1) / (1 - problem.Dropout))),
        };
    }

    /// <summary>A row's logsumexp.</summary>
    /// <param name="maximum">Its largest score, times <see cref="ScoreScale"/>.</param>
    /// <param name="sum">The sum of its weights.</param>
    internal double LogSumExp(double maximum, double sum) =>
        sum == 0 ? double.NegativeInfinity : maximum * ExponentScale + (Math.Log(sum) + Headroom * Exponential.Ln2);
}
