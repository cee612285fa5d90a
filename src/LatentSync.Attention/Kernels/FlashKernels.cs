using System.Runtime.Intrinsics;
using LatentSync.Attention.Kernels.Backward;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Decode;
using LatentSync.Attention.Kernels.Forward;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels;

/// <summary>The managed kernels, in the widest vectors that this processor has and the user's settings allow
/// (DOTNET_EnableAVX512=0).</summary>
internal static class FlashKernels
{
    /// <summary>Attention.</summary>
    /// <param name="call">The call; checked.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most; null for all of the team.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Forward(in FlashCall call, IWorkTeam team, int? threads = null) =>
        RunWidest<FlashCall, ForwardKernel>(call, call.Problem.DType, team, threads);

    /// <summary>Gradients of query, key and value.</summary>
    /// <param name="call">The call; checked. Its forward call has a logsumexp.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most; null for all of the team.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Backward(in FlashGradientCall call, IWorkTeam team, int? threads = null) =>
        RunWidest<FlashGradientCall, BackwardKernel>(call, call.Forward.Problem.DType, team, threads);

    private static void RunWidest<TCall, TKernel>(in TCall call, AttentionDType dtype, IWorkTeam team, int? threads)
        where TKernel : struct, IKernel<TCall>
    {
        int most = Math.Min(threads ?? team.Size, team.Size);
        switch (Vector512.IsHardwareAccelerated, Vector256.IsHardwareAccelerated, dtype == AttentionDType.Float64)
        {
            case (true, _, false):
                TKernel.Run<Lanes512<float>, Vector512<float>, float>(call, team, most);
                break;
            case (true, _, true):
                TKernel.Run<Lanes512<double>, Vector512<double>, double>(call, team, most);
                break;
            case (_, true, false):
                TKernel.Run<Lanes256<float>, Vector256<float>, float>(call, team, most);
                break;
            case (_, true, true):
                TKernel.Run<Lanes256<double>, Vector256<double>, double>(call, team, most);
                break;
            case (_, _, false):
                TKernel.Run<Lanes128<float>, Vector128<float>, float>(call, team, most);
                break;
            default:
                TKernel.Run<Lanes128<double>, Vector128<double>, double>(call, team, most);
                break;
        }
    }

    /// <summary>A kernel for every instruction set and element type.</summary>
    /// <typeparam name="TCall">What it computes.</typeparam>
    private interface IKernel<TCall>
    {
        static abstract void Run<TLanes, TVector, T>(in TCall call, IWorkTeam team, int threads)
            where TLanes : ILanes<TVector, T>
            where TVector : struct
            where T : unmanaged;
    }

    /// <summary>Forward: decoding has a kernel of its own.</summary>
    private readonly struct ForwardKernel : IKernel<FlashCall>
    {
        public static void Run<TLanes, TVector, T>(in FlashCall call, IWorkTeam team, int threads)
            where TLanes : ILanes<TVector, T>
            where TVector : struct
            where T : unmanaged
        {
            VectorShape vectors = VectorShape.Of<TLanes, TVector, T>();
            var context = new FlashContext
            {
                Call = call,
                Plan = FlashPlan.Of(call, vectors, threads),
                Scores = ScorePlan.Of(call, vectors.ElementSize),
            };
            if (FlashDecode<TLanes, TVector, T>.Suits(context))
            {
                FlashDecode<TLanes, TVector, T>.Run(context, team);
            }
            else
            {
                FlashForward<TLanes, TVector, T>.Run(ref context, team);
            }
        }
    }

    private readonly struct BackwardKernel : IKernel<FlashGradientCall>
    {
        public static void Run<TLanes, TVector, T>(in FlashGradientCall call, IWorkTeam team, int threads)
            where TLanes : ILanes<TVector, T>
            where TVector : struct
            where T : unmanaged => FlashBackward<TLanes, TVector, T>.Run(call, team, threads);
    }
}
