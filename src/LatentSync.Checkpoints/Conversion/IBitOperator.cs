using System.Numerics;

namespace LatentSync.Checkpoints.Conversion;

/// <summary>One float format turned into another, both held in 32-bit lanes; the same formula on one lane and on a vector of
/// them.</summary>
internal interface IBitOperator
{
    static abstract uint Apply(uint bits);

    static abstract Vector<uint> Apply(Vector<uint> bits);
}
