using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor;

/// <summary>What the doctor examines and whom it asks. Everything but the attention rules, ffmpeg and the face detectors has a
/// default; those three belong to other layers and are given by the program that composes them.</summary>
public sealed record DoctorOptions
{
    /// <summary>Memory that the real 256-pixel model takes in float32, weights and activations: 12 GB. Below it the doctor warns.</summary>
    public const long RealModelBytes = 12_000_000_000;

    /// <summary>Which libtorch to load. Default: what the environment says, else the one beside the program.</summary>
    public LibTorchOptions? LibTorch { get; init; }

    /// <summary>What runs for each layer on a machine, given what libtorch says about CUDA (null when it did not load); null when the
    /// program has no attention layer to ask.</summary>
    public Func<Machine, bool?, LayerSurvey>? Survey { get; init; }

    /// <summary>Measures how fast libtorch computes on a device in an element type, in about a second; null: the report has no
    /// estimate.</summary>
    public Func<AttentionDevice, AttentionDType, MachineSpeed>? MeasureSpeed { get; init; }

    /// <summary>Finds ffmpeg; gives null or throws when there is none. null: not asked, and the check is left out.</summary>
    public Func<FfmpegFinding?>? Ffmpeg { get; init; }

    /// <summary>Lists the face detectors. null: not asked, and the check is left out.</summary>
    public Func<IReadOnlyList<DetectorFinding>>? Detectors { get; init; }

    /// <summary>Examines the machine. Default: this one, without loading libtorch.</summary>
    public Func<MachineExamination>? Examine { get; init; }

    /// <summary>Loads libtorch and lets it compute. Default: really.</summary>
    public Func<LibTorchOptions?, TorchFinding> TryTorch { get; init; } = TorchSelfTest.Run;

    /// <summary>Loads a native library of a package by name and gives the cause when it does not load. Default: really.</summary>
    public Func<string, NativeLoadFailure?> TryNative { get; init; } = name => NativeLibraryProbe.TryLoad(name, out _);
}
