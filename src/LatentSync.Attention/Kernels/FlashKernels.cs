using System.Runtime.Intrinsics;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels;

/// <summary>The managed kernels, in the widest vectors that this processor has. The user's settings count (DOTNET_EnableAVX512=0).</summary>
internal static class FlashKernels
{
    /// <summary>Attention.</summary>
    /// <param name="call">The call; checked.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most; null for all of the team.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Forward(in FlashCall call, IWorkTeam team, int? threads = null)
    {
        int most = Math.Min(threads ?? team.Size, team.Size);
        bool isDouble = call.Problem.DType == AttentionDType.Float64;
        if (Vector512.IsHardwareAccelerated)
        {
            if (isDouble)
            {
                FlashForward<Lanes512<double>, Vector512<double>, double>.Run(call, team, most);
            }
            else
            {
                FlashForward<Lanes512<float>, Vector512<float>, float>.Run(call, team, most);
            }
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            if (isDouble)
            {
                FlashForward<Lanes256<double>, Vector256<double>, double>.Run(call, team, most);
            }
            else
            {
                FlashForward<Lanes256<float>, Vector256<float>, float>.Run(call, team, most);
            }
        }
        else if (isDouble)
        {
            FlashForward<Lanes128<double>, Vector128<double>, double>.Run(call, team, most);
        }
        else
        {
            FlashForward<Lanes128<float>, Vector128<float>, float>.Run(call, team, most);
        }
    }

    /// <summary>Gradients of query, key and value.</summary>
    /// <param name="call">The call; checked. Its forward call has a logsumexp.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most; null for all of the team.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Backward(in FlashGradientCall call, IWorkTeam team, int? threads = null)
    {
        int most = Math.Min(threads ?? team.Size, team.Size);
        bool isDouble = call.Forward.Problem.DType == AttentionDType.Float64;
        if (Vector512.IsHardwareAccelerated)
        {
            if (isDouble)
            {
                FlashBackward<Lanes512<double>, Vector512<double>, double>.Run(call, team, most);
            }
            else
            {
                FlashBackward<Lanes512<float>, Vector512<float>, float>.Run(call, team, most);
            }
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            if (isDouble)
            {
                FlashBackward<Lanes256<double>, Vector256<double>, double>.Run(call, team, most);
            }
            else
            {
                FlashBackward<Lanes256<float>, Vector256<float>, float>.Run(call, team, most);
            }
        }
        else if (isDouble)
        {
            FlashBackward<Lanes128<double>, Vector128<double>, double>.Run(call, team, most);
        }
        else
        {
            FlashBackward<Lanes128<float>, Vector128<float>, float>.Run(call, team, most);
        }
    }
}
